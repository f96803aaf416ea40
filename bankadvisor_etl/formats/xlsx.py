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
from xml.parsers import expat

import fastexcel
import polars as pl

from bankadvisor_etl.errors import InputError
from bankadvisor_etl.formats.headers import told_apart

if TYPE_CHECKING:
    from pathlib import Path

ROW = "fila"
"""The column with the row number of each row, as Excel shows it."""

MAX_INFLATED = 128 * 1024 * 1024
MAX_RATIO = 100
MAX_ROWS, MAX_COLUMN = 100_000, "CZ"

# A row or cell past row 100,000 or column CZ: calamine makes a rectangle of all it finds, and aborts on a large one.
# With the space looked for behind the r, the search takes half the time.
FAR_CELL = re.compile(rb"""r(?<=\sr)\s*=\s*["']([A-Za-z]{3,}\d+|[D-Zd-z][A-Za-z]\d+|[A-Za-z]*0*[1-9]\d{5,})["']""")
FIRST_CELL = re.compile(rb"""<(?:\w+:)?c [^>]*?\br=["']([A-Z]+)(\d+)["'][^>/]*>""")
ERROR_CELL = re.compile(
    rb"""<(?:\w+:)?c (?=[^>]*\bt=["']e["'])[^>]*?\br=["']([A-Z]+)(\d+)["'][^>]*(?<!/)>"""
    rb"""(?:<(?:\w+:)?f\b[^>]*(?:(?<=/)>|>[^<]*</(?:\w+:)?f>))?(?:<(?:\w+:)?v>([^<]*)<)?"""
)
FORBIDDEN = {b"<!DOCTYPE": "declares a document type", b"_x0000_": "holds a NUL character"}
"""What no honest workbook has in it, and the harm: entities that grow without end; text that PostgreSQL refuses."""

NOT_ZIP = {
    b"": "the file is empty; fetch it again",
    b"\xd0\xcf\x11\xe0": "an .xls, or locked with a password; save it as .xlsx without one",
    b"<": "a web page or XML, no workbook; fetch the file again",
}
"""How files begin that are called .xlsx and are something else."""

WORKBOOK, LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
RELATIONSHIP = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_sheet(path: Path, sheet: str, *, else_first: bool = False) -> pl.DataFrame:
    """Return a sheet as text columns under its trimmed headers, and ``ROW``.

    Where there is no sheet of that name, the first one is taken if ``else_first``. Blank rows are left out. A header
    that is blank becomes ``column N``; one that stands twice keeps its name once for each column, told apart by a
    suffix ``#2``.

    Raises:
        InputError: the file is missing, no workbook, damaged, too large, lacks the sheet, or the sheet is empty.
    """
    name, xml = _inspect(path, sheet, else_first=else_first)
    first = FIRST_CELL.search(xml)
    if first is None:
        raise InputError(f"{path.name}, sheet {name!r}: the sheet is empty; put the published file in its place")
    try:
        table = fastexcel.read_excel(path).load_sheet(name, header_row=None, dtypes="string").to_polars()
    except (fastexcel.FastExcelError, OSError, pl.exceptions.PolarsError) as error:
        cause = str(error).splitlines()[0]
        raise InputError(f"{path.name}, sheet {name!r}: damaged ({cause}); fetch the file again") from error
    return _under_headers(_with_error_cells(table, xml, first), first_row=int(first[2]))


def _inspect(path: Path, sheet: str, *, else_first: bool) -> tuple[str, bytes]:
    """Return the sheet's name and its XML, having checked the whole archive and every reference to a cell."""
    contents = _contents(path)
    for member, content in contents.items():
        if member.endswith((".xml", ".rels")):
            _check_xml(f"{path.name}, {member}", content)
    name, member = _locate(path, contents, sheet, else_first=else_first)
    if member not in contents:
        raise InputError(f"{path.name}, sheet {name!r}: {member} is not in the file; fetch the file again")
    if far := FAR_CELL.search(contents[member]):
        raise InputError(
            f"{path.name}, sheet {name!r}, cell {far[1].decode()}: beyond row {MAX_ROWS:,} or column {MAX_COLUMN}; "
            "delete the stray cell in Excel and save the workbook again"
        )
    return name, contents[member]


def _check_xml(where: str, xml: bytes) -> None:
    for mark, what in FORBIDDEN.items():
        if mark in xml:
            raise InputError(f"{where}: {what}, as no honest workbook does; refused")
    # calamine reads past a lost sign, and the cell is gone. Counting finds it in a sixth of the time of parsing.
    if xml.count(b"<") != xml.count(b">") or xml.count(b'"') % 2:
        try:
            expat.ParserCreate().Parse(xml, True)  # noqa: FBT003 - the interface of expat
        except expat.ExpatError as error:
            raise InputError(f"{where}: damaged ({error}); fetch the file again") from error


