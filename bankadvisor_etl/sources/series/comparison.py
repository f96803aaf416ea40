"""Compares the series of a file with the stored ones: which are new, which are longer, and which values differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from bankadvisor_etl.sources.series import encoding
from bankadvisor_etl.sources.series.arrays import code, fingerprint
from bankadvisor_etl.sources.series.cube import FIRST_MONTH

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import numpy.typing as npt

    from bankadvisor_etl.sources.series.arrays import Floats, Key, Series

KEY = ("entidad", "saldo", "idconcepto")
HEADS = pl.Schema({**dict.fromkeys(KEY, pl.Int64), "primero": pl.Int64, "largo": pl.Int64, "huella": pl.Int64})
"""The head of each stored series (``warehouse.series.heads``): ``primero`` is its first month, counted from year 0,
``largo`` the length of the array, ``huella`` its fingerprint; null if it has values that the last file lacked."""

CHUNK = 1_024
"""Series per block: about 2 MB."""

Kept = tuple[int, int, int, int, float]
"""A value that the file lacks but that is kept: entidad, saldo, idconcepto, month counted from year 0, value."""


class Stored(NamedTuple):
    """A stored series that differs from the file's: its fingerprint, and its index in the file (None if missing)."""

    mark: int | None
    number: int | None


@dataclass(frozen=True)
class Differences:
    """Values that differ, sorted by ``rows``, in small types: there may be 12 million of them.

    Attributes:
        keys: of the series that were compared.
        rows: the index in ``keys`` of each value's series.
        months: counted from 200012.
        before: the stored value; NaN if none is stored.
        after: the value in the file; NaN if the file has none.
    """

    keys: list[Key]
    rows: npt.NDArray[np.int32]
    months: npt.NDArray[np.int16]
    before: Floats
    after: Floats


