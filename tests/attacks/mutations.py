"""Ways to damage a file at random.

After each of them a run must either refuse, or publish exactly what it would have published before: none makes another
valid file. Figures are therefore changed only where the audit can detect it (in the loan book, by more than its
tolerance); in the other sheets only the containers of figures are changed: the archive, the XML, whole columns.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, NamedTuple

from broken import CARTERA, CASTIGOS, ICAP, TASAS, TDA
from broken_sheets import SHEETS
from surgery import LINKS, STRINGS, WORKBOOK, Sheet, edit, member_of, read, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

STYLES = "xl/styles.xml"
SEGMENT = re.compile(r"Etapa (1|2|3|VR|todas)$")
HOLE = 65_536


class Mutation(NamedTuple):
    """One mutation: its name, whether it applies to workbooks, to the rates or to both, and what it does to a file."""

    name: str
    suits: Callable[[str], bool]
    do: Callable[[Random, Path], object]


def suitable(file: str) -> list[Mutation]:
    """The mutations that apply to a file of that name."""
    return [mutation for mutation in MUTATIONS if mutation.suits(file)]


def _bytes(change: Callable[[Random, bytearray], object]) -> Callable[[Random, Path], object]:
    def do(random: Random, path: Path) -> None:
        content = bytearray(path.read_bytes())
        change(random, content)
        path.write_bytes(content)

    return do


def _flip(random: Random, content: bytearray) -> None:
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _flip_in_directory(random: Random, content: bytearray) -> None:
    """In the last kilobytes of an archive, which hold its directory."""
    for _ in range(random.choice((1, 2, 4))):
        content[-1 - random.randrange(min(1_500, len(content)))] = random.randrange(256)


def _flip_in_a_header(random: Random, content: bytearray) -> None:
    starts = [match.start() for match in re.finditer(b"PK\x03\x04", content)]
    content[random.choice(starts) + random.randrange(40)] = random.randrange(256)


def _cut(random: Random, content: bytearray) -> None:
    del content[random.randrange(len(content)) :]


def _lose(random: Random, content: bytearray) -> None:
    start = random.randrange(len(content))
    del content[start : start + random.choice((1, 2, 100, 5_000))]


def _insert(random: Random, content: bytearray) -> None:
    start = random.randrange(len(content))
    content[start:start] = random.randbytes(random.choice((1, 2, 100, 5_000)))


def _hole(random: Random, content: bytearray) -> None:
    """Zeros from some offset on, as left by an interrupted copy."""
    start = random.randrange(len(content))
    length = min(random.choice((1, 512, 4_096, HOLE)), len(content) - start)
    content[start : start + length] = bytes(length)


def _repeat_block(random: Random, content: bytearray) -> None:
    start, length = random.randrange(len(content)), random.choice((100, 4_096, HOLE))
    content[start:start] = content[start : start + length]


def _exchange_blocks(random: Random, content: bytearray) -> None:
    length = min(4_096, len(content) // 3)
    one = random.randrange(len(content) - 2 * length)
    two = random.randrange(one + length, len(content) - length + 1)
    content[one : one + length], content[two : two + length] = content[two : two + length], content[one : one + length]


def _lose_member(random: Random, path: Path) -> None:
    rewrite(path, {random.choice(_members(path)): None})


def _exchange_members(random: Random, path: Path) -> None:
    one, two = random.sample(_members(path), 2)
    rewrite(path, {one: read(path, two), two: read(path, one)})


def _rename_member(random: Random, path: Path) -> None:
    name = random.choice(_members(path))
    place = random.randrange(len(name))
    new = name[:place] + random.choice("xX_/1") + name[place + 1 :]
    rewrite(path, {name: None}, added=[(new, read(path, name))] if new not in _members(path) else [])


def _add_member(random: Random, path: Path) -> None:
    rewrite(path, {}, added=[(f"xl/{random.randrange(10**6)}.xml", random.randbytes(200))])


def _pack_anew(random: Random, path: Path) -> None:
    """The same members in another order, compressed in another way."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    random.shuffle(members)
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"packed anew"
        for name, content in members:
            archive.writestr(name, content, random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def _cut_member(random: Random, path: Path) -> None:
    name = random.choice([member_of(path, SHEETS.get(path.name)), WORKBOOK, LINKS, STRINGS, STYLES])
    edit(path, name, lambda xml: xml[: random.randrange(len(xml) - 40)])


def _cut_sheet_after_a_row(random: Random, path: Path) -> None:
    def change(xml: bytes) -> bytes:
        return xml[: xml.index(b"</row>", random.randrange(len(xml) * 9 // 10)) + 6]

    edit(path, member_of(path, SHEETS.get(path.name)), change)


def _flip_in_a_small_part(random: Random, path: Path) -> None:
    """In the parts that list the sheets and their files."""

    def change(xml: bytes) -> bytes:
        place = random.randrange(len(xml))
        return xml[:place] + bytes([xml[place] ^ 1 << random.randrange(7)]) + xml[place + 1 :]

    edit(path, random.choice((WORKBOOK, LINKS, "_rels/.rels", "[Content_Types].xml")), change)


def _lose_a_bracket(random: Random, path: Path) -> None:
    """A ``<``, ``>`` or ``"`` of the sheet's XML."""

    def change(xml: bytes) -> bytes:
        begin, end = xml.index(b"<sheetData>"), xml.index(b"</sheetData>")
        place = min(place for sign in b'<>"' if (place := xml.find(bytes([sign]), random.randrange(begin, end))) >= 0)
        return xml[:place] + xml[place + 1 :]

    edit(path, member_of(path, SHEETS.get(path.name)), change)


def _lose_a_text(random: Random, path: Path) -> None:
    """Remove one of the first shared texts: all texts after it are shifted by one."""

    def change(xml: bytes) -> bytes:
        items = list(re.finditer(rb"<si>.*?</si>", xml, re.DOTALL))
        item = random.choice(items[: max(1, len(items) // 2)])
        return xml[: item.start()] + xml[item.end() :]

    edit(path, STRINGS, change)


def _spoil_header(random: Random, path: Path) -> None:
    sheet = Sheet(path, SHEETS.get(path.name))
    header = random.choice([name for name in sheet.letters if name])
    sheet.rename(
        header, random.choice((header[:-1], header + "x", header.swapcase(), "", random.choice([*sheet.letters])))
    )
    sheet.save()


def _spoil_column(random: Random, path: Path) -> None:
    """A twentieth of a column's cells, with values that do not fit the column."""
    sheet = Sheet(path, SHEETS[path.name])
    header = random.choice(READ[path.name])
    numbers = [row.number for row in sheet.rows()]
    sheet.set_column(
        header, random.sample(numbers, len(numbers) // 20), random.choice(("n.d.", "#REF!", "1,5", "-", "2O24"))
    )
    sheet.save()


def _spoil_amount(random: Random, path: Path) -> None:
    """One amount of a bank or of the system, by more than the audit tolerates."""
    sheet = Sheet(path, SHEETS[path.name])
    header = random.choice([name for name in sheet.letters if SEGMENT.search(name) and not name.startswith("Res")])
    row = random.choice(
        [row for row in sheet.rows() if _is_published(row.cells) and row.cells["Cve_Periodo"] >= "202201"]
    )
    before = float(row.cells.get(header) or 0)
    after = random.choice((before + 0.01, before - 0.01, -before - 1, before * 10 + 1, 1e15, "x", "#N/A", ""))
    sheet.set(row.number, header, after)
    sheet.save()


def _spoil_key(random: Random, path: Path) -> None:
    """The code or the month of a bank that has a portfolio."""
    sheet = Sheet(path, SHEETS[path.name])
    row = random.choice([row for row in sheet.rows() if _is_published(row.cells)])
    header, values = random.choice(
        (
            ("Institucion", ("5", "", "99", "x", 40059, "#REF!")),
            ("Cve_Periodo", (202513, 205001, "", "2024-01", 201701, 0, "#REF!")),
        )
    )
    new = random.choice([value for value in values if str(value) != row.cells[header]])
    sheet.set(row.number, header, new)
    sheet.save()


def _lose_rows(random: Random, path: Path) -> None:
    """All rows of a bank, or of the system, or one month of it."""
    sheet = Sheet(path, SHEETS[path.name])
    row = random.choice([row for row in sheet.rows() if _is_published(row.cells)])
    keys = random.choice((("Institucion",), ("Institucion", "Cve_Periodo")))
    wanted = {(key, row.cells[key]) for key in keys}
    sheet.drop(lambda cells: wanted <= cells.items())
    sheet.save()


def _repeat_row(random: Random, path: Path) -> None:
    sheet = Sheet(path, SHEETS[path.name])
    sheet.repeat(random.choice([row for row in sheet.rows() if all(row.cells.get(name) for name in READ[path.name])]))
    sheet.save()


def _shuffle_rows(random: Random, path: Path) -> None:
    sheet = Sheet(path, SHEETS[path.name])
    sheet.shuffle(random)
    sheet.save()


def _forget_places(random: Random, path: Path) -> None:
    """Rows without their numbers; the position is still clear."""
    pattern = random.choice((rb'(<row) r="\d+"', rb'(<row[^>]*) spans="[^"]*"', rb'(<row[^>]*) ht="[^"]*"'))
    member = member_of(path, SHEETS.get(path.name))
    rewrite(path, {member: re.sub(pattern, rb"\1", read(path, member))})


def _sign(random: Random, content: bytearray) -> None:
    """A comma, quote or line end of the rates is removed, doubled or replaced, except for the commas of thousands.

    ``"1;234"`` makes a faulty row, which is rightly set aside.
    """
    places = [match.start() for match in re.finditer(rb',(?!\d{3}[,"])|["\n]', content[: 1 << 20])]
    place = random.choice(places[25:])
    sign = content[place : place + 1]
    content[place : place + 1] = random.choice((b"", sign * 2, b",", b'"', b"\n", b";", b"\t", b"\0", b"\r"))


def _stray_sign(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content))
    content[place:place] = random.choice((b",", b'"', b"\n", b',"', b'",', b"\0", b"\r\n"))


def _spoil_text(random: Random, content: bytearray) -> None:
    """A letter of a column that is not read."""
    lines = [match.start() for match in re.finditer(rb"\n", content)]
    place = random.choice(lines[:-1]) + 1 + random.randrange(5)
    content[place] = random.choice(b"abcXYZ \x80\xff\xf1'#=|\\")


def _spoil_lines(random: Random, content: bytearray) -> None:
    """In a twentieth of the lines, one character more or less at the border of the same column."""
    lines = bytes(content).split(b"\n")
    for number in random.sample(range(1, len(lines) - 1), max(1, len(lines) // 20)):
        lines[number] = lines[number].replace(b",", random.choice((b"", b",,", b";")), 1)
    content[:] = b"\n".join(lines)


def _exchange_lines(random: Random, content: bytearray) -> None:
    first, *lines = bytes(content).splitlines(keepends=True)
    if lines[-1].endswith(b"\n"):
        random.shuffle(lines)
    content[:] = b"".join([first, *lines])


def _encode(random: Random, content: bytearray) -> None:
    content[:] = bytes(content).decode("latin-1").encode(random.choice(("utf-16", "utf-8", "utf-8-sig", "utf-32")))


def _is_published(cells: dict[str, str]) -> bool:
    """Whether the audit checks a row's figures, and they are not all zero."""
    code, total = cells.get("Institucion", ""), cells.get("Cartera Total Etapa 1") or "0"
    bank = code == "5" or (code.isdigit() and 40_000 <= int(code) < 50_000)
    return bank and float(total) > 1


def _members(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _workbook(file: str) -> bool:
    return file.endswith(".xlsx")


def _named(*files: str) -> Callable[[str], bool]:
    return lambda file: file in files


def _any(_file: str) -> bool:
    return True


READ = {
    CARTERA: ("Institucion", "Cve_Periodo", "Cartera Total Etapa 3", "Reservas Etapa todas"),
    ICAP: ("Cve_Inst", "FECHA", "ICAP Total"),
    TDA: ("cve_periodo", "cve_institucion", "TDA Cartera total"),
    CASTIGOS: ("periodo", "institucion", "LIB_CASTIGOS_COMERC"),
}
"""Columns that are read, by file."""

MUTATIONS = [
    Mutation("bits flipped", _workbook, _bytes(_flip)),
    Mutation("bytes of the directory", _workbook, _bytes(_flip_in_directory)),
    Mutation("bytes of a header", _workbook, _bytes(_flip_in_a_header)),
    Mutation("cut", _workbook, _bytes(_cut)),
    Mutation("bytes lost", _workbook, _bytes(_lose)),
    Mutation("bytes inserted", _workbook, _bytes(_insert)),
    Mutation("hole of zeros", _any, _bytes(_hole)),
    Mutation("block repeated", _workbook, _bytes(_repeat_block)),
    Mutation("blocks exchanged", _workbook, _bytes(_exchange_blocks)),
    Mutation("member lost", _workbook, _lose_member),
    Mutation("members exchanged", _workbook, _exchange_members),
    Mutation("member renamed", _workbook, _rename_member),
    Mutation("member added", _workbook, _add_member),
    Mutation("packed anew", _workbook, _pack_anew),
    Mutation("XML cut", _workbook, _cut_member),
    Mutation("sheet cut after a row", _workbook, _cut_sheet_after_a_row),
    Mutation("bit of a small part", _workbook, _flip_in_a_small_part),
    Mutation("bracket lost", _workbook, _lose_a_bracket),
    Mutation("text lost", _workbook, _lose_a_text),
    Mutation("header spoilt", _workbook, _spoil_header),
    Mutation("column spoilt", READ.__contains__, _spoil_column),
    Mutation("amount spoilt", _named(CARTERA), _spoil_amount),
    Mutation("key spoilt", _named(CARTERA), _spoil_key),
    Mutation("rows lost", _named(CARTERA), _lose_rows),
    Mutation("row repeated", READ.__contains__, _repeat_row),
    Mutation("rows shuffled", _named(CARTERA, ICAP, TDA), _shuffle_rows),
    Mutation("places forgotten", _workbook, _forget_places),
    Mutation("sign spoilt", _named(TASAS), _bytes(_sign)),
    Mutation("stray sign", _named(TASAS), _bytes(_stray_sign)),
    Mutation("text spoilt", _named(TASAS), _bytes(_spoil_text)),
    Mutation("lines spoilt", _named(TASAS), _bytes(_spoil_lines)),
    Mutation("lines shuffled", _named(TASAS), _bytes(_exchange_lines)),
    Mutation("another encoding", _named(TASAS), _bytes(_encode)),
]
