"""Series in the format of PostgreSQL's binary COPY: encodes rows and keys, decodes stored series.

The process that talks to the database only passes on bytes, so it imports neither polars nor numpy.
"""

from __future__ import annotations

import struct
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from bankadvisor_etl.sources.series.arrays import code
from bankadvisor_etl.sources.series.cube import FIRST_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bankadvisor_etl.sources.series.arrays import Floats, Key

START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = struct.pack(">h", -1)
FLOAT8 = 701  # the OID of double precision
NULL = -1

_ELEMENT = np.dtype([("size", ">i4"), ("value", ">f8")])
_SIZE = _ELEMENT.itemsize
_AFTER_MARK = struct.Struct(">iiiiiiihi")
_ARRAY = struct.Struct(">iiiiii")
_KEY = struct.Struct(">ihii")
_STORED = struct.Struct(">hiiihiiiiiiiiii")


def key_row(key: Key, mark: int | None) -> bytes:
    """A row of ``warehouse.series.KEYS``: the key and the stored fingerprint."""
    entity, saldo, concept = key
    codigo = _code(entity)
    return struct.pack(">hi", 4, len(codigo)) + codigo + _KEY.pack(2, saldo, 4, concept) + _fingerprint(mark)


def rows(keys: Sequence[Key], marks: Iterable[int | None], values: Floats) -> bytes:
    """Rows of ``warehouse.series.ROWS``.

    Args:
        keys: of the series.
        marks: their fingerprints.
        values: one row per series and one column per month from 200012 on; NaN for no value. Every row has at least
            one value.
    """
    there = ~np.isnan(values)
    width = values.shape[1]
    starts, stops = there.argmax(axis=1).tolist(), (width - there[:, ::-1].argmax(axis=1)).tolist()
    elements = np.empty(values.shape, dtype=_ELEMENT)
    elements["size"] = np.where(there, 8, NULL)
    elements["value"] = values
    content = elements.tobytes()
    parts: list[bytes] = []
    for at, (key, mark, count) in enumerate(zip(keys, marks, there.sum(axis=1).tolist(), strict=True)):
        start, stop = starts[at], stops[at]
        length, offset = stop - start, at * width
        if count == length:
            array = content[(offset + start) * _SIZE : (offset + stop) * _SIZE]
        else:
            kept = np.ones((length, _SIZE), dtype=bool)
            kept[~there[at, start:stop], 4:] = False
            array = elements[at, start:stop].view(np.uint8).reshape(length, -1)[kept].tobytes()
        parts += (
            _head(key, mark, start, count),
            _ARRAY.pack(20 + len(array), 1, int(count < length), FLOAT8, length, 1),
            array,
        )
    return b"".join(parts)


def stored(block: bytes) -> Iterator[tuple[Key, int, Floats]]:
    """The key, the first month (counted from year 0) and the values of each stored series, as PostgreSQL sends them.

    Args:
        block: whole rows; the header before the first one and the trailer after the last one are skipped.
    """
    at = len(START) if block.startswith(START) else 0
    end = len(block) - (len(END) if block.endswith(END) else 0)
    while at < end:
        _, _, entity, _, saldo, _, concept, _, first, _, _, _, _, length, _ = _STORED.unpack_from(block, at)
        at += _STORED.size
        yield (entity, saldo, concept), first, np.frombuffer(block, _ELEMENT, length, at)["value"]
        at += length * _SIZE


def _head(key: Key, mark: int | None, start: int, count: int) -> bytes:
    entity, saldo, concept = key
    codigo = _code(entity)
    after = _AFTER_MARK.pack(4, _days(start), 4, concept, 4, count, 2, saldo, len(codigo))
    return b"".join((b"\0\7", _fingerprint(mark), after, codigo))


@cache
def _code(entity: int) -> bytes:
    return code(entity).encode()


@cache
def _days(column: int) -> int:
    """Days from 2000-01-01, the epoch of PostgreSQL's dates, to the month of a column."""
    year, month = divmod(FIRST_MONTH + column, 12)
    return (date(year, month + 1, 1) - date(2000, 1, 1)).days


def _fingerprint(mark: int | None) -> bytes:
    return struct.pack(">i", NULL) if mark is None else struct.pack(">iq", 8, mark)