@dataclass
class Comparison:
    """The file compared with what is stored; ``warehouse.series.Blocks`` describes the blocks.

    Attributes:
        series: the file.
        new: the indexes of the series that are not stored.
        longer: the stored series that are longer in the file.
        to_compare: those whose stored part differs, or may differ.
        unchanged: how many are stored as in the file; complete after ``hold``.
        months: the number of months, from 200012 on, that the file or the stored series can cover.
    """

    series: Series
    new: list[int]
    longer: dict[Key, Stored]
    to_compare: dict[Key, Stored]
    unchanged: int
    months: int
    _rewritten: dict[Key, Stored] = field(default_factory=dict)
    _differences: list[Differences] = field(default_factory=list)
    _poorer: dict[Key, tuple[Differences, int]] = field(default_factory=dict)

    def keys_to_compare(self) -> Iterator[bytes]:
        """The stored series whose values ``hold`` needs."""
        yield from _keys(self.to_compare)

    def hold(self, stored: Iterable[bytes]) -> None:
        """Compare the stored values of these series with the file's."""
        for block in stored:
            self._hold([*encoding.stored(block)])

    def differences(self) -> Iterator[bytes]:
        """The values that differ, within the stored months."""
        for found in self._differences:
            frame = pl.DataFrame(
                {
                    "entidad": [code(key[0]) for key in found.keys],
                    "saldo": [key[1] for key in found.keys],
                    "idconcepto": [key[2] for key in found.keys],
                }
            )
            numbers = found.months.astype(np.int32) + FIRST_MONTH
            values = pl.DataFrame(
                {"year": numbers // 12, "month": numbers % 12 + 1, "before": found.before, "after": found.after}
            )
            columns = (pl.date("year", "month", 1), pl.col("before", "after").fill_nan(None))
            yield frame[found.rows].hstack(values.select(*columns)).write_csv(include_header=False).encode()

    def kept(self, concepts: Collection[int]) -> list[Kept]:
        """The stored values of these concepts that the file lacks but that are kept."""
        return [
            (*key, month + FIRST_MONTH, value)
            for key in self._poorer
            if key[2] in concepts
            for month, value in zip(*(cells.tolist() for cells in self._lost(key)), strict=True)
        ]

    def rewritten_keys(self) -> Iterator[bytes]:
        """The stored series that are rewritten: those that are longer, and those with a restated value."""
        yield from _keys(self.longer | self._rewritten)

    def rows(self) -> Iterator[bytes]:
        """The new series and the rewritten ones."""
        again = self.longer | self._rewritten
        numbers = {self.series.keys[number]: number for number in self.new}
        numbers |= {key: stored.number for key, stored in again.items() if stored.number is not None}
        keys = sorted({*numbers, *again})
        if keys:
            yield encoding.START
        for start in range(0, len(keys), CHUNK):
            chunk = keys[start : start + CHUNK]
            values = self._values([numbers.get(key) for key in chunk])
            for row, key in enumerate(chunk):
                if key in self._poorer:
                    months, lost = self._lost(key)
                    values[row, months] = lost
            marks = self._marks([None if key in self._poorer else numbers.get(key) for key in chunk])
            yield encoding.rows(chunk, marks, values)
        if keys:
            yield encoding.END

    def _hold(self, stored: list[tuple[Key, int, Floats]]) -> None:
        keys = [key for key, _, _ in stored]
        numbers = [self.to_compare[key].number for key in keys]
        after = self._values(numbers)
        before, inside = np.full_like(after, np.nan), np.zeros(after.shape, dtype=bool)
        for row, (_, first, values) in enumerate(stored):
            start = first - FIRST_MONTH
            before[row, start : start + len(values)], inside[row, start : start + len(values)] = values, True
        gone = np.isnan(after) & ~np.isnan(before)
        differs = inside & (before != after) & ~(np.isnan(before) & np.isnan(after))
        more = ~inside & ~np.isnan(after)  # what is before the stored values or after them is new
        same = ~((differs & ~gone) | more).any(axis=1)
        whole = np.asarray(~gone.any(axis=1))
        marks = self._marks([number if whole[row] else None for row, number in enumerate(numbers)])
        for row, (key, mark) in enumerate(zip(keys, marks, strict=True)):
            if same[row] and mark == self.to_compare[key].mark:
                self.unchanged += 1
            else:
                self._rewritten[key] = self.to_compare[key]
        rows, months = np.nonzero(differs)
        if len(rows):
            cells = before[rows, months], after[rows, months]
            found = Differences(keys, rows.astype(np.int32), months.astype(np.int16), *cells)
            self._differences.append(found)
            self._poorer |= {keys[row]: (found, row) for row in np.flatnonzero(~whole).tolist()}

    def _lost(self, key: Key) -> tuple[npt.NDArray[np.int16], Floats]:
        """The months and values of a series that are stored but missing in the file."""
        found, row = self._poorer[key]
        cells = slice(*np.searchsorted(found.rows, (row, row + 1)))
        lost = np.isnan(found.after[cells])
        return found.months[cells][lost], found.before[cells][lost]

    def _values(self, numbers: list[int | None]) -> Floats:
        """The values of series in the file, by month; NaN for a series that it lacks."""
        there = [number is not None for number in numbers]
        values = self.series.values
        found = np.full((len(numbers), self.months), np.nan)
        rows = self.series.rows[[number for number in numbers if number is not None]]
        found[there, : values.shape[1]] = values[rows]
        return found

    def _marks(self, numbers: list[int | None]) -> list[int | None]:
        """The fingerprints of series in the file; None for a series that it lacks."""
        found = iter(self.series.fingerprints([number for number in numbers if number is not None]))
        return [None if number is None else next(found) for number in numbers]


def compare(series: Series, heads: bytes) -> Comparison:
    """Sort the series of the file into new, unchanged, longer, or to be compared value by value.

    Args:
        series: the file.
        heads: of the stored series, as CSV with the columns of ``HEADS`` and no header.
    """
    stored = pl.read_csv(heads, has_header=False, schema=HEADS) if heads else pl.DataFrame(schema=HEADS)
    there = pl.DataFrame(series.keys, schema=dict.fromkeys(KEY, pl.Int64), orient="row").with_columns(
        number=pl.int_range(pl.len()),
        start=pl.Series(series.starts) + FIRST_MONTH,
        length=pl.Series(series.stops - series.starts),
        place=pl.Series(series.rows * series.values.shape[1] + series.starts),
    )
    new = there.join(stored, on=KEY, how="anti")["number"].to_list()
    missing = stored.join(there, on=KEY, how="anti").select(*KEY, "huella")
    to_compare = {(entity, saldo, concept): Stored(mark, None) for entity, saldo, concept, mark in missing.iter_rows()}
    longer: dict[Key, Stored] = {}
    unchanged = 0
    values = series.values.data.cast("B")
    both = there.join(stored, on=KEY, maintain_order="left")
    for number, start, length, place, first, stored_length, mark in both.drop(KEY).iter_rows():
        prefix = values[8 * place : 8 * (place + stored_length)]
        if start != first or length < stored_length or fingerprint(prefix) != mark:
            to_compare[series.keys[number]] = Stored(mark, number)
        elif length > stored_length:
            longer[series.keys[number]] = Stored(mark, number)
        else:
            unchanged += 1
    stored_months = stored.select(pl.col("primero") + pl.col("largo") - FIRST_MONTH).max().item() or 0
    return Comparison(series, new, longer, to_compare, unchanged, max(series.values.shape[1], stored_months))


def _keys(stored: dict[Key, Stored]) -> Iterator[bytes]:
    if stored:
        yield b"".join((encoding.START, *(encoding.key_row(key, of.mark) for key, of in stored.items()), encoding.END))
