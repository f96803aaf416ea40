"""One sheet of a workbook as text, behind the guards that a hostile or damaged file needs.

Every cell is read as text: one column of the regulator's mixes text, integers, floats and dates, and only text can
say later what stood in a cell that does not parse. fastexcel gives up to nine decimals of a number.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import fastexcel
import polars as pl

from bankadvisor_etl.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

ROW = "fila"
"""The column with the row number of each row, as Excel shows it."""

MAX_INFLATED = 512 * 1024 * 1024
MAX_RATIO = 100
MAX_ROWS, MAX_COLUMN = 100_000, "CZ"

# A cell past row 100,000 or column CZ: calamine makes a rectangle of all it finds, and aborts on a large one.
FAR_CELL = re.compile(rb""" r=["']((?:[A-Z]{3}|[D-Z][A-Z])\d+|[A-Z]+[1-9]\d{5,})["']""")
FIRST_CELL = re.compile(rb"""<(?:\w+:)?c [^>]*?\br=["']([A-Z]+)(\d+)["'][^>/]*>""")
ERROR_CELL = re.compile(
    rb"""<(?:\w+:)?c (?=[^>]*\bt=["']e["'])[^>]*?\br=["']([A-Z]+)(\d+)["'][^>]*>.*?<(?:\w+:)?v>([^<]*)<""",
    re.DOTALL,
)
RELATIONSHIP = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_sheet(path: Path, sheet: str | None) -> pl.DataFrame:
    """Return a sheet (the first one when ``sheet`` is None) as text columns under its trimmed headers, and ``ROW``.

    Blank rows are left out. A header that is blank becomes ``column N``; one that stands twice keeps its name once
    for each column, told apart by a suffix ``#2``.

    Raises:
        InputError: the file is missing, no workbook, damaged, too large, lacks the sheet, or the sheet is empty.
    """
    name, xml = _inspect(path, sheet)
    first = FIRST_CELL.search(xml)
    if first is None:
        raise InputError(f"{path.name}, sheet {name!r}: the sheet is empty; put the published file in its place")
    try:
        table = fastexcel.read_excel(path).load_sheet(name, header_row=None, dtypes="string").to_polars()
    except (fastexcel.FastExcelError, OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path.name}, sheet {name!r}: the workbook cannot be read: {error}") from error
    return _under_headers(_with_error_cells(table, xml, first), first_row=int(first[2]))


def _inspect(path: Path, sheet: str | None) -> tuple[str, bytes]:
    """Return the sheet's name and its XML, having checked the archive and every reference to a cell."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            name, member = _locate(path, archive, sheet)
            xml = _member(path, archive, member)
            for shared in {"xl/sharedStrings.xml", "xl/styles.xml"}.intersection(archive.namelist()):
                _member(path, archive, shared)
    except FileNotFoundError as error:
        raise InputError(f"{path.name}: the file is not in {path.parent}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path.name}: not a workbook, or damaged ({error}); fetch the file again") from error
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    if far := FAR_CELL.search(xml):
        raise InputError(
            f"{path.name}, sheet {name!r}, cell {far[1].decode()}: beyond row {MAX_ROWS:,} or column {MAX_COLUMN}; "
            "delete the stray cell in Excel and save the workbook again"
        )
    return name, xml


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    inflated = sum(member.file_size for member in archive.infolist())
    if inflated > MAX_INFLATED or inflated > MAX_RATIO * path.stat().st_size:
        raise InputError(
            f"{path.name}: unpacks to {inflated / 2**20:,.0f} MiB, more than an honest workbook of this size does; "
            "fetch the file again"
        )


def _locate(path: Path, archive: zipfile.ZipFile, sheet: str | None) -> tuple[str, str]:
    """Return the sheet's name and the archive's member that holds it."""
    try:
        book = ET.fromstring(_member(path, archive, "xl/workbook.xml"))  # noqa: S314 - no DOCTYPE gets this far
        links = ET.fromstring(_member(path, archive, "xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ET.ParseError) as error:
        raise InputError(f"{path.name}: not an Excel workbook (.xlsx): {error}; fetch the file again") from error
    sheets = {node.get("name", ""): node.get(RELATIONSHIP) for node in book.iter() if node.tag.endswith("}sheet")}
    name = next(iter(sheets), None) if sheet is None else sheet
    targets = {node.get("Id"): node.get("Target", "") for node in links}
    target = targets.get(sheets.get(name or ""))
    if name is None or target is None:
        raise InputError(f"{path.name}: there is no sheet {sheet!r}; its sheets are {', '.join(map(repr, sheets))}")
    return name, target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    # ZipFile.read stops at the declared size and checks the sum, so what is inflated is what was bounded.
    content = archive.read(name)
    if b"<!DOCTYPE" in content[:4096]:
        raise InputError(f"{path.name}, {name}: a document type is declared, as no honest workbook does; refused")
    return content


def _with_error_cells(table: pl.DataFrame, xml: bytes, first: re.Match[bytes]) -> pl.DataFrame:
    """Put the text of Excel's error cells (``#REF!``) where fastexcel gives null, so that none passes for a blank."""
    if b'"e"' not in xml and b"'e'" not in xml:
        return table
    errors = [(_column(cell[1]), int(cell[2]), cell[3].decode()) for cell in ERROR_CELL.finditer(xml)]
    left = min(_column(cell[1]) for cell in FIRST_CELL.finditer(xml))
    for column, row, text in errors:
        if 0 <= column - left < table.width and row - int(first[2]) < table.height:
            table[row - int(first[2]), column - left] = text
    return table


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _under_headers(table: pl.DataFrame, first_row: int) -> pl.DataFrame:
    headers: list[str] = []
    for position, cell in enumerate(table.row(0), start=1):
        header = (cell or "").strip() or f"column {position}"
        twice = sum(1 for earlier in headers if earlier.split("#")[0] == header)
        headers.append(f"{header}#{twice + 1}" if twice else header)
    table.columns = headers
    numbered = table.with_row_index(ROW, offset=first_row).slice(1)
    return numbered.filter(pl.any_horizontal(pl.col(headers).is_not_null()))