def _contents(path: Path) -> dict[str, bytes]:
    """Return every member of the archive under its name as calamine takes it: whatever the case and the slashes."""
    start = _start(path)
    for signature, what in NOT_ZIP.items():
        if start == signature or (signature and start.startswith(signature)):
            raise InputError(f"{path.name}: {what}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(path, members)
            contents = {_plain(member.filename): _inflated(archive, member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"{path.name}: not a workbook, or damaged ({error}); fetch the file again") from error
    if len(contents) < len(members):
        raise InputError(f"{path.name}: two parts of the same name, as no honest workbook has; fetch the file again")
    return contents


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except FileNotFoundError as error:
        raise InputError(f"{path.name}: the file is not in {path.parent}") from error
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error


def _plain(member: str) -> str:
    return member.replace("\\", "/").lower()


def _check_sizes(path: Path, members: list[zipfile.ZipInfo]) -> None:
    inflated = sum(member.file_size for member in members)
    if inflated > MAX_INFLATED or inflated > MAX_RATIO * path.stat().st_size:
        raise InputError(
            f"{path.name}: unpacks to {inflated / 2**20:,.0f} MiB, more than an honest workbook of this size does; "
            "fetch the file again"
        )


def _inflated(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # ZipFile.read inflates all there is before it looks at the size; with a size, what is inflated is what was bounded.
    with archive.open(member) as content:
        return content.read(member.file_size)


def _locate(path: Path, contents: dict[str, bytes], sheet: str, *, else_first: bool) -> tuple[str, str]:
    """Return the sheet's name and the archive's member that holds it."""
    try:
        book = ET.fromstring(contents[WORKBOOK])  # noqa: S314 - no DOCTYPE gets this far
        links = ET.fromstring(contents[LINKS])  # noqa: S314
    except KeyError as error:
        raise InputError(f"{path.name}: no Excel workbook (.xlsx): it lacks {error}; fetch the file again") from error
    except ET.ParseError as error:
        raise InputError(f"{path.name}: no Excel workbook (.xlsx), or damaged ({error}); fetch it again") from error
    nodes = [node for node in book.iter() if node.tag.endswith("}sheet")]
    sheets = {node.get("name", ""): node.get(RELATIONSHIP) for node in reversed(nodes)}  # calamine takes the first
    name = _spelt(sheet, list(sheets))
    if else_first and nodes and name not in sheets:
        name = nodes[0].get("name", "")
    targets = {node.get("Id"): node.get("Target", "") for node in links}
    target = targets.get(sheets.get(name))
    if target is None:
        names = ", ".join(repr(node.get("name", "")) for node in nodes)
        raise InputError(f"{path.name}: there is no sheet {sheet!r}; its sheets are {names}")
    return name, _plain(target.removeprefix("/") if target.startswith("/") else f"xl/{target}")


def _spelt(sheet: str, there: list[str]) -> str:
    """The name of a sheet as the workbook spells it: a person may have changed its case, or left a space after it."""
    same = [name for name in there if name.strip().casefold() == sheet.casefold()]
    return same[0] if len(same) == 1 and sheet not in there else sheet


def _with_error_cells(table: pl.DataFrame, xml: bytes, first: re.Match[bytes]) -> pl.DataFrame:
    """Put the text of error cells (``#REF!``) where fastexcel gives null, so that they cannot pass for blanks."""
    if b'"e"' not in xml and b"'e'" not in xml:
        return table
    left = min(_column(cell[1]) for cell in FIRST_CELL.finditer(xml))
    errors: dict[int, dict[int, str]] = {}
    for cell in ERROR_CELL.finditer(xml):
        column, row = _column(cell[1]) - left, int(cell[2]) - int(first[2])
        if 0 <= column < table.width and 0 <= row < table.height:
            errors.setdefault(column, {})[row] = (cell[3] or b"#ERROR").decode()
    for column, texts in errors.items():
        marked = table.to_series(column).scatter(list(texts), list(texts.values()))
        table = table.replace_column(column, marked)
    return table


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _under_headers(table: pl.DataFrame, first_row: int) -> pl.DataFrame:
    table.columns = headers = told_apart(table.row(0), ROW)
    numbered = table.with_row_index(ROW, offset=first_row).slice(1)
    return numbered.filter(pl.any_horizontal(pl.col(headers).is_not_null()))
