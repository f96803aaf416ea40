"""Each institution's balance and the segments of its loan book, from CNBV's series: MDP and percent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bankadvisor_etl.formats.parse import SISTEMA, is_bank
from bankadvisor_etl.sources.balance import AMOUNTS, RATIOS, SEGMENT_RATIOS, WHOLE
from bankadvisor_etl.sources.segments import SEGMENTS
from bankadvisor_etl.transforms.from_series import CONCEPTS, PESOS, Book

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bankadvisor_etl.sources.series.arrays import Series
    from bankadvisor_etl.sources.series.comparison import Kept

    Floats = npt.NDArray[np.float64]

SALDO = 133
"""The bank with its consolidated SOFOMs, as in the bulletin."""

PERCENT = 100
STAGES = tuple(CONCEPTS[f"total_{stage}"] for stage in ("e1", "e2", "e3", "vr"))

ZERO_IS_LEFT_OUT = ("imor", "perdida_esperada")
"""Ratios to the loan book: if there are loans, a missing row means 0."""


def needed() -> list[int]:
    """The concepts that these tables use."""
    of_segments = [concept for segment in SEGMENTS for concept in (*segment.balance, *(segment.ratios or ()))]
    return [*AMOUNTS.values(), *STAGES, *RATIOS.values(), *of_segments]


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


def _zero_where_left_out(ratio: Floats, loans: Floats) -> Floats:
    """The ratio, or 0 if there are loans and CNBV left it out in a month in which others have one."""
    published = np.any(~np.isnan(ratio), axis=0)
    return np.where(np.isnan(ratio) & (loans > 0) & published, 0.0, ratio)


def _of_banks(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(is_bank(pl.col("codigo")) | (pl.col("codigo") == SISTEMA))
