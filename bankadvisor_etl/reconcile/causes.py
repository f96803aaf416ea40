"""Why two sources differ, where it can be determined: each function fills ``causa`` or ``indicio`` of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.reconcile.differences import KEY, Compared, Side

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

CONSOLIDATION, ROUNDING, COPIED, RESTATED = "consolidacion", "redondeo", "mes_copiado", "reexpresado"
"""The bank with its SOFOMs; fewer digits; a month that repeats the one before; restated since."""

FEWEST_ROUNDED, SHARE_ROUNDED, EXACT = 5, 0.9, 1e-9
"""A single figure that ends in 0 does not make a rounded month."""
MOST_DECIMALS = 2


def all_of(compared: Compared, cause: str) -> Compared:
    """Everything that differs has this cause."""
    return replace(compared, found=compared.found.with_columns(causa=pl.lit(cause)))


def copied(compared: Compared, months: Sequence[date]) -> Compared:
    """Months of A that repeat the one before, for every bank."""
    return _caused(compared, pl.col("mes").is_in(list(months)), COPIED)


def rounded(compared: Compared) -> Compared:
    """Months of A in which nearly all differences are B rounded to at most ``MOST_DECIMALS`` decimals."""
    a, b = pl.col("valor_a"), pl.col("valor_b")
    is_rounded = pl.any_horizontal(
        ((b.round(decimals) - a).abs() < EXACT) for decimals in range(MOST_DECIMALS + 1)
    ).fill_null(value=False)
    months = (
        compared.unexplained.group_by("mes")
        .agg(found=is_rounded.sum(), share=is_rounded.mean())
        .filter((pl.col("found") >= FEWEST_ROUNDED) & (pl.col("share") >= SHARE_ROUNDED))["mes"]
    )
    return _caused(compared, pl.col("mes").is_in(months.implode()) & is_rounded, ROUNDING)


def restated(compared: Compared, newer: pl.DataFrame) -> Compared:
    """Figures of A that differ in a newer edition of A, which agrees with B.

    Args:
        compared: an older edition compared with B.
        newer: ``KEY``, ``figura`` of the figures in which the newest edition agrees with B.
    """
    keys = newer.select(*KEY, "figura", acordada=pl.lit(value=True))
    joined = compared.found.join(keys, on=[*KEY, "figura"], how="left", nulls_equal=True, maintain_order="left")
    marked = joined.with_columns(
        causa=pl.when(pl.col("acordada") & pl.col("causa").is_null()).then(pl.lit(RESTATED)).otherwise("causa")
    )
    return replace(compared, found=marked.drop("acordada"))


def hints(compared: Compared, a: Side, b: Side, figures: Sequence[str]) -> Compared:
    """Note which bank or month the figures of unexplained rows look like.

    A row is recognised by all its figures, to six decimals, if at least two of them are not 0.
    """
    open_rows = compared.unexplained.select(KEY).unique()
    if open_rows.is_empty():
        return compared
    mine = _printed(a.frame, figures).join(open_rows, on=KEY, how="semi", nulls_equal=True)
    theirs = _printed(b.frame, figures).select("huella", "segmento", otro="codigo", otro_mes="mes")
    alike = mine.join(theirs, on=["huella", "segmento"], nulls_equal=True)
    banks = alike.filter((pl.col("otro_mes") == pl.col("mes")) & (pl.col("otro") != pl.col("codigo")))
    months = alike.filter((pl.col("otro") == pl.col("codigo")) & (pl.col("otro_mes") != pl.col("mes")))
    words = pl.concat(
        [
            banks.select(*KEY, parece=pl.format("banco {}", "otro")),
            months.select(*KEY, parece=pl.format("mes {}", pl.col("otro_mes").dt.strftime("%Y%m"))),
        ]
    ).unique(KEY, keep="first", maintain_order=True)
    joined = compared.found.join(words, on=KEY, how="left", nulls_equal=True, maintain_order="left")
    hint = pl.when(pl.col("causa").is_null()).then(pl.coalesce("parece", pl.lit("cifra")))
    return replace(compared, found=joined.with_columns(indicio=hint).drop("parece"))


def _printed(frame: pl.DataFrame, figures: Sequence[str]) -> pl.DataFrame:
    filled = [pl.col(name).fill_null(0).round(6) for name in figures]
    rows = frame.filter(pl.sum_horizontal((figure != 0).cast(pl.Int32) for figure in filled) > 1)
    return rows.select(*KEY, huella=pl.concat_str([(figure + 0.0).cast(pl.String) for figure in filled], separator=" "))


def _caused(compared: Compared, held: pl.Expr, cause: str) -> Compared:
    cause_there = pl.when(held & pl.col("causa").is_null()).then(pl.lit(cause)).otherwise("causa")
    return replace(compared, found=compared.found.with_columns(causa=cause_there))
