"""The comparisons; which of them are made depends on the available sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bankadvisor_etl.reconcile import causes
from bankadvisor_etl.reconcile.differences import KEY, Compared, Side, compare
from bankadvisor_etl.sources import BY_NAME, balance
from bankadvisor_etl.sources.amounts import AMOUNTS
from bankadvisor_etl.sources.serie import SeriesExtract
from bankadvisor_etl.transforms import bulletins, metricas
from bankadvisor_etl.transforms.alertas import repeated_months
from bankadvisor_etl.transforms.capital import RATIOS as CAPITAL
from bankadvisor_etl.transforms.from_series import CONCEPTS, Book, amounts
from bankadvisor_etl.transforms.kpis import of_interest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.series.arrays import Series

AMOUNT, PESOS, POINTS, FRACTION, CAPITAL_POINTS = 0.9e-6, 0.009, 0.9e-4, 1e-6, 0.9e-4
"""Just less than one unit of the last relevant digit (1e-6 MDP, 0.01 MDP, 4 decimals of a percent, 1e-4 points), so
that a change by one unit is found; rounding makes half a unit."""
TWO_DECIMALS = 0.005 + 1e-9
"""Percentage points: bulletins round their ICAPs."""


def reconcile(extracts: Mapping[str, Extract], files: Mapping[str, str] | None = None) -> list[Compared]:
    """Make every comparison that the available sources allow.

    Args:
        extracts: what was read, by source.
        files: by source, the name of its file if it is not the usual one.
    """
    files = {name: source.files[0] for name, source in BY_NAME.items()} | dict(files or {})
    found = extracts.get("serie")
    series = found.series if isinstance(found, SeriesExtract) else None
    made: list[Compared] = []
    if series is not None:
        if "cartera" in extracts:
            made.append(workbook_with_series(extracts["cartera"].frame, series, files))
        made.append(consolidation(series, files))
        made += identities(series, files)
    if "boletin" in extracts:
        cells = extracts["boletin"].frame
        if series is not None:
            made += bulletins_with_series(cells, series, files)
        made.append(bulletins_with_older(cells))
    return [*made, *capital(extracts, files)]


def workbook_with_series(cartera: pl.DataFrame, series: Series, files: Mapping[str, str]) -> Compared:
    """The workbook's 35 amounts compared with saldo 130, MDP."""
    workbook = of_interest(cartera).with_columns(pl.col(*AMOUNTS).fill_null(0.0))
    a = Side.of(workbook, files["cartera"], "Sheet1")
    b = Side.of(of_interest(amounts(series, 130)), files["serie"])
    found = compare("libro_serie", a, b, dict.fromkeys(AMOUNTS, AMOUNT))
    found = causes.copied(found, repeated_months(cartera, list(AMOUNTS)))
    return causes.hints(causes.rounded(found), a, b, list(AMOUNTS))


def consolidation(series: Series, files: Mapping[str, str]) -> Compared:
    """Saldo 130 compared with 133: a difference is what a bank consolidates, not a finding."""
    a, b = (Side.of(of_interest(amounts(series, saldo)), files["serie"], str(saldo)) for saldo in (130, 133))
    found = compare("serie_130_133", a, b, {"todas": AMOUNT, "total_e3": AMOUNT})
    return causes.all_of(found, causes.CONSOLIDATION)


def identities(series: Series, files: Mapping[str, str]) -> Iterator[Compared]:
    """CNBV's ratios compared with its own amounts: E3/(E1+E2+E3), reserves/E3, reserves/(E1+E2+E3); fractions."""
    for saldo in (130, 133):
        book = Book(series, saldo)
        names = ("imor", "icor", "perdida_esperada")
        wanted = {name: CONCEPTS[name] for name in ("total_e1", "total_e2", "total_e3", "reservas")}
        e1, e2, e3, reserves = np.nan_to_num(book.of(wanted))
        stated = book.of({name: balance.RATIOS[name] for name in names})
        loans = e1 + e2 + e3
        with np.errstate(divide="ignore", invalid="ignore"):
            computed = np.array([e3 / loans, -reserves / e3, -reserves / loans])
        there = ~np.isnan(stated)
        computed = np.where(np.isfinite(computed) & there, computed, np.nan)
        rows = np.asarray(there.any(axis=0))
        a, b = (
            Side.of(book.frame(dict(zip(names, values, strict=True)), rows), files["serie"], str(saldo))
            for values in (stated, computed)
        )
        yield compare(f"identidades_{saldo}", a, b, dict.fromkeys(names, FRACTION))


