"""The three operations that every formula is made of, and the join that cannot multiply rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = ("codigo", "mes")

UNDEFINED = float("nan")
"""A ratio that has no value, which is a fact, unlike null, which is a figure that the files do not give. Published as
NULL: it replaces a published figure, and null does not."""


def total(columns: Iterable[str]) -> pl.Expr:
    """Sum of columns; null counts as 0."""
    return pl.sum_horizontal(*columns, ignore_nulls=True)


def ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Quotient; ``UNDEFINED`` where the denominator is known and not above 0, null where an operand is unknown."""
    undefined = numerator.is_not_null() & (denominator <= 0)
    return pl.when(denominator > 0).then(numerator / denominator).when(undefined).then(UNDEFINED)


def join_one(left: pl.DataFrame, right: pl.DataFrame, on: Iterable[str] = KEY) -> pl.DataFrame:
    """Left join to at most one row of ``right``.

    Raises:
        polars.exceptions.ComputeError: a key appears twice in ``right``.
    """
    joined = left.join(right, on=list(on), how="left", validate="m:1", maintain_order="left")
    if joined.height != left.height:  # what validate promises, held against what it did
        raise AssertionError(f"a join made {joined.height} rows of {left.height}")
    return joined
