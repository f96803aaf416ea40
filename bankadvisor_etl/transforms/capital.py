"""ICAP, CCB and CCF from three publications: the workbook, CNBV's bulletin of capital, and the monthly bulletins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.transforms.arithmetic import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

RATIOS = ("icap_total", "icap_ccb", "icap_ccf")
WORKBOOK, OFFICIAL, BULLETIN = "libro", "icap_cnbv", "boletin"
"""The values of ``fuente_icap``; each source overrides those before it."""

ROUNDED = 0.005
"""Percentage points: half a unit of the second decimal. A bulletin with two decimals does not replace a more precise
figure that rounds to the same."""
DECIMALS, EXACT = 2, 1e-9


def merged(
    workbook: pl.DataFrame | None, official: pl.DataFrame | None, bulletins: pl.DataFrame | None
) -> pl.DataFrame | None:
    """The ratios in percent, each bank-month from the last of the sources that has its ICAP.

    Args:
        workbook: ``codigo``, ``mes`` and ``RATIOS`` in percent; None if it is missing, like the others.
        official: the same from CNBV's bulletin of capital.
        bulletins: the same from ``Art_121`` of the monthly bulletins.

    Returns:
        ``codigo``, ``mes``, ``RATIOS`` and ``fuente_icap``, null without an ICAP; None without any source.
    """
    result: pl.DataFrame | None = None
    for frame, source in ((workbook, WORKBOOK), (official, OFFICIAL), (bulletins, BULLETIN)):
        if frame is None:
            continue
        named = frame.select(*KEY, *RATIOS, fuente_icap=_source(source))
        result = named if result is None else _overridden(result, named, rounds=source == BULLETIN)
    return result


def _source(name: str) -> pl.Expr:
    there = pl.any_horizontal(pl.col(ratio).is_not_null() for ratio in RATIOS)
    return pl.when(there).then(pl.lit(name))


def _overridden(old: pl.DataFrame, new: pl.DataFrame, *, rounds: bool) -> pl.DataFrame:
    """``old``, overridden by the rows of ``new``.

    A ratio that the new row lacks stays as it is; so does a row if the new one may only be its rounding.
    """
    both = old.join(new, on=KEY, how="full", coalesce=True, suffix="_new", maintain_order="left_right")
    apart = pl.any_horizontal(_says_more(ratio, rounds=rounds) for ratio in RATIOS)
    columns: Iterable[str] = (*RATIOS, "fuente_icap")
    return both.select(
        *KEY, *(pl.when(apart).then(pl.coalesce(f"{name}_new", name)).otherwise(name).alias(name) for name in columns)
    )


def _says_more(ratio: str, *, rounds: bool) -> pl.Expr:
    """Whether the new row has the ratio, and it is not the old one rounded."""
    old, new = pl.col(ratio), pl.col(f"{ratio}_new")
    if not rounds:
        return new.is_not_null()
    exact = (new - new.round(DECIMALS)).abs() > EXACT
    return new.is_not_null() & (old.is_null() | exact | ((old - new).abs() > ROUNDED))
