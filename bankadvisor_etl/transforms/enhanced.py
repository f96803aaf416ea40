"""Capital, adjusted delinquency and interest rates, joined to the loan book by code and month."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.formats.parse import SISTEMA, is_bank
from bankadvisor_etl.transforms import bulletins
from bankadvisor_etl.transforms.arithmetic import KEY, join_one, ratio
from bankadvisor_etl.transforms.capital import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIRST_INSTITUTION_CODE = 1_000
NO_TDA = pl.DataFrame(schema={"codigo": pl.String, "mes": pl.Date, "tda": pl.Float64})


def joined(
    book: pl.DataFrame, frames: Mapping[str, pl.DataFrame], published: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Add the figures of each available source.

    Args:
        book: the frame of ``transforms.kpis.base``.
        frames: the canonical frames by source.
        published: what is published: ``codigo``, ``mes``, the figures and ``alertas``.
    """
    steps: dict[str, Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]] = {
        "icap": capital,
        "tda": partial(adjusted_delinquency, published=published),
        "tasas": corporate_rates,
        "tasa_efectiva": effective_rates,
    }
    if "tda_serie" in book.columns and "tda" not in frames:
        frames = {**frames, "tda": NO_TDA}
    if (icap := all_capital(frames)) is not None:
        frames = {**frames, "icap": icap}
    for source, step in steps.items():
        if source in frames:
            book = step(book, frames[source])
    return book


def capital(book: pl.DataFrame, icap: pl.DataFrame) -> pl.DataFrame:
    """Add ``icap_total``, ``icap_ccb`` and ``icap_ccf`` as ratios (the source has percent), and ``fuente_icap``."""
    percent = pl.col("icap_total", "icap_ccb", "icap_ccf")
    return join_one(book, icap.select(*KEY, percent / 100, "fuente_icap"))


def all_capital(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame | None:
    """The ICAPs of every available source (``transforms.capital``); None without any."""
    of_bulletins = None
    if "boletin" in frames:  # only a hundredth of its rows
        of_bulletins = bulletins.capital(bulletins.newest(frames["boletin"].filter(pl.col("tema") == "capital")))
    return merged(frames.get("icap"), frames.get("icap_cnbv"), of_bulletins)


def adjusted_delinquency(book: pl.DataFrame, tda: pl.DataFrame, published: pl.DataFrame | None = None) -> pl.DataFrame:
    """Add ``tda_cartera_total`` (ratio) and ``tda_ponderada``, true where SISTEMA's was computed rather than read.

    The system's own figure ends at 202212; after that it is the mean of the banks that report one, weighted by
    ``cartera_total``. It is unknown if the file lacks the rate of a ``published`` bank, or if the system's published
    figure was read from a file and the file lacks it now. What the file lacks and CNBV's series has (``tda_serie``, a
    fraction) comes from the series.
    """
    book = join_one(book, tda.select(*KEY, tda_cartera_total=pl.col("tda") / 100))
    if "tda_serie" in book.columns:
        book = book.with_columns(pl.coalesce("tda_cartera_total", "tda_serie"))
    tda_read, weight = pl.col("tda_cartera_total"), pl.col("cartera_total")
    weighted = (
        book.filter(is_bank(pl.col("codigo")) & tda_read.is_not_null())
        .group_by("mes", maintain_order=True)
        .agg(numerator=(tda_read * weight).sum(), denominator=weight.sum())
        .select("mes", tda_sistema=ratio(pl.col("numerator"), pl.col("denominator")).fill_nan(None))
    )
    if published is not None:
        there = published.filter(is_bank(pl.col("codigo")) & pl.col("tda_cartera_total").is_not_null())
        lost = there.join(book.filter(tda_read.is_not_null()), on=KEY, how="anti")
        was_read = (
            (pl.col("codigo") == SISTEMA)
            & pl.col("tda_cartera_total").is_not_null()
            & ~pl.col("alertas").list.contains("tda_sistema_ponderada")
        )
        weighted = weighted.join(lost, on="mes", how="anti").join(published.filter(was_read), on="mes", how="anti")
    computed = (pl.col("codigo") == SISTEMA) & tda_read.is_null() & pl.col("tda_sistema").is_not_null()
    return join_one(book, weighted, on=["mes"]).with_columns(
        tda_ponderada=computed,
        tda_cartera_total=pl.when(computed).then("tda_sistema").otherwise("tda_cartera_total"),
    )


def corporate_rates(book: pl.DataFrame, tasas: pl.DataFrame) -> pl.DataFrame:
    """Add ``tasa_mn`` and ``tasa_me`` (ratios): mean rates weighted by the portfolio, zero rates included.

    SISTEMA's are over the loans of all institutions; rows with an aggregate's code are not used.
    """
    loans = tasas.filter(pl.col("codigo").cast(pl.Int64) >= FIRST_INSTITUTION_CODE)
    system = loans.with_columns(codigo=pl.lit(SISTEMA))
    rates = (
        pl.concat([loans, system])
        .filter(pl.col("moneda").is_in(["mn", "me"]))
        .group_by(*KEY, "moneda", maintain_order=True)
        .agg(pl.col("saldo", "saldo_por_tasa").sum())
        # Parallel sums of floats differ in their last digits; rounding to twelve decimals makes runs repeatable.
        .with_columns(tasa=(ratio(pl.col("saldo_por_tasa"), pl.col("saldo")) / 100).round(12))
        .pivot("moneda", on_columns=["mn", "me"], index=KEY, values="tasa")
        .rename({"mn": "tasa_mn", "me": "tasa_me"})
    )
    return join_one(book, rates)


def effective_rates(book: pl.DataFrame, tasa_efectiva: pl.DataFrame) -> pl.DataFrame:
    """Add ``tasa_sistema`` and ``tasa_invex_consumo`` (percent) to every row of the month."""
    return join_one(book, tasa_efectiva.select("mes", "tasa_sistema", "tasa_invex_consumo"), on=["mes"])
