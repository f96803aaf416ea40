"""Unusual files with the same contents: they are read, and no published figure changes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from broken import CARTERA, CASTIGOS_COMERCIALES, ICAP, TASAS, TDA
from broken_sheets import SHEETS, operating
from surgery import STRINGS, Sheet, edit, member_of, read, rewrite
from trial import MEMORY, run

from support.published import figures, one, runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trial import Outcome


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _xml(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: edit(path, member_of(path, SHEETS.get(path.name)), change)


def _instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def do(path: Path) -> None:
        path.unlink()
        make(path)

    return do


def _macro(path: Path) -> None:
    rewrite(path, {}, added=[("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + bytes(9_000))])


def _header(old: str, new: str) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        with operating(path) as sheet:
            sheet.rename(old, new)

    return do


def _texts_for_numbers(path: Path) -> None:
    """Every amount of a column becomes text with the same digits."""
    opened = Sheet(path, SHEETS[path.name])
    letters = opened.letters["Cartera Total Etapa 1"].encode()
    pattern = re.compile(rb'<c r="(%s(?!1")\d+)"[^>]*><v>([^<]*)</v></c>' % letters)
    opened.xml = pattern.sub(rb'<c r="\1" t="inlineStr"><is><t> \2 </t></is></c>', opened.xml)
    opened.save()


def _shuffled(path: Path) -> None:
    """The rows below the headers in the opposite order."""
    opened = Sheet(path, SHEETS[path.name])
    rows = list(opened.rows())
    turned = zip(rows, reversed(rows), strict=True)
    body = [
        re.sub(rb'( r="[A-Z]*)%d"' % old.number, rb"\g<1>%d" % new.number + b'"', opened.xml[old.start : old.end])
        for new, old in turned
    ]
    opened.xml = b"".join([opened.xml[: rows[0].start], *body, opened.xml[rows[-1].end :]])
    opened.save()


HARMLESS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "macros in the workbook": (CARTERA, _macro),
    "the theme lost": (CARTERA, lambda path: rewrite(path, {"xl/theme/theme1.xml": None})),
    "names of parts in capitals": (
        ICAP,
        lambda path: rewrite(path, {STRINGS: None}, added=[(STRINGS.upper(), read(path, STRINGS))]),
    ),
    "rows that say no number": (TDA, _xml(lambda x: re.sub(rb'<row r="\d+"', b"<row", x))),
    "apostrophes for quotes": (ICAP, _xml(lambda x: re.sub(rb' r="(\w+)"', rb" r='\1'", x))),
    "prefixes in the XML": (
        TDA,
        _xml(lambda x: re.sub(rb"<(/?)(\w)", rb"<\1x:\2", x).replace(b" xmlns=", b" xmlns:x=")),
    ),
    "a second table in the sheet": (
        ICAP,
        _xml(lambda x: x.replace(b"</sheetData>", b"</sheetData><sheetData></sheetData>")),
    ),
    "formatted blanks down to row 90,000": (
        TDA,
        _xml(lambda x: x.replace(b"</sheetData>", b'<row r="90000"><c r="A90000" s="1"/></row></sheetData>')),
    ),
    "a number in CZ99999": (
        ICAP,
        _xml(lambda x: x.replace(b"</sheetData>", b'<row r="99999"><c r="CZ99999"><v>1</v></c></row></sheetData>')),
    ),
    "a column called fila": (ICAP, _header("Banco", "fila")),
    "a column without a header": (ICAP, _header("Banco", " ")),
    "spaces about a header": (CARTERA, _header("Cve_Periodo", "  Cve_Periodo ")),
    "amounts as text": (CARTERA, _texts_for_numbers),
    "rows in the opposite order": (CARTERA, _shuffled),
    "rates: with a mark of byte order": (TASAS, _bytes(lambda c: b"\xef\xbb\xbf" + c)),
    "rates: lines end in LF": (TASAS, _bytes(lambda c: c.replace(b"\r\n", b"\n"))),
    "rates: no line end at the end": (TASAS, _bytes(bytes.rstrip)),
    "rates: blank lines": (TASAS, _bytes(lambda c: c.replace(b"\r\n", b"\r\n\r\n", 50) + b"\r\n" * 20)),
    "rates: spaces about the headers": (TASAS, _bytes(lambda c: c.replace(b"Average Rate,", b" Average Rate ,", 1))),
    "rates: headers in quotes": (TASAS, _bytes(lambda c: c.replace(b"Average Rate,", b'"Average Rate",', 1))),
    "rates: a column called line": (TASAS, _bytes(lambda c: c.replace(b"Currency type,", b"line,", 1))),
    "rates: the headers once more": (TASAS, _bytes(lambda c: c + c[: c.index(b"\n") + 1])),
    "rates: the last column blank": (
        TASAS,
        _bytes(
            lambda c: re.sub(rb",[^,\r\n]*\r\n", b",\r\n", c).replace(
                b"Etapa 3,\r\n", b"Etapa 3,Valor Razonable\r\n", 1
            )
        ),
    ),
    "an optional file that is a link to nowhere": (ICAP, _instead(lambda path: path.symlink_to("nowhere"))),
    "an optional file that is a folder": (TDA, _instead(lambda path: path.mkdir())),
    "an optional file that is a pipe": (TASAS, _instead(os.mkfifo)),
    "an optional file that is a device": (CASTIGOS_COMERCIALES, _instead(lambda path: path.symlink_to("/dev/zero"))),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name: str, target: Path, hit: str, held: Callable[[str, str, Outcome], None]) -> None:
    before = figures(hit)
    file, do = HARMLESS[name]
    do(target / file)
    outcome = run(target, hit)
    assert outcome.code == 0, outcome.end
    assert [row["status"] for row in runs(hit)] == ["success", "success"]
    assert one(hit, "SELECT count(*) FROM monthly_kpis_cambios") == 0
    assert figures(hit) == before
    assert outcome.peak < MEMORY
    held("harmless", name, outcome)
