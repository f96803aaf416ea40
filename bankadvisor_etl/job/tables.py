"""What a run publishes besides ``monthly_kpis`` and ``kpis_consolidados``: balances, segments and funding."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.sources.catalogue import named
from bankadvisor_etl.tables import CAPTACION, METRICAS, SEGMENTADA
from bankadvisor_etl.transforms import bulletins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.serie import SeriesExtract
    from bankadvisor_etl.sources.series.comparison import Kept

LARGEST = {"pesos": 1e18, "points": 1e6}
"""Figures of this size or more do not fit their column: reserves over almost no past-due loans."""


def publications(extracts: Mapping[str, Extract], kept: Sequence[Kept] = ()) -> dict[str, pl.DataFrame]:
    """The rows of each table that the available sources feed, with codes where the table has ids.

    Args:
        extracts: what was read and is used, by source; ``serie`` with its series.
        kept: stored values of an earlier edition of the series that this one lacks.
    """
    if not extracts.keys() & {"serie", "boletin"}:
        return {}
    balances = segments = funding = None
    if "serie" in extracts:
        from bankadvisor_etl.transforms import metricas  # noqa: PLC0415 - numpy, for the series alone

        series = cast("SeriesExtract", extracts["serie"]).series
        tables = (metricas.metricas(series, kept), metricas.segmentos(series, kept))
        balances, segments = (table.with_columns(fuente=pl.lit("serie")) for table in tables)
    if "boletin" in extracts:
        cells = bulletins.newest(extracts["boletin"].frame)
        balances = bulletins.after(balances, bulletins.metricas(cells))
        segments = bulletins.after(segments, bulletins.segmentos(cells))
        funding = bulletins.after(None, bulletins.captacion(cells))
    frames = {METRICAS.name: balances, SEGMENTADA.name: segments, CAPTACION.name: funding}
    return {name: _columns(name, frame) for name, frame in frames.items() if frame is not None and frame.height}


def names(frames: Mapping[str, pl.DataFrame], catalogue: pl.DataFrame) -> list[tuple[str, str, str, bool]]:
    """The institutions of these tables without an official name in the catalogue: code, names, not the system."""
    codes = pl.concat([frame.select(codigo="institucion_id") for frame in frames.values()]).unique() if frames else None
    if codes is None:
        return []
    known = catalogue.drop_nulls("nombre_oficial")
    return [
        (code, name, name, False) for code, name in named(codes.join(known, on="codigo", how="anti"), catalogue).rows()
    ]


def _columns(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the table's column names, without figures that its columns cannot hold."""
    renamed = frame.rename({"codigo": "institucion_id", "mes": "fecha_corte", "segmento": "segmento_id"}, strict=False)
    described = {METRICAS.name: METRICAS, SEGMENTADA.name: SEGMENTADA, CAPTACION.name: CAPTACION}[table]
    bounds = {column.name: LARGEST[column.kind] for column in described.columns if column.kind in LARGEST}
    return renamed.with_columns(
        pl.when(pl.col(name).abs() < bounds[name]).then(name).alias(name) for name in renamed.columns if name in bounds
    )
