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
_KEY = struct.Struct(">ihii")
_EMPTY_ARRAY = struct.pack(">iiii", 12, 0, 0, FLOAT8)


@dataclass(frozen=True)
class Head:
    """A stored series: see ``HEADS``."""

    first: int
    length: int
    fingerprint: int | None


@dataclass(frozen=True)
class Laid:
    """A series laid beside the stored one, and its number in the file; None where the file lacks it."""

    key: Key
    number: int | None
    head: Head


@dataclass(frozen=True)
class Difference:
    """The file against what is stored; ``warehouse.series.Blocks`` says what the blocks are."""

    series: Series
    new: list[int]
    longer: list[Laid]
    restated: list[Laid]
    unchanged: int

    def longer_keys(self) -> Iterator[bytes]:
        """The stored series that go on in the file, and their stored fingerprints."""
        if self.longer:
            yield b"".join((START, *map(_key, self.longer), END))

    def rows(self) -> Iterator[bytes]:
        """The series that are new, and those that go on, whole."""
        numbers = sorted([*self.new, *(laid.number for laid in self.longer if laid.number is not None)])
        if not numbers:
            return
        yield START
        for start in range(0, len(numbers), CHUNK):
            chunk = numbers[start : start + CHUNK]
            yield b"".join(
                part
                for number, array in zip(chunk, _arrays(self.series, chunk), strict=True)
                for part in (_row(self.series, number, columns=7), array)
            )
        yield END

    def restated_rows(self) -> Iterator[bytes]:
        """The series whose stored part differs."""
        if not self.restated:
            return
        yield START
        for start in range(0, len(self.restated), CHUNK):
            yield b"".join(self._restated_rows(self.restated[start : start + CHUNK]))
        yield END

    def keep(self, values: bytes) -> None:
        """Take note of the stored values that the file lacks; nothing is made of them here."""

    def _restated_rows(self, chunk: list[Laid]) -> Iterator[bytes]:
        arrays = iter(_arrays(self.series, [laid.number for laid in chunk if laid.number is not None]))
        for laid in chunk:
            if laid.number is None:
                yield _head(8, 0, laid.head.first, laid.key, 0)
                yield _EMPTY_ARRAY
            else:
                yield _row(self.series, laid.number, columns=8)
                yield next(arrays)
            yield _fingerprint(laid.head)


def compare(series: Series, heads: bytes) -> Difference:
    """Tell the series of the file apart: not stored, as stored, longer, or to be compared value by value.

    Args:
        series: the file.
        heads: the stored ones, as CSV with the columns of ``HEADS`` and no header.
    """
    stored = _heads(heads)
    new, longer, restated, unchanged = [], [], [], 0
    for number, key in enumerate(series.keys):
        head = stored.pop(key, None)
        if head is None:
            new.append(number)
            continue
        values = series.of_key(number)
        same_start = FIRST_MONTH + int(series.starts[number]) == head.first and len(values) >= head.length
        if not same_start or fingerprint(values[: head.length]) != head.fingerprint:
            restated.append(Laid(key, number, head))
        elif len(values) > head.length:
            longer.append(Laid(key, number, head))
        else:
            unchanged += 1
    restated += [Laid(key, None, head) for key, head in stored.items()]
    return Difference(series, new, longer, restated, unchanged)


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


def _key(laid: Laid) -> bytes:
    entity, saldo, concept = laid.key
    codigo = code(entity).encode()
    return struct.pack(">hi", 4, len(codigo)) + codigo + _KEY.pack(2, saldo, 4, concept) + _fingerprint(laid.head)


def _fingerprint(head: Head) -> bytes:
    mark = head.fingerprint
    return struct.pack(">i", NULL) if mark is None else struct.pack(">iq", 8, mark)


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
