"""The tables of each institution's balance, of the segments of its loan book and of its funding: MDP and percent.

All months come from the series, with consolidated subsidiaries (saldo 133), and months that only a bulletin has from
the newest bulletin that has them. ``fuente`` says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bankadvisor_etl.errors import DataError, Place
from bankadvisor_etl.formats.parse import SISTEMA, is_bank
from bankadvisor_etl.sources.bulletin.cells import label
from bankadvisor_etl.sources.catalogue import short_name
from bankadvisor_etl.sources.segments import SEGMENTS
from bankadvisor_etl.transforms.from_series import CONCEPTS, PESOS, Book

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from bankadvisor_etl.sources.series.arrays import Series
    from bankadvisor_etl.transforms.from_series import Kept

    Floats = npt.NDArray[np.float64]

SALDO = 133
"""The bank with its consolidated SOFOMs, as the bulletin has it."""

PERCENT = 100
WHOLE = 40100185
"""The whole loan book; it has no rows before 202201, and the stages have."""
STAGES = tuple(CONCEPTS[f"total_{stage}"] for stage in ("e1", "e2", "e3", "vr"))

AMOUNTS = {
    "activo_total": 40100001,
    "inversiones_financieras": 40100051,
    "cartera_total": WHOLE,
    "captacion_total": 40100042,
    "capital_contable": 40100002,
    "resultado_neto": 40100013,
}
RATIOS = {
    "roa_12m": 40200001,
    "roe_12m": 40200002,
    "imor": 40200017,
    "icor": 40200096,
    "perdida_esperada": 40200118,
}
SEGMENT_RATIOS = ("imor", "icor", "perdida_esperada")
ZERO_IS_LEFT_OUT = ("imor", "perdida_esperada")
"""Ratios to the loan book: where there is one, no row means that they are 0."""

KEY, SEGMENT_KEY, PRODUCT_KEY = ("codigo", "mes"), ("codigo", "segmento", "mes"), ("codigo", "producto", "mes")

LABELS = {
    40100001: "Activo",
    40100051: "Inversiones en instrumentos financieros",
    WHOLE: "Cartera de crédito con riesgo de crédito",
    40100042: "Captación total",
    40100002: "Capital contable",
    40100013: "Resultado neto",
    40200001: "ROA",
    40200002: "ROE",
    40200017: "Índice de morosidad (IMOR) cartera de crédito total",
    40200096: "Índice de cobertura (ICOR) cartera de crédito total",
    40200118: "EPRC / (cartera etapa 1 + etapa 2 + etapa 3) de cartera de crédito total",
    **{concept: segment.label for segment in SEGMENTS for concept in (segment.balance[0], *(segment.ratios or ()))},
    40100203: "Créditos a empresas productivas del estado",
    40100204: "Créditos a organismos descentralizados o desconcentrados",
    40100205: "Otros",
}
"""What CNBV's catalogue calls the concepts that these tables rest on, also those of ratios of segments."""


def needed() -> list[int]:
    """The concepts that these tables rest on."""
    of_segments = [concept for segment in SEGMENTS for concept in (*segment.balance, *(segment.ratios or ()))]
    return [*AMOUNTS.values(), *STAGES, *RATIOS.values(), *of_segments]


def check_labels(catalogue: Mapping[int, str], file: str) -> None:
    """Hold the concepts against CNBV's catalogue; what it lacks is replaced at another time, and no error.

    Args:
        catalogue: the label of each concept.
        file: the name of the catalogue's file.

    Raises:
        DataError: a concept has another label: its number may mean something else now.
    """
    for concept, expected in LABELS.items():
        found = catalogue.get(concept)
        if found is not None and label(found) != label(expected):
            place = Place(file, column=str(concept), value=found)
            remedy = "look up what the number means now, and correct transforms/metricas.py"
            raise DataError(f"is not {expected!r}, as concept {concept} was called", place, remedy)


def metricas(series: Series, kept: Sequence[Kept] = ()) -> pl.DataFrame:
    """``codigo``, ``mes``, ``AMOUNTS`` (MDP) and ``RATIOS`` (percent): banks and SISTEMA, where any amount is not 0.

    ``kept`` has values that an earlier edition of the series had and this one lacks.
    """
    book = Book(series, SALDO, kept)
    wanted = {**{str(concept): concept for concept in (*AMOUNTS.values(), *STAGES)}, **RATIOS}
    values = dict(zip(wanted, book.of(wanted), strict=True))
    stages = np.nansum([values[str(stage)] for stage in STAGES], axis=0)
    whole = values[str(WHOLE)]
    values[str(WHOLE)] = np.where(np.isnan(whole), stages, whole)
    amounts = {name: np.nan_to_num(values[str(concept)]) / PESOS for name, concept in AMOUNTS.items()}
    there = np.any([cells != 0 for cells in amounts.values()], axis=0)
    ratios = {name: values[name] * PERCENT for name in RATIOS}
    ratios |= {name: _zero_where_left_out(ratios[name], amounts["cartera_total"]) for name in ZERO_IS_LEFT_OUT}
    return _of_banks(book.frame({**amounts, **ratios}, there))


