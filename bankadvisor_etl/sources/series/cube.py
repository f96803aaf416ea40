"""The values of the series as a matrix: one row per (entidad, saldo, idconcepto), one column per month.

The rows of the file may be in any order: each value is written straight to its cell, so nothing is sorted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bankadvisor_etl.errors import DataError, Place
from bankadvisor_etl.sources.series.archive import AGAIN
from bankadvisor_etl.sources.series.rows import LARGEST_CONCEPT, LARGEST_ENTITY, SALDOS

if TYPE_CHECKING:
    from datetime import date

    import numpy.typing as npt
    import polars as pl

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

FIRST_MONTH = 2000 * 12 + 11
"""200012, counted in months from year 0."""

MAX_ENTITIES, MAX_CONCEPTS, MAX_SERIES = 256, 2_048, 150_000
"""The published file has 70, 642 and 74,000."""
PAGE_BITS = 10
PAGE = 1 << PAGE_BITS


@dataclass(eq=False)
class _Numbers:
    """Maps large numbers to small ones, in order of appearance; a page for ``PAGE`` of them is allocated when used."""

    name: str
    largest: int
    limit: int
    known: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pages = np.zeros((self.largest >> PAGE_BITS) + 1, dtype=np.int32)
        self._places = np.full(PAGE, -1, dtype=np.int32)

    def __call__(self, numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        found = self._places[self._at(numbers)]
        if found.min(initial=0) < 0:
            for number in np.unique(numbers[found < 0]).tolist():
                self._add(number)
            found = self._places[self._at(numbers)]
        return found

    def _at(self, numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        place = (numbers & (PAGE - 1)).view(np.int32)
        return np.asarray(self._pages[numbers >> PAGE_BITS] + place)

    def _add(self, number: int) -> None:
        if len(self.known) == self.limit:
            raise DataError(
                f"more than {self.limit:,} different values: no file of CNBV has that many", Place(column=self.name)
            )
        page, place = divmod(number, PAGE)
        if not self._pages[page]:
            self._pages[page] = len(self._places)
            self._places = np.append(self._places, np.full(PAGE, -1, dtype=np.int32))
        self._places[self._pages[page] + place] = len(self.known)
        self.known.append(number)


class Cube:
    """Collects blocks of rows; ``values[:len(keys)]`` has one row per series and one column per month."""

    def __init__(self, newest: date) -> None:
        """Accept months up to that of ``newest``."""
        self.months = newest.year * 12 + newest.month - FIRST_MONTH
        self.keys: list[tuple[int, int, int]] = []
        # Memory pages that no series uses are never touched, so they are never allocated.
        self.values: Floats = np.empty((MAX_SERIES, self.months))
        self.rows = 0
        self._entities = _Numbers("entidad", LARGEST_ENTITY, MAX_ENTITIES)
        self._concepts = _Numbers("idconcepto", LARGEST_CONCEPT, MAX_CONCEPTS)
        self._slots = np.full(MAX_ENTITIES * len(SALDOS) * MAX_CONCEPTS, -1, dtype=np.int32)
        self._month = np.full(1_000_000, -1, dtype=np.int32)
        numbers = np.arange(FIRST_MONTH, FIRST_MONTH + self.months)
        self._month[numbers // 12 * 100 + numbers % 12 + 1] = np.arange(self.months)

    def add(self, frame: pl.DataFrame, name: str, first_row: int) -> None:
        """Store the values of ``frame`` (``rows.SCHEMA``, without blank rows).

        Raises:
            DataError: a month out of range, or more series than any file has.
        """
        places = self.places(frame, name, first_row)
        # -0.0 and 0.0 are the same value and need the same fingerprint.
        self.values.reshape(-1)[places] = frame["valor"].to_numpy() + 0.0
        self.rows += frame.height

    def places(self, frame: pl.DataFrame, name: str, first_row: int) -> Ints:
        """The index of each row's value in ``values``, flattened."""
        periods = frame["periodo"].to_numpy()
        months = self._month[np.minimum(periods, len(self._month) - 1)]
        if months.min(initial=0) < 0:
            wrong = int(np.argmax(months < 0))
            newest = FIRST_MONTH + self.months - 1
            raise DataError(
                f"is no month from 200012 to {newest // 12}{newest % 12 + 1:02}",
                Place(name, row=first_row + wrong, column="periodo", value=str(periods[wrong])),
                AGAIN,
            )
        saldos = frame["saldo"].to_numpy() == SALDOS[1]
        series = self._entities(frame["entidad"].to_numpy()) * len(SALDOS) + saldos
        series = series * MAX_CONCEPTS + self._concepts(frame["idconcepto"].to_numpy())
        slots = self._slots[series]
        if slots.min(initial=0) < 0:
            self._open(np.unique(series[slots < 0]))
            slots = self._slots[series]
        return np.asarray(slots.astype(np.int64) * self.months + months)

    def _open(self, series: npt.NDArray[np.int32]) -> None:
        start, stop = len(self.keys), len(self.keys) + len(series)
        if stop > MAX_SERIES:
            raise DataError(f"more than {MAX_SERIES:,} series: no file of CNBV has that many", remedy=AGAIN)
        self._slots[series] = np.arange(start, stop)
        self.values[start:stop] = np.nan
        for number in series.tolist():
            rest, concept = divmod(number, MAX_CONCEPTS)
            entity, saldo = divmod(rest, len(SALDOS))
            self.keys.append((self._entities.known[entity], SALDOS[saldo], self._concepts.known[concept]))
