"""What of the series is new or changed, as blocks that PostgreSQL's binary COPY takes as they are.

The process that talks to the database passes on bytes: it imports neither polars nor numpy for it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bankadvisor_etl.sources.series.arrays import code, fingerprint
from bankadvisor_etl.sources.series.cube import FIRST_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.sources.series.arrays import Key, Series

HEADS = pl.Schema(
    {
        "entidad": pl.Int64,
        "saldo": pl.Int64,
        "idconcepto": pl.Int64,
        "primero": pl.Int64,
        "largo": pl.Int64,
        "huella": pl.Int64,
    }
)
"""What is stored of each series (``warehouse.series.heads``): ``primero`` counts months from year 0, ``largo`` is the
length of the array, ``huella`` its fingerprint; none where it holds values that the last file lacked."""

START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = struct.pack(">h", -1)
FLOAT8 = 701  # the OID of double precision
NULL = -1
CHUNK = 1_024
"""Series to a block: about 2 MB."""

_ELEMENT = np.dtype([("size", ">i4"), ("value", ">f8")])
_ROW = struct.Struct(">hiqiiiiiiihi")
_ARRAY = struct.Struct(">iiiiii")
_EMPTY_ARRAY = struct.pack(">iiii", 12, 0, 0, FLOAT8)


@dataclass(frozen=True)
class Head:
    """A stored series: see ``HEADS``."""

    first: int
    length: int
    fingerprint: int | None


@dataclass(frozen=True)
class Changed:
    """A series to lay over the stored one: its number in the file (None: the file lacks it), and whether to compare."""

    key: Key
    number: int | None
    head: Head
    restated: bool


@dataclass(frozen=True)
class Difference:
    """The file against what is stored."""

    series: Series
    new: list[int]
    changed: list[Changed]
    unchanged: int

    def new_blocks(self) -> Iterator[bytes]:
        """The series that are not stored, in the columns of ``warehouse.series.NEW``; nothing where there are none."""
        if not self.new:
            return
        yield START
        for start in range(0, len(self.new), CHUNK):
            numbers = self.new[start : start + CHUNK]
            yield b"".join(
                part
                for number, array in zip(numbers, _arrays(self.series, numbers), strict=True)
                for part in (_row(self.series, number, columns=7), array)
            )
        yield END

    def changed_blocks(self) -> Iterator[bytes]:
        """The series to lay over stored ones, in the columns of ``warehouse.series.CHANGED``."""
        if not self.changed:
            return
        yield START
        for start in range(0, len(self.changed), CHUNK):
            yield b"".join(self._changed_rows(self.changed[start : start + CHUNK]))
        yield END

    def _changed_rows(self, changed: list[Changed]) -> Iterator[bytes]:
        arrays = iter(_arrays(self.series, [c.number for c in changed if c.number is not None]))
        for c in changed:
            if c.number is None:
                yield _head(9, 0, c.head.first, c.key, 0)
                yield _EMPTY_ARRAY
            else:
                yield _row(self.series, c.number, columns=9)
                yield next(arrays)
            before = c.head.fingerprint
            yield struct.pack(">i", NULL) if before is None else struct.pack(">iq", 8, before)
            yield struct.pack(">i?", 1, c.restated)


def compare(series: Series, heads: bytes) -> Difference:
    """Tell the series of the file apart: not stored, as stored, appended to, or to be compared value by value.

    Args:
        series: the file.
        heads: the stored ones, as CSV with the columns of ``HEADS`` and no header.
    """
    stored = _heads(heads)
    new, changed, unchanged = [], [], 0
    for number, key in enumerate(series.keys):
        head = stored.pop(key, None)
        if head is None:
            new.append(number)
            continue
        values = series.of_key(number)
        same_start = FIRST_MONTH + int(series.starts[number]) == head.first and len(values) >= head.length
        restated = not same_start or fingerprint(values[: head.length]) != head.fingerprint
        if restated or len(values) > head.length:
            changed.append(Changed(key, number, head, restated))
        else:
            unchanged += 1
    changed += [Changed(key, None, head, restated=True) for key, head in stored.items()]
    return Difference(series, new, changed, unchanged)


def _heads(heads: bytes) -> dict[Key, Head]:
    if not heads:
        return {}
    rows = pl.read_csv(heads, has_header=False, schema=HEADS).rows()
    return {(entity, saldo, concept): Head(*rest) for entity, saldo, concept, *rest in rows}


def _row(series: Series, number: int, columns: int) -> bytes:
    values = series.of_key(number)
    first = FIRST_MONTH + int(series.starts[number])
    return _head(columns, fingerprint(values), first, series.keys[number], int(series.counts[number]))


def _head(columns: int, mark: int, first: int, key: Key, count: int) -> bytes:
    entity, saldo, concept = key
    codigo = code(entity).encode()
    days = (date(first // 12, first % 12 + 1, 1) - date(2000, 1, 1)).days
    return _ROW.pack(columns, 8, mark, 4, days, 4, concept, 4, count, 2, saldo, len(codigo)) + codigo


def _arrays(series: Series, numbers: list[int]) -> Iterator[bytes]:
    """The values of each, as PostgreSQL sends an array: -1 for null, else 8 and the value."""
    values = series.values[series.rows[numbers]]
    elements = np.empty(values.shape, dtype=_ELEMENT)
    elements["size"] = 8
    elements["value"] = values
    for number, row, mine in zip(numbers, elements, values, strict=True):
        start, stop = series.starts[number], series.stops[number]
        length, count = int(stop - start), int(series.counts[number])
        content = row[start:stop]
        if count == length:
            body = content.tobytes()
        else:
            there = ~np.isnan(mine[start:stop])
            content["size"][~there] = NULL
            kept = np.ones((length, _ELEMENT.itemsize), dtype=bool)
            kept[~there, 4:] = False
            body = content.view(np.uint8).reshape(length, -1)[kept].tobytes()
        yield _ARRAY.pack(20 + len(body), 1, int(count < length), FLOAT8, length, 1) + body