def segmentos(series: Series, kept: Sequence[Kept] = ()) -> pl.DataFrame:
    """``codigo``, ``segmento``, ``mes``, ``cartera_total`` (MDP), ``SEGMENT_RATIOS`` (percent), where any is not 0.

    ``kept`` has values that an earlier edition of the series had and this one lacks.
    """
    book = Book(series, SALDO, kept)
    frames = []
    for segment in SEGMENTS:
        parts = book.of({str(concept): concept for concept in segment.balance})
        ratios = segment.ratios or ()
        found = book.of({str(concept): concept for concept in ratios}) * PERCENT
        amount = np.nansum(parts, axis=0) / PESOS
        columns = dict(zip(SEGMENT_RATIOS, found, strict=False)) or {}
        columns |= {name: _zero_where_left_out(columns[name], amount) for name in ZERO_IS_LEFT_OUT if name in columns}
        columns |= {name: np.full_like(amount, np.nan) for name in SEGMENT_RATIOS if name not in columns}
        there = (amount != 0) | np.any(np.nan_to_num(found) != 0, axis=0)
        frame = book.frame({"cartera_total": amount, **columns}, there)
        frames.append(frame.insert_column(1, pl.lit(segment.code).alias("segmento")))
    return _of_banks(pl.concat(frames))


def newest(cells: pl.DataFrame) -> pl.DataFrame:
    """The figures of all bulletins, each from the newest bulletin that has it.

    Args:
        cells: the figures of ``sources.bulletin``, with ``boletin``, the month of the bulletin.

    Returns:
        The same columns; ``codigo`` is the institution's name where the bulletin's is unknown.
    """
    names = {name: short_name(name) for name in cells.filter(pl.col("codigo").is_null())["institucion"].unique()}
    by_name = pl.col("institucion").replace_strict(names, default=None, return_dtype=pl.String)
    known = cells.with_columns(codigo=pl.coalesce("codigo", by_name))
    return (
        known.filter(pl.col("valor").is_not_null())
        .sort("boletin", descending=True, maintain_order=True)
        .unique(("codigo", "mes", "tema", "grupo", "columna"), keep="first", maintain_order=True)
    )


def metricas_of_bulletins(cells: pl.DataFrame) -> pl.DataFrame:
    """The frame of ``metricas`` from the ``newest`` figures."""
    frame = _pivot(cells.filter(pl.col("tema") == "metrica"), KEY, (*AMOUNTS, *RATIOS))
    return frame.filter(pl.any_horizontal(pl.col(*AMOUNTS).fill_null(0) != 0))


def segmentos_of_bulletins(cells: pl.DataFrame) -> pl.DataFrame:
    """The frame of ``segmentos`` from the ``newest`` figures."""
    of_segments = cells.filter(pl.col("tema") == "segmento").rename({"grupo": "segmento"})
    frame = _pivot(of_segments, SEGMENT_KEY, ("cartera_total", *SEGMENT_RATIOS))
    return frame.filter(pl.any_horizontal(pl.exclude(SEGMENT_KEY).fill_null(0) != 0))


def captacion_of_bulletins(cells: pl.DataFrame) -> pl.DataFrame:
    """``codigo``, ``producto``, ``mes`` and ``saldo`` (MDP) from the ``newest`` figures."""
    products = cells.filter((pl.col("tema") == "producto") & (pl.col("valor") != 0))
    return products.select("codigo", producto="grupo", mes="mes", saldo="valor").sort(PRODUCT_KEY)


def capital_of_bulletins(cells: pl.DataFrame) -> pl.DataFrame:
    """``codigo``, ``mes``, ``icap_total``, ``icap_ccb`` and ``icap_ccf`` (percent) from the ``newest`` figures."""
    return _pivot(cells.filter(pl.col("tema") == "capital"), KEY, ("icap_total", "icap_ccb", "icap_ccf"))


def with_bulletins(series: pl.DataFrame | None, bulletins: pl.DataFrame | None) -> pl.DataFrame | None:
    """The months of the series, and after them those that only bulletins have; ``fuente`` says which.

    Args:
        series: the frame of ``metricas`` or ``segmentos``; None without the series.
        bulletins: the same from the bulletins; None without any.
    """
    parts = []
    if series is not None:
        parts.append(series.with_columns(fuente=pl.lit("serie")))
    if bulletins is not None:
        fresh = bulletins if series is None else bulletins.join(series, on="mes", how="anti")
        parts.append(fresh.with_columns(fuente=pl.lit("boletin")))
    return pl.concat(parts, how="diagonal") if parts else None


def _zero_where_left_out(ratio: Floats, loans: Floats) -> Floats:
    """The ratio, and 0 where there are loans and CNBV has left it out in a month in which others have one."""
    published = np.any(~np.isnan(ratio), axis=0)
    return np.where(np.isnan(ratio) & (loans > 0) & published, 0.0, ratio)


def _pivot(cells: pl.DataFrame, key: tuple[str, ...], columns: tuple[str, ...]) -> pl.DataFrame:
    wide = cells.pivot("columna", on_columns=list(columns), index=list(key), values="valor")
    return wide.sort(key)


def _of_banks(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(is_bank(pl.col("codigo")) | (pl.col("codigo") == SISTEMA))
