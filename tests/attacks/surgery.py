"""Edits workbooks byte by byte: openpyxl would repair what is to be broken, and take ten times as long."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path
    from random import Random

WORKBOOK, LINKS, STRINGS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"
ROW = re.compile(rb'<row r="(\d+)"[^>]*(?:(?<=/)>|>.*?</row>)', re.DOTALL)
CELL = re.compile(rb'<c r="([A-Z]+)\d+"([^>]*?)(?:/>|>(.*?)</c>)', re.DOTALL)
_VALUE = re.compile(rb"<v>(.*?)</v>|<t[^>]*>(.*?)</t>", re.DOTALL)


def rewrite(path: Path, changed: Mapping[str, bytes | None], *, added: Collection[tuple[str, bytes]] = ()) -> None:
    """Rewrite the archive with its checksums, with other contents of some members, without those that are None."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= {name: content for name, content in changed.items() if content is not None}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in [*members.items(), *added]:
            if changed.get(name, b"") is not None:
                archive.writestr(name, content)


def read(path: Path, member: str) -> bytes:
    """The contents of one member."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)


def edit(path: Path, member: str, change: Callable[[bytes], bytes]) -> None:
    """Change one member; it has to differ afterwards."""
    before = read(path, member)
    after = change(before)
    assert after != before, (path.name, member)
    rewrite(path, {member: after})


def member_of(path: Path, sheet: str | None) -> str:
    """The member that holds a sheet, by default the first one."""
    nodes = [node for node in _tree(read(path, WORKBOOK)).iter() if node.tag.endswith("}sheet")]
    node = next(node for node in nodes if sheet in (None, node.get("name")))
    (link,) = (value for name, value in node.attrib.items() if name.endswith("}id"))
    targets = {node.get("Id"): node.get("Target", "") for node in _tree(read(path, LINKS))}
    return f"xl/{targets[link].removeprefix('/xl/')}"


class Place(NamedTuple):
    """A row of a sheet: its number, the beginning and end of its XML, and the text of its cells by header."""

    number: int
    start: int
    end: int
    cells: dict[str, str]


class Sheet:
    """The sheet of a workbook; ``save`` writes it back."""

    def __init__(self, path: Path, name: str | None) -> None:
        self.path, self.member = path, member_of(path, name)
        self.xml = read(path, self.member)
        self._strings = _strings(path)
        first = next(ROW.finditer(self.xml))
        self.headers = {letters: text.strip() for letters, text in self._texts(first[0])}
        self.letters = {header: letters for letters, header in reversed(self.headers.items())}
        self.first = first

    def rows(self) -> Iterator[Place]:
        """The rows below the headers."""
        for row in ROW.finditer(self.xml, self.first.end()):
            cells = {self.headers.get(letters, letters): text for letters, text in self._texts(row[0])}
            yield Place(int(row[1]), row.start(), row.end(), cells)

    def row(self, **key: str) -> Place:
        """The only row whose cells have these values, as text."""
        (found,) = (row for row in self.rows() if all(row.cells.get(name) == value for name, value in key.items()))
        return found

    def set(self, number: int, header: str, value: object) -> None:
        """Put a number, a text, an error (``#REF!``) or nothing (None) into a cell."""
        row = next(row for row in ROW.finditer(self.xml) if int(row[1]) == number)
        wanted = self.letters[header].encode()
        old = next(cell for cell in CELL.finditer(self.xml, row.start(), row.end()) if cell[1] == wanted)
        new = _cell(wanted + row[1], value, old[2])
        self.xml = self.xml[: old.start()] + new + self.xml[old.end() :]

    def set_column(self, header: str, numbers: Collection[int], value: object) -> None:
        """Put the same into the cells of a column in many rows."""
        wanted, wanted_rows = self.letters[header].encode(), {str(number).encode() for number in numbers}
        pattern = re.compile(rb'<c r="%s(\d+)"([^>]*?)(?:/>|>.*?</c>)' % wanted, re.DOTALL)

        def new(cell: re.Match[bytes]) -> bytes:
            return _cell(wanted + cell[1], value, cell[2]) if cell[1] in wanted_rows else cell[0]

        self.xml = pattern.sub(new, self.xml)

    def rename(self, header: str, new: str) -> None:
        """Write another header."""
        self.set(int(self.first[1]), header, new)

    def drop(self, doomed: Callable[[dict[str, str]], bool]) -> int:
        """Delete rows and renumber those below; return how many were deleted."""
        rows, parts, gone = list(self.rows()), [self.xml[: self.first.end()]], 0
        for row in rows:
            if doomed(row.cells):
                gone += 1
            else:
                parts.append(renumbered(self.xml[row.start : row.end], row.number, row.number - gone))
        self.xml = b"".join([*parts, self.xml[rows[-1].end :]])
        return gone

    def repeat(self, row: Place) -> int:
        """Put a copy of a row below the last one; return its number."""
        last = list(self.rows())[-1]
        copy = renumbered(self.xml[row.start : row.end], row.number, last.number + 1)
        self.xml = self.xml[: last.end] + copy + self.xml[last.end :]
        return last.number + 1

    def shuffle(self, random: Random) -> None:
        """Put the rows below the headers into another order."""
        rows = list(self.rows())
        order = random.sample(rows, len(rows))
        moved = [renumbered(self.xml[o.start : o.end], o.number, n.number) for n, o in zip(rows, order, strict=True)]
        self.xml = b"".join([self.xml[: rows[0].start], *moved, self.xml[rows[-1].end :]])

    def save(self) -> None:
        """Put the sheet back into its workbook."""
        rewrite(self.path, {self.member: self.xml})

    def _texts(self, row: bytes) -> Iterator[tuple[str, str]]:
        for cell in CELL.finditer(row):
            value = _VALUE.search(cell[3] or b"")
            text = (value[1] or value[2] or b"").decode() if value else ""
            yield cell[1].decode(), self._strings[int(text)] if b't="s"' in cell[2] else text


def cut_to_last_months(folder: Path) -> Path:
    """Drop the months before 202401 from the three long workbooks of the sample data."""
    for name, sheet, header, first in (
        ("CNBV_Cartera_Bancos_V2.xlsx", "Sheet1", "Cve_Periodo", 202401),
        ("TDA.xlsx", "Sheet1", "cve_periodo", 202401),
        ("ICAP_Bancos.xlsx", "ICAP Bancos", "FECHA", 45292),
    ):
        opened = Sheet(folder / name, sheet)
        opened.drop(lambda cells, header=header, first=first: int(cells.get(header) or 0) < first)
        opened.save()
    return folder


def renumbered(row: bytes, old: int, new: int) -> bytes:
    """The XML of a row under another number."""
    return re.sub(rb'( r="[A-Z]*)%d"' % old, rb"\g<1>%d" % new + b'"', row)


def _strings(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        if STRINGS not in archive.namelist():
            return []
        items = _tree(archive.read(STRINGS))
    return ["".join(node.text or "" for node in item.iter() if node.tag.endswith("}t")) for item in items]


def _tree(xml: bytes) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 (our own, and not broken yet)


def _cell(reference: bytes, value: object, attributes: bytes) -> bytes:
    """The XML of a cell with the style of the old one."""
    style = re.search(rb' s="\d+"', attributes)
    start = b'<c r="%s"%s' % (reference, style[0] if style else b"")
    if value is None:
        return start + b"/>"
    text = escape(str(value)).encode()
    if isinstance(value, str) and not value.startswith("#"):
        return start + b' t="inlineStr"><is><t>' + text + b"</t></is></c>"
    return start + (b' t="e"' if isinstance(value, str) else b"") + b"><v>" + text + b"</v></c>"
