"""The building blocks of every formula: a sum, a ratio, and a join that cannot multiply rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = ("codigo", "mes")

UNDEFINED = float("nan")
"""A ratio that is known to have no value, unlike null, which is a figure that the files lack. It is published as NULL
and replaces a published figure; null does not."""


def total(columns: Iterable[str]) -> pl.Expr:
    """Sum of columns; null counts as 0."""
    return pl.sum_horizontal(*columns, ignore_nulls=True)


def ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Quotient; ``UNDEFINED`` if the denominator is known and not above 0, null if an operand is unknown."""
    undefined = numerator.is_not_null() & (denominator <= 0)
    return pl.when(denominator > 0).then(numerator / denominator).when(undefined).then(UNDEFINED)


def join_one(left: pl.DataFrame, right: pl.DataFrame, on: Iterable[str] = KEY) -> pl.DataFrame:
    """Left join to at most one row of ``right``.

    Raises:
        polars.exceptions.ComputeError: a key appears twice in ``right``.
    """
    joined = left.join(right, on=list(on), how="left", validate="m:1", maintain_order="left")
    if joined.height != left.height:  # verifies what validate promises
        raise AssertionError(f"a join turned {left.height} rows into {joined.height}")
    return joined
