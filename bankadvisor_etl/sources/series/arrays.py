"""The series as arrays: per (entidad, saldo, idconcepto) the first month, the values from then on, a fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from bankadvisor_etl.sources.series.cube import FIRST_MONTH

if TYPE_CHECKING:
    import numpy.typing as npt

    from bankadvisor_etl.sources.series.cube import Cube

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

Key = tuple[int, int, int]
"""entidad, saldo and idconcepto, as numbers."""

FIRST_BANK = 40_000


def code(entity: int) -> str:
    """The canonical code of an institution: six digits from 40000 on, the plain number below."""
    return f"{entity:06}" if entity >= FIRST_BANK else str(entity)


def fingerprint(values: memoryview) -> int:
    """64 bits of BLAKE2b over the bytes of the values, as a signed number; null is NaN."""
    return int.from_bytes(blake2b(values, digest_size=8).digest(), "little", signed=True)


@dataclass(frozen=True)
class Series:
    """The whole file.

    Attributes:
        keys: sorted; ``rows``, ``starts``, ``stops`` and ``counts`` are in the same order.
        values: a column per month from 200012 on, NaN where the file has no row.
        rows: the row of ``values`` of each key.
        starts: the column of its first value.
        stops: the column after its last value.
        counts: the number of its values.
    """

    keys: list[Key]
    values: Floats
    rows: Ints
    starts: Ints
    stops: Ints
    counts: Ints

    @classmethod
    def of(cls, cube: Cube) -> Series:
        """The contents of the cube, sorted by key."""
        order = sorted(range(len(cube.keys)), key=cube.keys.__getitem__)
        values = cube.values[: len(order)]
        there = ~np.isnan(values)
        rows = np.array(order, dtype=np.int64)
        starts, stops = there.argmax(axis=1), cube.months - there[:, ::-1].argmax(axis=1)
        counts = there.sum(axis=1)
        return cls([cube.keys[row] for row in order], values, rows, starts[rows], stops[rows], counts[rows])

    @property
    def count(self) -> int:
        """The number of values."""
        return int(self.counts.sum())

    @property
    def newest(self) -> int:
        """The newest month with a value, counted in months from year 0."""
        return FIRST_MONTH + int(self.stops.max()) - 1

    def fingerprints(self, numbers: list[int]) -> list[int]:
        """The fingerprints of the keys at these indexes."""
        begin = self.rows[numbers] * self.values.shape[1] + self.starts[numbers]
        places = zip((8 * begin).tolist(), (8 * (self.stops - self.starts)[numbers]).tolist(), strict=True)
        values = self.values.data.cast("B")
        return [fingerprint(values[place : place + size]) for place, size in places]

    def of_key(self, number: int) -> Floats:
        """The values of the key at index ``number``, from its first month on."""
        return self.values[self.rows[number], self.starts[number] : self.stops[number]]
