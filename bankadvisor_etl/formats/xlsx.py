"""Reads one sheet of a workbook as text, after checks against hostile or damaged files.

Every cell is read as text: some of the regulator's columns mix text, integers, floats and dates, and only text can show
the contents of a cell that does not parse. fastexcel returns up to nine decimals of a number.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.parsers import expat

import fastexcel
import polars as pl

from bankadvisor_etl.errors import InputError, Place
from bankadvisor_etl.formats.headers import told_apart

if TYPE_CHECKING:
    from pathlib import Path

ROW = "fila"
"""The column with the row number of each row, as Excel shows it."""

MAX_INFLATED = 128 * 1024 * 1024
MAX_RATIO = 100
MAX_ROWS, MAX_COLUMN, MAX_WIDTH = 100_000, "CZ", 104

# A row or cell past row 100,000 or column CZ: calamine makes a rectangle of all cells, and aborts on a large one.
# Looking for the space after finding the r halves the time of the search. On the real files it is still 150 ms, so it
# is done before parsing only by a careful reader, and otherwise if the rectangle turns out to be too large.
FAR_CELL = re.compile(rb"""r(?<=\sr)\s*=\s*["']([A-Za-z]{3,}\d+|[D-Zd-z][A-Za-z]\d+|[A-Za-z]*0*[1-9]\d{5,})["']""")
FIRST_CELL = re.compile(rb"""<(?:\w+:)?c [^>]*?\br=["']([A-Z]+)(\d+)["'][^>/]*>""")
CELL_COLUMN = re.compile(rb"""<(?:\w+:)?c [^>]*?\br=["']([A-Z]+)\d+["'][^>/]*>""")
ERROR_CELL = re.compile(
    rb"""<(?:\w+:)?c (?=[^>]*\bt=["']e["'])[^>]*?\br=["']([A-Z]+)(\d+)["'][^>]*(?<!/)>"""
    rb"""(?:<(?:\w+:)?f\b[^>]*(?:(?<=/)>|>[^<]*</(?:\w+:)?f>))?(?:<(?:\w+:)?v>([^<]*)<)?"""
)
FORBIDDEN = {b"<!DOCTYPE": "declares a document type", b"_x0000_": "holds a NUL character"}
"""Contents that no valid workbook has, and their harm: endlessly growing entities; text that PostgreSQL refuses."""

AGAIN = "fetch the file again"
NOT_ZIP = {
    b"": ("the file is empty", AGAIN),
    b"\xd0\xcf\x11\xe0": ("an .xls, or locked with a password", "save it as .xlsx without one"),
    b"<": ("a web page or XML, not a workbook", AGAIN),
}
"""The first bytes of files that are named .xlsx but are something else; what they are, and what to do."""

WORKBOOK, LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
RELATIONSHIP = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_sheet(path: Path, sheet: str, *, else_first: bool = False, careful: bool = False) -> pl.DataFrame:
    """Return a sheet as text columns under its trimmed headers, and ``ROW``.

    If there is no sheet of that name, the first one is used if ``else_first``. Blank rows are left out. A blank header
    becomes ``column N``; a repeated header gets the suffix ``#2``. If ``careful``, a sheet that is too large is refused
    before parsing, which could kill the process; otherwise after.

    Raises:
        InputError: the file is missing, not a workbook, damaged, too large, lacks the sheet, or the sheet is empty.
    """
    name, xml = _inspect(path, sheet, else_first=else_first)
    place = Place(path.name, name)
    first = FIRST_CELL.search(xml)
    if first is None:
        raise InputError("the sheet is empty", place, "replace it with the published file")
    if careful:
        refuse_far_cells(place, xml)
    try:
        table = fastexcel.read_excel(path).load_sheet(name, header_row=None, dtypes="string").to_polars()
    except (fastexcel.FastExcelError, OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"damaged ({str(error).splitlines()[0]})", place, AGAIN) from error
    if table.height > MAX_ROWS or table.width > MAX_WIDTH:
        refuse_far_cells(place, xml)
    first_row = int(first[2])
    return _under_headers(with_error_cells(table, xml, first_row=first_row), first_row)


def refuse_far_cells(place: Place, xml: bytes) -> None:
    """Raise ``InputError`` if a cell is so far out that parsing would exhaust memory."""
    if far := FAR_CELL.search(xml):
        raise InputError(
            f"a cell beyond row {MAX_ROWS:,} or column {MAX_COLUMN}",
            replace(place, column=far[1].decode()),
            "delete the stray cell in Excel and save the workbook again",
        )


def _inspect(path: Path, sheet: str, *, else_first: bool) -> tuple[str, bytes]:
    """Check the whole archive, and return the sheet's name and its XML."""
    contents = contents_of(path)
    for member, content in contents.items():
        if member.endswith((".xml", ".rels")):
            check_xml(path.name, member, content)
    name, member = _locate(path, contents, sheet, else_first=else_first)
    if member not in contents:
        raise InputError(f"{member} is not in the file", Place(path.name, name), AGAIN)
    return name, contents[member]


def check_xml(file: str, member: str, xml: bytes) -> None:
    """Raise ``InputError`` if the XML is damaged or contains what no valid workbook does."""
    for mark, what in FORBIDDEN.items():
        if mark in xml:
            raise InputError(f"{member} {what}, which no valid workbook does", Place(file), AGAIN)
    # calamine ignores a missing character and loses the cell. Counting finds it in a sixth of the time of parsing.
    if xml.count(b"<") != xml.count(b">") or xml.count(b'"') % 2:
        try:
            expat.ParserCreate().Parse(xml, True)  # noqa: FBT003 - the interface of expat
        except expat.ExpatError as error:
            raise InputError(f"{member} is damaged ({error})", Place(file), AGAIN) from error


def contents_of(path: Path) -> dict[str, bytes]:
    """Return every member of the archive by its name as calamine matches it, ignoring case and kinds of slashes."""
    start = start_of(path)
    for signature, (what, remedy) in NOT_ZIP.items():
        if start == signature or (signature and start.startswith(signature)):
            raise InputError(what, Place(path.name), remedy)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(path, members)
            contents = {plain_name(member.filename): _inflated(archive, member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"not a workbook, or damaged ({error})", Place(path.name), AGAIN) from error
    if len(contents) < len(members):
        raise InputError("two parts have the same name, unlike in a valid workbook", Place(path.name), AGAIN)
    return contents


def start_of(path: Path) -> bytes:
    """The first four bytes of a file, which identify its type."""
    try:
        with path.open("rb") as file:
            return file.read(4)
    except FileNotFoundError as error:
        raise InputError(f"the file is not in {path.parent}", Place(path.name)) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", Place(path.name)) from error


def plain_name(member: str) -> str:
    """The name of a member as calamine matches it."""
    return member.replace("\\", "/").lower()


def _check_sizes(path: Path, members: list[zipfile.ZipInfo]) -> None:
    inflated = sum(member.file_size for member in members)
    if inflated > MAX_INFLATED or inflated > MAX_RATIO * path.stat().st_size:
        what = f"unpacks to {inflated / 2**20:,.0f} MiB, more than a valid workbook of this size"
        raise InputError(what, Place(path.name), AGAIN)


def _inflated(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # ZipFile.read inflates everything before it checks the size; with a size argument, the bound applies.
    with archive.open(member) as content:
        return content.read(member.file_size)


def _locate(path: Path, contents: dict[str, bytes], sheet: str, *, else_first: bool) -> tuple[str, str]:
    """Return the sheet's name and the archive's member that holds it."""
    try:
        book = ET.fromstring(contents[WORKBOOK])  # noqa: S314 - a DOCTYPE was refused before
        links = ET.fromstring(contents[LINKS])  # noqa: S314
    except KeyError as error:
        raise InputError(f"not an Excel workbook (.xlsx): it lacks {error}", Place(path.name), AGAIN) from error
    except ET.ParseError as error:
        what = f"not an Excel workbook (.xlsx), or damaged ({error})"
        raise InputError(what, Place(path.name), AGAIN) from error
    nodes = [node for node in book.iter() if node.tag.endswith("}sheet")]
    sheets = {node.get("name", ""): node.get(RELATIONSHIP) for node in reversed(nodes)}  # calamine uses the first
    name = _spelt(sheet, list(sheets))
    if else_first and nodes and name not in sheets:
        name = nodes[0].get("name", "")
    targets = {node.get("Id"): node.get("Target", "") for node in links}
    target = targets.get(sheets.get(name))
    if target is None:
        names = ", ".join(repr(node.get("name", "")) for node in nodes)
        raise InputError(f"there is no such sheet; its sheets are {names}", Place(path.name, sheet))
    return name, plain_name(target.removeprefix("/") if target.startswith("/") else f"xl/{target}")


def _spelt(sheet: str, there: list[str]) -> str:
    """The workbook's spelling of a sheet's name: a person may have changed its case or added a space."""
    same = [name for name in there if name.strip().casefold() == sheet.casefold()]
    return same[0] if len(same) == 1 and sheet not in there else sheet


def with_error_cells(table: pl.DataFrame, xml: bytes, *, first_row: int) -> pl.DataFrame:
    """Insert the text of error cells (``#REF!``), for which fastexcel returns null, so that they are not blanks."""
    if b'"e"' not in xml and b"'e'" not in xml:
        return table
    left = leftmost(xml)
    errors: dict[int, dict[int, str]] = {}
    for cell in ERROR_CELL.finditer(xml):
        column, row = column_number(cell[1]) - left, int(cell[2]) - first_row
        if 0 <= column < table.width and 0 <= row < table.height:
            errors.setdefault(column, {})[row] = (cell[3] or b"#ERROR").decode()
    for column, texts in errors.items():
        marked = table.to_series(column).scatter(list(texts), list(texts.values()))
        table = table.replace_column(column, marked)
    return table


def leftmost(xml: bytes) -> int:
    """The number of the first column with a filled cell, from which calamine counts; 1 for ``A``."""
    return min((column_number(letters) for letters in set(CELL_COLUMN.findall(xml))), default=1)


def column_number(letters: bytes) -> int:
    """The number of a column: ``A`` is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _under_headers(table: pl.DataFrame, first_row: int) -> pl.DataFrame:
    table.columns = headers = told_apart(table.row(0), ROW)
    numbered = table.with_row_index(ROW, offset=first_row).slice(1)
    return numbered.filter(pl.any_horizontal(pl.col(headers).is_not_null()))
