from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankadvisor_etl.transforms.arithmetic import UNDEFINED, join_one, ratio, total
from support.frames import BBVA, INVEX, mes

amounts = st.none() | st.floats(-1e9, 1e9) | st.just(0.0)


def quotient(numerator: Any, denominator: Any) -> Any:
    frame = pl.DataFrame({"n": [numerator], "d": [denominator]}, schema={"n": pl.Float64, "d": pl.Float64})
    return frame.select(ratio(pl.col("n"), pl.col("d"))).item()


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (3.0, 4.0, 0.75),
        (-3.0, 4.0, -0.75),
        (0.0, 4.0, 0.0),
        (3.0, 0.0, UNDEFINED),
        (0.0, 0.0, UNDEFINED),
        (3.0, -4.0, UNDEFINED),
        (None, 0.0, None),
        (3.0, None, None),
        (None, 4.0, None),
        (None, None, None),
    ],
)
def test_ratio(numerator: float | None, denominator: float | None, expected: float | None) -> None:
    assert quotient(numerator, denominator) == pytest.approx(expected, nan_ok=True)


@settings(max_examples=60, deadline=None, database=None)
@given(amounts, amounts.filter(lambda value: value is None or not 0 < value < 1e-290))
def test_ratio_is_a_number_undefined_or_unknown(numerator: float | None, denominator: float | None) -> None:
    value = quotient(numerator, denominator)
    assert (value is None) == (numerator is None or denominator is None)
    assert value is None or math.isnan(value) == (denominator <= 0)


def test_total_takes_null_for_zero() -> None:
    frame = pl.DataFrame({"a": [1.0, None, None], "b": [2.5, 2.5, None], "c": [100.0] * 3})
    assert frame.select(total(("a", "b")))["a"].to_list() == [3.5, 2.5, 0.0]


def test_join_keeps_every_row_of_the_left_in_its_order() -> None:
    left = pl.DataFrame({"codigo": [INVEX, BBVA, INVEX], "mes": [mes(202502), mes(202501), mes(202501)]})
    right = pl.DataFrame({"codigo": [INVEX, "040002"], "mes": [mes(202501)] * 2, "x": [7, 8]})
    joined = join_one(left, right)
    assert joined["codigo", "mes"].equals(left)
    assert joined["x"].to_list() == [None, None, 7]


def test_a_join_that_would_multiply_rows_raises() -> None:
    left = pl.DataFrame({"codigo": [INVEX], "mes": [mes(202501)]})
    right = pl.DataFrame({"codigo": [INVEX] * 2, "mes": [mes(202501)] * 2, "x": [7, 8]})
    with pytest.raises(pl.exceptions.ComputeError, match="m:1"):
        join_one(left, right)
    with pytest.raises(pl.exceptions.ComputeError, match="m:1"):
        join_one(left, right.select("mes", "x"), on=["mes"])
