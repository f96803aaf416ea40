"""Writes a workbook in the old format (.xls), as CNBV still publishes one: text and numbers only.

BIFF8 records ([MS-XLS] 2.4) in one stream of a compound file ([MS-CFB] 2); xlsxwriter does not support it.
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.sample_data.workbooks import Row, Sheets

BOF, EOF, CODEPAGE, BOUNDSHEET, DIMENSIONS, NUMBER, LABEL = 0x809, 0x0A, 0x42, 0x85, 0x200, 0x203, 0x204
BIFF8, GLOBALS, WORKSHEET, UTF_16 = 0x600, 0x5, 0x10, 1200

SECTOR, SMALLEST = 512, 4096
"""Bytes of a sector, and of the smallest stream with sectors of its own."""
END_OF_CHAIN, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
PER_SECTOR = SECTOR // 4


def xls(sheets: Sheets) -> bytes:
    """The bytes of a workbook with these sheets in order; None is no cell."""
    bodies = [_sheet(rows) for rows in sheets.values()]
    names = [name.encode("utf-16-le") for name in sheets]
    head = _bof(GLOBALS) + _record(CODEPAGE, pack("<H", UTF_16))
    place = len(head) + sum(12 + len(name) for name in names) + len(_record(EOF))
    for name, body in zip(names, bodies, strict=True):
        head += _record(BOUNDSHEET, pack("<IHBB", place, 0, len(name) // 2, 1) + name)
        place += len(body)
    return _compound(b"".join([head, _record(EOF), *bodies]))


def _sheet(rows: list[Row]) -> bytes:
    width = max((len(row) for row in rows), default=0)
    size = _record(DIMENSIONS, pack("<IIHHH", 0, len(rows), 0, width, 0))
    return b"".join([_bof(WORKSHEET), size, *_cells(rows), _record(EOF)])


def _cells(rows: list[Row]) -> Iterator[bytes]:
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            place = pack("<HHH", number, column, 0)
            if isinstance(value, str):
                text = value.encode("utf-16-le")
                yield _record(LABEL, place + pack("<HB", len(text) // 2, 1) + text)
            elif value is not None:
                yield _record(NUMBER, place + pack("<d", value))


def _bof(kind: int) -> bytes:
    return _record(BOF, pack("<HHHHII", BIFF8, kind, 0, 0x7CC, 0, 6))


def _record(number: int, body: bytes = b"") -> bytes:
    return pack("<HH", number, len(body)) + body


def _compound(stream: bytes) -> bytes:
    """The stream as ``Workbook`` of a compound file: header, allocation table, directory, stream."""
    stream = stream.ljust(SMALLEST, b"\0")
    sectors = -(-len(stream) // SECTOR)
    tables = 1
    while tables * PER_SECTOR < tables + 1 + sectors:
        tables += 1
    directory, first = tables, tables + 1
    chain = [*[FAT] * tables, END_OF_CHAIN, *range(first + 1, first + sectors), END_OF_CHAIN]
    chain += [FREE] * (tables * PER_SECTOR - len(chain))
    header = pack("<Q16xHHHHH6xII", 0xE11AB1A1E011CFD0, 0x3E, 3, 0xFFFE, 9, 6, 0, tables)
    header += pack("<IIIIIII", directory, 0, SMALLEST, END_OF_CHAIN, 0, END_OF_CHAIN, 0)
    header += b"".join(pack("<I", number if number < tables else FREE) for number in range(109))
    entries = _entry("Root Entry", 5, END_OF_CHAIN, 0, child=1) + _entry("Workbook", 2, first, len(stream))
    entries += _entry("", 0, 0, 0) * 2
    table = b"".join(pack("<I", number) for number in chain)
    return header + table + entries + stream.ljust(sectors * SECTOR, b"\0")


def _entry(name: str, kind: int, start: int, size: int, child: int = FREE) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    return text.ljust(64, b"\0") + pack("<HBBIII16xI16xIQ", len(text), kind, 1, FREE, FREE, child, 0, start, size)
