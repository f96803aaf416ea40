"""Write-offs of the month and of the year so far, with figures computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.transforms.cartera import loan_book
from bankadvisor_etl.transforms.castigos import write_offs
from support.frames import BBVA, INVEX, Row, cartera, castigos, loans, mes

if TYPE_CHECKING:
    from collections.abc import Sequence

# AE + EF: E3 10, E1 + E2 + E3 200; with EG and VR the commercial portfolio is 250.
LOANS = {
    "ae_e1": 150.0,
    "ae_e2": 20.0,
    "ae_e3": 6.0,
    "ef_e1": 20.0,
    "ef_e3": 4.0,
    "ae_vr": 10.0,
    "eg_e1": 30.0,
    "eg_e3": 10.0,
}


def with_write_offs(periods: Sequence[int], flows: pl.DataFrame, code: str = INVEX) -> list[Row]:
    book = loan_book(cartera(*(loans(code, period, **LOANS) for period in periods)))
    return list(write_offs(book, flows).iter_rows(named=True))


def test_the_month_and_the_year_so_far() -> None:
    flows = castigos((INVEX, 202501, 2.0, 0.5), (INVEX, 202502, 3.0, 0.0), (BBVA, 202501, 900.0, 900.0))
    january, february = with_write_offs([202501, 202502], flows)
    assert january["quebrantos_comerciales"] == 2.5
    assert january["quebrantos_vs_cartera_cc"] == pytest.approx(0.01)  # 2.5 / 250
    assert january["imor_comercial"] == pytest.approx(0.06)  # (10 + 2) / 200
    assert january["cvc_cc"] == pytest.approx(0.05)  # 10 / 200
    assert february["quebrantos_comerciales"] == 3.0
    assert february["quebrantos_vs_cartera_cc"] == pytest.approx(0.012)  # 3 / 250
    assert february["imor_comercial"] == pytest.approx(0.075)  # (10 + 2 + 3) / 200


def test_the_year_begins_anew_in_january() -> None:
    flows = castigos(
        (INVEX, 202502, 3.0, 0.0),
        (INVEX, 202412, 6.0, 0.0),
        (INVEX, 202501, 1.0, 0.0),
        (INVEX, 202411, 4.0, 0.0),
    )
    rows = with_write_offs([202411, 202412, 202501, 202502], flows)
    expected = [0.07, 0.10, 0.055, 0.07]  # (10 + 4, 10 + 10, 10 + 1, 10 + 4) / 200
    assert [row["imor_comercial"] for row in rows] == pytest.approx(expected)


def test_a_month_without_write_offs_is_null_and_the_next_adds_what_there_is() -> None:
    flows = castigos((INVEX, 202501, 2.0, 1.0), (INVEX, 202503, 4.0, 1.0))
    january, february, march = with_write_offs([202501, 202502, 202503], flows)
    assert january["imor_comercial"] == pytest.approx(0.06)
    figures = ("imor_comercial", "quebrantos_comerciales", "quebrantos_vs_cartera_cc")
    assert [february[name] for name in figures] == [None] * 3
    assert march["imor_comercial"] == pytest.approx(0.08)  # (10 + 2 + 4) / 200
    assert march["quebrantos_comerciales"] == 5.0


def test_a_write_off_that_is_unknown_makes_the_rest_of_its_year_unknown() -> None:
    unknown = castigos((INVEX, 202411, 2.0, 1.0), (INVEX, 202412, None, 1.0), (INVEX, 202501, 4.0, None))
    rows = with_write_offs([202411, 202412, 202501], unknown)
    assert [row["imor_comercial"] for row in rows] == [pytest.approx(0.06), None, pytest.approx(0.07)]
    assert [row["quebrantos_comerciales"] for row in rows] == [3.0, None, None]


def test_a_published_month_that_the_file_lacks_makes_the_rest_of_its_year_unknown() -> None:
    flows = castigos((INVEX, 202501, 2.0, 1.0), (INVEX, 202503, 4.0, 1.0))
    book = loan_book(cartera(*(loans(INVEX, period, **LOANS) for period in (202501, 202502, 202503))))
    published = pl.DataFrame({"codigo": [INVEX, BBVA], "mes": [mes(202502), mes(202501)]})
    rows = write_offs(book, flows, published)
    assert rows["imor_comercial"].to_list() == [pytest.approx(0.06), None, None]
    assert rows["quebrantos_comerciales"].to_list() == [3.0, None, 5.0]


def test_write_offs_of_zero_leave_the_delinquency_rate() -> None:
    row = with_write_offs([202501], castigos((INVEX, 202501, 0.0, 0.0)))[0]
    assert (row["quebrantos_comerciales"], row["quebrantos_vs_cartera_cc"]) == (0.0, 0.0)
    assert row["imor_comercial"] == pytest.approx(0.05)


def test_without_loans_there_is_an_amount_and_no_ratio() -> None:
    book = loan_book(cartera(loans(INVEX, 202501, co_e1=10.0)))
    row = write_offs(book, castigos((INVEX, 202501, 2.0, 1.0))).fill_nan(None).row(0, named=True)
    assert (row["quebrantos_comerciales"], row["quebrantos_vs_cartera_cc"], row["imor_comercial"]) == (3.0, None, None)


def test_write_offs_of_a_bank_without_loans_add_no_row() -> None:
    rows = with_write_offs([202501], castigos((BBVA, 202501, 1.0, 1.0), (INVEX, 202502, 1.0, 1.0)))
    assert [(row["codigo"], row["mes"]) for row in rows] == [(INVEX, mes(202501))]
    assert rows[0]["quebrantos_comerciales"] is None


def test_a_key_that_stands_twice_raises() -> None:
    with pytest.raises(pl.exceptions.ComputeError, match="m:1"):
        with_write_offs([202501], castigos((INVEX, 202501, 1.0, 1.0), (INVEX, 202501, 1.0, 1.0)))
