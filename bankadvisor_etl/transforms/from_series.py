"""The amounts of the loan book from CNBV's own series, with the names and in the unit of the workbook.

A concept without a value is 0 if its institution, month and saldo have any other value; if they have none, there is no
row. Before 202201 stages 2 and VR and ``todas`` have no values: this rule makes them 0, as in the workbook, and
"Etapa 1" is the performing portfolio and "Etapa 3" the past-due one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bankadvisor_etl.sources.amounts import AMOUNTS, STAGES
from bankadvisor_etl.sources.series.arrays import code
from bankadvisor_etl.sources.series.cube import FIRST_MONTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bankadvisor_etl.sources.series.arrays import Series
    from bankadvisor_etl.sources.series.comparison import Kept

    Floats = npt.NDArray[np.float64]

PESOS = 1e6
"""Pesos per MDP."""

_STAGES = {
    "total": (40100263, 40100302, 40100341, 40100380),
    "comercial": (40100264, 40100303, 40100342, 40100381),
    "ae": (40100265, 40100304, 40100343, 40100382),
    "ef": (40100274, 40100313, 40100352, 40100391),
    "eg": (40100278, 40100317, 40100356, 40100395),
    "co": (40100284, 40100323, 40100362, 40100401),
    "vi": (40100295, 40100334, 40100373, 40100412),
}
CONCEPTS = {
    **{f"{book}_{e}": number for book, ids in _STAGES.items() for e, number in zip(STAGES, ids, strict=True)},
    "todas": 40100185,
    "reservas": 40100031,
    "res_ae": 40100060,
    "res_ef": 40100061,
    "res_eg": 40100062,
    "res_co": 40100033,
    "res_vi": 40100034,
}
"""The concept of each of the 35 amounts, for both saldos (CNBV's catalogue; the workbook's MAPEO CUENTAS)."""

RATIOS = {
    "imor_cnbv": 40200017,
    "imora_cnbv": 40200033,
    "roa_12m": 40200001,
    "roe_12m": 40200002,
    "tda_cartera_total": 40200074,
}
"""CNBV's own ratios, as fractions. Its IMOR leaves out stage VR: E3 / (E1 + E2 + E3)."""

OWN = {"tda_cartera_total": "tda_serie", "quebrantos_comerciales": "quebrantos_serie"}
"""The names of figures for which another source takes precedence."""

WRITE_OFFS = {"quebrantos_comerciales": 40100039}
"""Write-offs and reliefs of the commercial portfolio in the month, together."""


def needed() -> list[int]:
    """The concepts that the figures use."""
    return [*CONCEPTS.values(), *RATIOS.values(), *WRITE_OFFS.values()]


def official(series: Series, saldo: int, kept: Sequence[Kept] = ()) -> pl.DataFrame:
    """Everything that ``monthly_kpis`` uses from the series.

    Args:
        series: the file.
        saldo: 130 for the bank alone, 133 with its consolidated SOFOMs.
        kept: values that an earlier edition had and this one lacks: used as they were, not as 0.

    Returns:
        ``codigo``, ``mes``, the 35 amounts in MDP, ``imor_cnbv``, ``imora_cnbv``, ``roa_12m``, ``roe_12m`` and
        ``tda_serie`` (fractions, null where CNBV has none), ``quebrantos_serie`` (MDP; null in a month in which
        no institution has any), and ``conservada``, whether a value of the row was kept; one row per institution and
        month with a value for any of the 35.
    """
    book = Book(series, saldo, kept)
    values = book.of(CONCEPTS)
    there = np.asarray(~np.isnan(values).all(axis=0))
    frame = book.frame({name: values[at] / PESOS for at, name in enumerate(CONCEPTS)}, there, missing=0.0)
    ratios = book.of(RATIOS)
    columns = {OWN.get(name, name): ratios[at] for at, name in enumerate(RATIOS)}
    write_offs = book.of(WRITE_OFFS) / PESOS
    reported = ~np.isnan(write_offs).all(axis=1, keepdims=True)
    known = np.where(reported, np.nan_to_num(write_offs), np.nan)
    lost = {OWN[name]: cells for name, cells in zip(WRITE_OFFS, known, strict=True)}
    return frame.select("codigo", "mes", *AMOUNTS).hstack(
        [
            *book.frame(columns, there).select(columns.keys()),
            *book.frame(lost, there).select(lost.keys()),
            *book.frame({"conservada": book.kept()}, there).select(pl.col("conservada") > 0),
        ]
    )


def amounts(series: Series, saldo: int) -> pl.DataFrame:
    """The 35 amounts, in the form of the source ``cartera``.

    Args:
        series: the file.
        saldo: 130 for the bank alone, 133 with its consolidated SOFOMs.

    Returns:
        ``codigo``, ``mes`` and the amounts in MDP; one row per institution and month with a value for any of the 35.
    """
    book = Book(series, saldo)
    values = book.of(CONCEPTS)
    there = np.asarray(~np.isnan(values).all(axis=0))
    return book.frame({name: values[at] / PESOS for at, name in enumerate(CONCEPTS)}, there, missing=0.0).select(
        "codigo", "mes", *AMOUNTS
    )


class Book:
    """Some concepts of every institution, month by month, for one saldo."""

    def __init__(self, series: Series, saldo: int, kept: Sequence[Kept] = ()) -> None:
        """Select one saldo of the series."""
        self._series = series
        self._numbers = {key: at for at, key in enumerate(series.keys) if key[1] == saldo}
        self._saldo = saldo
        self._kept = {
            (entity, concept, month - FIRST_MONTH): value for entity, of, concept, month, value in kept if of == saldo
        }
        self._entities = sorted({key[0] for key in (*self._numbers, *self._kept)})
        self._places = {entity: place for place, entity in enumerate(self._entities)}

    def of(self, concepts: dict[str, int]) -> Floats:
        """Values by concept, institution and month; NaN where the file has none."""
        found = np.full((len(concepts), len(self._entities), self._series.values.shape[1]), np.nan)
        for at, concept in enumerate(concepts.values()):
            for place, entity in enumerate(self._entities):
                number = self._numbers.get((entity, self._saldo, concept))
                if number is not None:
                    found[at, place] = self._series.values[self._series.rows[number]]
        wanted = {concept: at for at, concept in enumerate(concepts.values())}
        for (entity, concept, month), value in self._kept.items():
            if concept in wanted:
                found[wanted[concept], self._places[entity], month] = value
        return found

    def kept(self) -> Floats:
        """1 if a value that the 35 amounts need was kept, by institution and month."""
        found = np.zeros((len(self._entities), self._series.values.shape[1]))
        needed = {*CONCEPTS.values()}
        for entity, concept, month in self._kept:
            if concept in needed:
                found[self._places[entity], month] = 1
        return found

    def frame(
        self, columns: dict[str, Floats], there: npt.NDArray[np.bool_], missing: float | None = None
    ) -> pl.DataFrame:
        """The cells that are ``there`` as rows, by code and month; NaN becomes ``missing``."""
        places, months = np.nonzero(there)
        numbers = months + FIRST_MONTH
        codes = pl.Series([code(entity) for entity in self._entities], dtype=pl.String)
        values = {name: pl.Series(name, cells[places, months]).fill_nan(missing) for name, cells in columns.items()}
        frame = pl.DataFrame(
            {"codigo": codes.gather(places), "year": numbers // 12, "month": numbers % 12 + 1} | values
        )
        return frame.select("codigo", pl.date("year", "month", 1).alias("mes"), *columns)
