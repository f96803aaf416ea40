"""The three operations that every formula is made of, and the join that cannot multiply rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = ("codigo", "mes")


def total(columns: Iterable[str]) -> pl.Expr:
    """Sum of columns; null counts as 0."""
    return pl.sum_horizontal(*columns, ignore_nulls=True)


def ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Quotient; null where the denominator is not above 0."""
    return pl.when(denominator > 0).then(numerator / denominator)


def join_one(left: pl.DataFrame, right: pl.DataFrame, on: Iterable[str] = KEY) -> pl.DataFrame:
    """Left join to at most one row of ``right``.

    Raises:
        polars.exceptions.ComputeError: a key stands twice in ``right``.
    """
    joined = left.join(right, on=list(on), how="left", validate="m:1", maintain_order="left")
    if joined.height != left.height:  # what validate promises, held against what it did
        raise AssertionError(f"a join made {joined.height} rows of {left.height}")
    return joined