def bulletins_with_series(cells: pl.DataFrame, series: Series, files: Mapping[str, str]) -> Iterator[Compared]:
    """Each bulletin's balances and segments compared with saldo 133: MDP and percent."""
    rows = {"metrica": (metricas.metricas(series), (*balance.AMOUNTS, *balance.RATIOS))}
    rows["segmento"] = (metricas.segmentos(series), ("cartera_total", *balance.SEGMENT_RATIOS))
    for kind, (frame, figures) in rows.items():
        b = Side.of(frame, files["serie"], "133")
        tolerances = {name: POINTS if name in balance.RATIOS else PESOS for name in figures}
        of_kind = cells.filter((pl.col("tema") == kind) & pl.col("codigo").is_not_null())
        editions = of_kind.partition_by("boletin", as_dict=True)
        known: list[pl.DataFrame] = []
        made: list[Compared] = []
        for month in sorted(editions, reverse=True):
            a = Side(_wide(editions[month], figures))
            found = compare(f"boletin_serie_{kind}", a, b, tolerances)
            if known:
                found = causes.restated(found, pl.concat(known).unique())
            made.append(causes.hints(found, a, b, figures))
            known.append(_agreed(a, found, figures))
        yield (
            Compared(
                f"boletin_serie_{kind}", sum(part.figures for part in made), pl.concat([part.found for part in made])
            )
            if made
            else Compared(f"boletin_serie_{kind}", 0, compare("", b, b, {}).found)
        )


def bulletins_with_older(cells: pl.DataFrame) -> Compared:
    """The figures of older bulletins that newer ones restate."""
    key = ("codigo", "mes", "hoja", "grupo", "columna")
    there = cells.filter(pl.col("valor").is_not_null() & pl.col("codigo").is_not_null())
    # Sorting by a hash groups the rows of a key in a fraction of the time of sorting by the key.
    in_order = there.sort(pl.struct(key).hash(), "boletin", maintain_order=True)
    before = pl.col("valor", "archivo", "fila").shift(1).name.suffix("_antes")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key)
    pairs = in_order.with_columns(before, igual=same).filter("igual")
    apart = pairs.filter(pl.col("valor") != pl.col("valor_antes"))
    frame = apart.select(
        comparacion=pl.lit("boletin_boletin"),
        codigo="codigo",
        mes="mes",
        segmento="grupo",
        figura="columna",
        valor_a="valor_antes",
        valor_b="valor",
        diferencia=pl.col("valor") - pl.col("valor_antes"),
        causa=pl.lit(causes.RESTATED),
        indicio=pl.lit(None, pl.String),
        archivo_a="archivo_antes",
        hoja_a="hoja",
        fila_a="fila_antes",
        archivo_b="archivo",
        hoja_b="hoja",
        fila_b="fila",
    )
    return Compared("boletin_boletin", pairs.height, frame)


def capital(extracts: Mapping[str, Extract], files: Mapping[str, str]) -> Iterator[Compared]:
    """The workbook's ICAPs compared with CNBV's bulletin of capital and the monthly bulletins, percentage points."""
    if "icap" not in extracts:
        return
    a = Side.of(extracts["icap"].frame, files["icap"], "ICAP Bancos")
    if "icap_cnbv" in extracts:
        b = Side.of(extracts["icap_cnbv"].frame, files["icap_cnbv"], "MINFO")
        found = causes.rounded(compare("icap_icap_cnbv", a, b, dict.fromkeys(CAPITAL, CAPITAL_POINTS)))
        yield causes.hints(found, a, b, CAPITAL)
    if "boletin" in extracts:
        cells = bulletins.newest(extracts["boletin"].frame.filter(pl.col("tema") == "capital"))
        b = Side(_wide(cells, CAPITAL))
        there = b.frame.select("codigo", "mes")  # not every bank is in Art_121
        side = Side(a.frame.join(there, on=["codigo", "mes"], how="semi"))
        found = causes.rounded(compare("icap_boletin", side, b, dict.fromkeys(CAPITAL, TWO_DECIMALS)))
        yield causes.hints(found, side, b, CAPITAL)


def _wide(cells: pl.DataFrame, figures: tuple[str, ...]) -> pl.DataFrame:
    """The figures of bulletins, one row per key, with the place of the first figure."""
    named = cells.with_columns(segmento="grupo").unique((*KEY, "columna"), keep="first", maintain_order=True)
    wide = named.pivot("columna", on_columns=list(figures), index=list(KEY), values="valor")
    places = named.group_by(KEY, maintain_order=True).agg(pl.col("archivo", "hoja", "fila").first())
    return wide.join(places, on=KEY, nulls_equal=True)


def _agreed(a: Side, found: Compared, figures: tuple[str, ...]) -> pl.DataFrame:
    """``KEY`` and ``figura`` of the figures in which an edition agrees with the other source."""
    all_figures = a.frame.unpivot(list(figures), index=list(KEY), variable_name="figura", value_name="valor")
    there = all_figures.filter(pl.col("valor").is_not_null()).select(*KEY, "figura")
    return there.join(found.found, on=[*KEY, "figura"], how="anti", nulls_equal=True)
