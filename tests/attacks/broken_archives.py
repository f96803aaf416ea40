"""Files that are not workbooks, or are damaged or hostile archives."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from broken import CARTERA, ICAP, INPUT, TASA_EFECTIVA, TDA, Broken
from surgery import LINKS, STRINGS, WORKBOOK, edit, member_of, read, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HTML = (
    b"<!DOCTYPE html>\n<html><head><title>503, Service Unavailable</title></head><body>later, perhaps</body></html>\n"
)
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_096)
SHEET = "xl/worksheets/sheet1.xml"
BOMB = 140 * 2**20
LOCAL, CENTRAL = (14, 18, 22), (16, 20, 24)
"""The offsets of the checksum, the packed size and the unpacked size in a member's two headers."""
DEFLATE64 = 9


def _put(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _member(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: edit(path, name, change)


def _without(name: str) -> Callable[[Path], object]:
    return lambda path: rewrite(path, {name: None})


def _flip(path: Path, member: str) -> None:
    """Flip one bit in the middle of a member's packed bytes."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    content = bytearray(path.read_bytes())
    content[info.header_offset + 30 + len(member) + info.compress_size // 2] ^= 16
    path.write_bytes(content)


def _flip_in_sheet(path: Path) -> None:
    _flip(path, member_of(path, "Sheet1"))


def _zero_middle(path: Path) -> None:
    """A hole of 64 KiB, as left by a copy that was interrupted and resumed."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 65_536] = bytes(65_536)
    path.write_bytes(content)


def _patch(path: Path, member: str, fields: dict[int, int], flags: int = 0, method: int | None = None) -> None:
    """Overwrite the fields in both headers of a member: ``fields`` by index in (checksum, packed, unpacked)."""
    with zipfile.ZipFile(path) as archive:
        info, start = archive.getinfo(member), archive.start_dir
    content = bytearray(path.read_bytes())
    name, entry = member.encode(), content.index(b"PK\1\2", start)
    while content[entry + 46 : entry + 46 + len(name)] != name:
        entry = content.index(b"PK\1\2", entry + 4)
    for base, places, shift in ((info.header_offset, LOCAL, 6), (entry, CENTRAL, 8)):
        content[base + shift] |= flags
        if method is not None:
            struct.pack_into("<H", content, base + shift + 2, method)
        for field, value in fields.items():
            struct.pack_into("<I", content, base + places[field], value)
    path.write_bytes(content)


def _bomb(path: Path) -> None:
    rewrite(path, {}, added=[("xl/media/image1.png", bytes(BOMB))])


def _understated_bomb(path: Path) -> None:
    """The sheet unpacks to 140 MiB and declares 1,000 bytes."""
    edit(path, SHEET, lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + b" " * BOMB))
    _patch(path, SHEET, {2: 1_000})


def _forged_bomb(path: Path) -> None:
    """The sheet continues for 140 MiB after its end; the size and the checksum are those of the part before."""
    honest = read(path, SHEET)
    row = b'<row><c t="inlineStr"><is><t>' + b"0123456789" * 100 + b"</t></is></c></row>"
    rewrite(path, {SHEET: honest.replace(b"</sheetData>", row * (BOMB // len(row)) + b"</sheetData>")})
    content = read(path, SHEET)[: len(honest)]
    _patch(path, SHEET, {0: zlib.crc32(content), 2: len(content)})


def _locked(path: Path) -> None:
    _patch(path, SHEET, {}, flags=1)


def _unknown_method(path: Path) -> None:
    _patch(path, SHEET, {}, method=DEFLATE64)


def _twice(path: Path) -> None:
    rewrite(path, {}, added=[(SHEET.upper(), b"<worksheet/>")])


def _document(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")


def _declare(doctype: bytes, use: bytes) -> Callable[[bytes], bytes]:
    """Put a document type after 5,000 bytes of comment, and its entity into the first text element."""
    start = b"<!--" + b" " * 5_000 + b"-->" + doctype

    def change(xml: bytes) -> bytes:
        root = xml.index(b"<", xml.index(b"?>"))
        return xml[:root] + start + xml[root:].replace(b"<v>", b"<v>" + use, 1).replace(b"<t>", b"<t>" + use, 1)

    return change


LAUGHS = _declare(
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in b"bcdefghijk")
    + b"]>",
    b"&k;",
)
FOREIGN = _declare(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>', b"&a;")

TABLE = [
    Broken("not a workbook", "empty", CARTERA, INPUT, (CARTERA, "the file is empty"), _put(b"")),
    Broken("not a workbook", "one byte", ICAP, INPUT, (ICAP, "not a workbook"), _put(b"P")),
    Broken("not a workbook", "text", CARTERA, INPUT, (CARTERA, "not a workbook"), _put(b"hello " * 500)),
    Broken("not a workbook", "a web page", CARTERA, INPUT, (CARTERA, "a web page"), _put(HTML)),
    Broken("not a workbook", "a web page, optional", TDA, INPUT, (TDA, "a web page"), _put(HTML)),
    Broken("not a workbook", "an .xls, or locked (OLE2)", CARTERA, INPUT, (CARTERA, "an .xls", "password"), _put(OLE2)),
    Broken("not a workbook", "packed with gzip", ICAP, INPUT, (ICAP, "not a workbook"), _bytes(gzip.compress)),
    Broken("not a workbook", "a document of Word", ICAP, INPUT, (ICAP, "lacks", WORKBOOK), _document),
    Broken("damaged archive", "cut in half", CARTERA, INPUT, (CARTERA, "damaged"), _bytes(lambda c: c[: len(c) // 2])),
    Broken("damaged archive", "last byte lost", CARTERA, INPUT, (CARTERA, "damaged"), _bytes(lambda c: c[:-1])),
    Broken("damaged archive", "first bytes lost", TDA, INPUT, (TDA, "damaged"), _bytes(lambda c: c[100:])),
    Broken("damaged archive", "a bit flipped in the sheet", CARTERA, INPUT, (CARTERA, "damaged"), _flip_in_sheet),
    Broken(
        "damaged archive",
        "a bit flipped in styles",
        ICAP,
        INPUT,
        (ICAP, "damaged"),
        lambda p: _flip(p, "xl/styles.xml"),
    ),
    Broken("damaged archive", "a hole of zeros", CARTERA, INPUT, (CARTERA, "damaged"), _zero_middle),
    Broken("damaged archive", "locked with a password", ICAP, INPUT, (ICAP, "encrypted", "password"), _locked),
    Broken("damaged archive", "an unknown compression", ICAP, INPUT, (ICAP, "compression"), _unknown_method),
    Broken("damaged archive", "no workbook.xml", ICAP, INPUT, (ICAP, "lacks", WORKBOOK), _without(WORKBOOK)),
    Broken("damaged archive", "no links", ICAP, INPUT, (ICAP, "lacks", LINKS), _without(LINKS)),
    Broken("damaged archive", "no sheet", ICAP, INPUT, (ICAP, "'ICAP Bancos'", SHEET, "not in"), _without(SHEET)),
    Broken("damaged archive", "no texts", ICAP, INPUT, (ICAP, "'ICAP Bancos'", "damaged"), _without(STRINGS)),
    Broken("damaged archive", "a part twice", ICAP, INPUT, (ICAP, "two parts"), _twice),
    Broken(
        "damaged archive",
        "workbook.xml is no XML",
        ICAP,
        INPUT,
        (ICAP, "damaged", "line 1"),
        _member(WORKBOOK, lambda _: b"not XML"),
    ),
    Broken(
        "damaged archive",
        "sheet cut, sums right",
        ICAP,
        INPUT,
        (ICAP, "'ICAP Bancos'", "damaged"),
        _member(SHEET, lambda xml: xml[: xml.index(b"</row>", len(xml) // 2) + 6]),
    ),
    Broken(
        "damaged archive",
        "texts cut, sums right",
        ICAP,
        INPUT,
        (ICAP, "damaged"),
        _member(STRINGS, lambda xml: xml[: len(xml) // 2]),
    ),
    Broken(
        "damaged archive",
        "one text lost, sums right",
        ICAP,
        INPUT,
        (ICAP, "damaged"),
        _member(STRINGS, lambda xml: xml.replace(b"<si><t>040002</t></si>", b"")),
    ),
    Broken("bomb", "140 MiB of zeros", ICAP, INPUT, (ICAP, "unpacks to 140 MiB"), _bomb),
    Broken("bomb", "140 MiB that say 1,000 bytes", ICAP, INPUT, (ICAP, "damaged"), _understated_bomb),
    Broken("bomb", "140 MiB, size and sum forged", ICAP, INPUT, (ICAP, "damaged"), _forged_bomb),
    Broken("bomb", "entities in the sheet", CARTERA, INPUT, (CARTERA, "document type"), _member(SHEET, LAUGHS)),
    Broken("bomb", "entities in the texts", ICAP, INPUT, (ICAP, "document type"), _member(STRINGS, LAUGHS)),
    Broken("bomb", "entities in workbook.xml", TDA, INPUT, (TDA, "document type"), _member(WORKBOOK, LAUGHS)),
    Broken("bomb", "foreign entity in the sheet", ICAP, INPUT, (ICAP, "document type"), _member(SHEET, FOREIGN)),
    Broken("bomb", "foreign entity in the texts", TDA, INPUT, (TDA, "document type"), _member(STRINGS, FOREIGN)),
    Broken(
        "bomb",
        "foreign entity in workbook.xml",
        TASA_EFECTIVA,
        INPUT,
        (TASA_EFECTIVA, "document type"),
        _member(WORKBOOK, FOREIGN),
    ),
]
