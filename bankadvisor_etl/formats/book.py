"""A workbook of many sheets as grids, after the checks of ``formats.xlsx``: .xlsx, .xlsm and .xls.

The columns of an .xls are counted from its first filled one: calamine does not report which one that is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import fastexcel
import polars as pl

from bankadvisor_etl.errors import InputError, Place
from bankadvisor_etl.formats import xlsx
from bankadvisor_etl.formats.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OLE = b"\xd0\xcf\x11\xe0"
"""The first bytes of an .xls."""
MAX_XLS = 64 * 1024 * 1024
MERGED = re.compile(rb"""<(?:\w+:)?mergeCell [^>]*?\bref=["']([A-Z]+)(\d+):([A-Z]+)(\d+)["']""")


class Book:
    """A checked workbook whose sheets can be read one by one."""

    def __init__(self, path: Path) -> None:
        """Open a workbook.

        Raises:
            InputError: the file is missing, not a workbook, damaged or too large.
        """
        self._path = path
        self._xml: Mapping[str, bytes] = {}
        if xlsx.start_of(path) == OLE:
            if path.stat().st_size > MAX_XLS:
                raise InputError("too large for an .xls", Place(path.name), xlsx.AGAIN)
        else:
            self._xml = _sheets_of(path)
        try:
            self._reader = fastexcel.read_excel(path)
        except (fastexcel.FastExcelError, OSError) as error:
            raise self._damaged(None, error) from error

    @property
    def sheets(self) -> list[str]:
        """The names of its sheets."""
        return self._reader.sheet_names

    def grid(self, sheet: str) -> Grid:
        """Read a sheet; one without a filled cell has no rows.

        Raises:
            InputError: the sheet is damaged or too large.
        """
        xml = self._xml.get(sheet, b"")
        place = Place(self._path.name, sheet)
        xlsx.refuse_far_cells(place, xml)
        try:
            loaded = self._reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
            table = loaded.to_polars() if loaded.width else pl.DataFrame()
        except (fastexcel.FastExcelError, OSError, pl.exceptions.PolarsError) as error:
            raise self._damaged(sheet, error) from error
        table, left = xlsx.with_error_cells(table, xml, first_row=1), xlsx.leftmost(xml)
        return Grid(self._path.name, sheet, table.rows(), 1, left, _merged(xml, left))

    def _damaged(self, sheet: str | None, error: Exception) -> InputError:
        return InputError(f"damaged ({str(error).splitlines()[0]})", Place(self._path.name, sheet), xlsx.AGAIN)


def _sheets_of(path: Path) -> dict[str, bytes]:
    """The XML of each sheet by its name, after the checks."""
    contents = xlsx.contents_of(path)
    for member, content in contents.items():
        if member.endswith((".xml", ".rels")):
            xlsx.check_xml(path.name, member, content)
    try:
        book, links = (ET.fromstring(contents[name]) for name in (xlsx.WORKBOOK, xlsx.LINKS))  # noqa: S314 - no DOCTYPE
    except (KeyError, ET.ParseError) as error:
        raise InputError(f"not an Excel workbook, or damaged ({error})", Place(path.name), xlsx.AGAIN) from error
    targets = {node.get("Id"): node.get("Target", "") for node in links}
    found: dict[str, bytes] = {}
    for node in book.iter():
        if node.tag.endswith("}sheet"):
            target = targets.get(node.get(xlsx.RELATIONSHIP), "")
            member = xlsx.plain_name(target.removeprefix("/") if target.startswith("/") else f"xl/{target}")
            found[node.get("name", "")] = contents.get(member, b"")
    return found


def _merged(xml: bytes, left: int) -> tuple[tuple[int, int, int, int], ...]:
    start = max(xml.rfind(b"mergeCells count"), 0)
    return tuple(
        (int(top) - 1, xlsx.column_number(first) - left, int(bottom) - 1, xlsx.column_number(last) - left)
        for first, top, last, bottom in MERGED.findall(xml, start)
    )
