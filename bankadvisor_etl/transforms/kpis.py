"""``monthly_kpis``, assembled from the available sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.formats.parse import SISTEMA, is_bank
from bankadvisor_etl.sources.amounts import AMOUNTS
from bankadvisor_etl.transforms import alertas, enhanced
from bankadvisor_etl.transforms.arithmetic import KEY, join_one
from bankadvisor_etl.transforms.cartera import loan_book
from bankadvisor_etl.transforms.castigos import write_offs, write_offs_of_the_series

if TYPE_CHECKING:
    from collections.abc import Mapping


SOURCE_COLUMNS = ("fuente", "fuente_icap")
"""The columns that name the source of a row's loan book and of its capital."""


@dataclass(frozen=True)
class Kpis:
    """The figures of a run.

    Attributes:
        frame: ``codigo``, ``mes``, the figures that the available sources feed, ``alertas``; one row per published
            bank-month, SISTEMA included. ``UNDEFINED`` ratios are null here.
        staged: the same, with ``UNDEFINED`` ratios distinct from unknown ones.
        unpublished: ``codigo``, ``mes`` of the bank-months with neither an amount nor an ICAP.
        alertas: the alerts that this run could detect; the others are kept as published.
    """

    frame: pl.DataFrame
    staged: pl.DataFrame
    unpublished: pl.DataFrame
    alertas: tuple[str, ...]


def of_interest(cartera: pl.DataFrame) -> pl.DataFrame:
    """The rows of SISTEMA and of the banks; the others are aggregates."""
    return cartera.filter(is_bank(pl.col("codigo")) | (pl.col("codigo") == SISTEMA))


def base(frames: Mapping[str, pl.DataFrame], published: pl.DataFrame | None = None) -> pl.DataFrame:
    """The loan book of SISTEMA and of every bank, with write-offs if that source is present.

    Args:
        frames: the canonical frames by source; only ``cartera`` is required. ``serie`` has what CNBV's series gives
            apart from the amounts (``transforms.from_series.official``).
        published: what is published: ``codigo``, ``mes`` and the figures.
    """
    book = loan_book(of_interest(frames["cartera"]))
    if "serie" in frames:
        book = join_one(book, frames["serie"])
    if "castigos" in frames:
        lost = None if published is None else published.filter(_came_from_castigos("serie" in frames))
        book = write_offs(book, frames["castigos"], lost)
    if "quebrantos_serie" in book.columns:
        book = write_offs_of_the_series(book, frames.get("castigos"))
    return book


def _came_from_castigos(series: bool) -> pl.Expr:  # noqa: FBT001 - one of two answers
    """Whether a published bank-month had a row in castigos: unlike the series, castigos feeds ``imor_comercial``."""
    has_lost = pl.col("quebrantos_comerciales").is_not_null()
    return has_lost & pl.col("imor_comercial").is_not_null() if series else has_lost


def monthly_kpis(book: pl.DataFrame, frames: Mapping[str, pl.DataFrame], published: pl.DataFrame | None = None) -> Kpis:
    """Join the enhanced sources to the book and keep what is published.

    Args:
        book: the frame of ``base``.
        frames: the canonical frames by source; only ``cartera`` is required.
        published: what is published: ``codigo``, ``mes`` and the figures. If the ICAPs are not available, a bank-month
            that is published only for its ICAP stays published.
    """
    book = enhanced.joined(book, frames, published)
    conditions = _alert_conditions(book, frames)
    tags = pl.concat_list(pl.when(held).then(pl.lit(name)) for name, held in conditions.items()).list.drop_nulls()
    there = _is_published(book)
    if published is not None and "icap" not in frames:
        there |= pl.struct(KEY).is_in(
            published.filter(pl.col("icap_total").is_not_null()).select(pl.struct(KEY)).to_series().implode()
        )
    book = book.with_columns(publicada=there)
    figures = [name for name in METRICS if name in book.columns]
    texts = [name for name in SOURCE_COLUMNS if name in book.columns]
    staged = book.filter("publicada").sort("mes", "codigo").select("codigo", "mes", *texts, *figures, alertas=tags)
    return Kpis(
        frame=staged.with_columns(pl.col(figures).fill_nan(None)),
        staged=staged,
        unpublished=book.filter(~pl.col("publicada")).select("codigo", "mes"),
        alertas=tuple(conditions),
    )


def _alert_conditions(book: pl.DataFrame, frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.Expr]:
    capital = enhanced.all_capital(frames)
    rounded = alertas.rounded_icap_months(capital) if capital is not None else []
    without_reliefs = alertas.months_without_reliefs(frames["castigos"]) if "castigos" in frames else []
    repeated = alertas.repeated_months(frames["cartera"], list(AMOUNTS))
    return alertas.flags(book.columns, repeated, rounded, without_reliefs)


def _is_published(book: pl.DataFrame) -> pl.Expr:
    """An amount that is not zero, or an ICAP."""
    held = [pl.col(name).fill_null(0) != 0 for name in AMOUNTS]
    if "icap_total" in book.columns:
        held.append(pl.col("icap_total").is_not_null())
    return pl.any_horizontal(held)
