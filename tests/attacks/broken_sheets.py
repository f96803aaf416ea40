"""Readable workbooks whose sheets, headers or cells are not the regulator's."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from broken import CARTERA, CASTIGOS, DATA, ICAP, INPUT, INSTITUCIONES, TDA, Broken
from surgery import WORKBOOK, Sheet, edit, member_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHEETS = {CARTERA: "Sheet1", ICAP: "ICAP Bancos", TDA: "Sheet1", CASTIGOS: "CASTIGOS", INSTITUCIONES: "Instituciones"}
E1, E3 = "Cartera Total Etapa 1", "Cartera Total Etapa 3"
INVEX = "040059"


@contextmanager
def operating(path: Path) -> Iterator[Sheet]:
    """Open the sheet that is read, and save it after the block."""
    sheet = Sheet(path, SHEETS.get(path.name))
    yield sheet
    sheet.save()


def _rename(old: str, new: str) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        with operating(path) as sheet:
            sheet.rename(old, new)

    return do


def _name_sheet(old: str, new: str) -> Callable[[Path], None]:
    return lambda path: edit(
        path, WORKBOOK, lambda xml: xml.replace(b'name="%s"' % old.encode(), b'name="%s"' % new.encode())
    )


def column(header: str, value: object) -> Callable[[Path], None]:
    """Put a value into every cell of a column."""

    def do(path: Path) -> None:
        with operating(path) as sheet:
            sheet.set_column(header, [row.number for row in sheet.rows()], value)

    return do


def _xml(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: edit(path, member_of(path, SHEETS.get(path.name)), change)


def _last_row(row: bytes) -> Callable[[Path], None]:
    return _xml(lambda xml: xml.replace(b"</sheetData>", row + b"</sheetData>"))


def _only_headers(path: Path) -> None:
    with operating(path) as sheet:
        sheet.drop(lambda _: True)


def _far(reference: str) -> Callable[[Path], None]:
    return _last_row(b'<row r="9999"><c r="%s"><v>1</v></c></row>' % reference.encode())


STRAY = "delete the stray cell"
WIDE = b"<row>" + b"<c><v>1</v></c>" * 16_384 + b"</row>"

TABLE = [
    Broken("far cell", "XFD1048576", CARTERA, INPUT, (CARTERA, "'Sheet1'", "XFD1048576", STRAY), _far("XFD1048576")),
    Broken("far cell", "CV1048576", CARTERA, INPUT, (CARTERA, "'Sheet1'", "CV1048576", STRAY), _far("CV1048576")),
    Broken("far cell", "XFD1", ICAP, INPUT, (ICAP, "'ICAP Bancos'", "XFD1", STRAY), _far("XFD1")),
    Broken("far cell", "in small letters", ICAP, INPUT, (ICAP, "xfd1048576", STRAY), _far("xfd1048576")),
    Broken(
        "far cell",
        "spaces about the sign",
        TDA,
        INPUT,
        (TDA, "XFD1048576", STRAY),
        _last_row(b"<row r='9999'><c\n r = 'XFD1048576'><v>1</v></c></row>"),
    ),
    Broken(
        "far cell",
        "in a row that says 1048576",
        ICAP,
        INPUT,
        (ICAP, "'ICAP Bancos'", "1048576", STRAY),
        _last_row(b'<row r="1048576"><c><v>1</v></c></row>'),
    ),
    Broken("far cell", "16,384 cells that say not where", ICAP, INPUT, (ICAP, "MiB"), _last_row(WIDE)),
    Broken("sheet", "renamed", CARTERA, INPUT, (CARTERA, "sheet 'Sheet1'", "'Hoja1'"), _name_sheet("Sheet1", "Hoja1")),
    Broken(
        "sheet",
        "renamed, optional",
        ICAP,
        INPUT,
        (ICAP, "sheet 'ICAP Bancos'", "'ICAP'"),
        _name_sheet("ICAP Bancos", "ICAP"),
    ),
    Broken(
        "sheet",
        "empty",
        ICAP,
        INPUT,
        (ICAP, "'ICAP Bancos'", "empty"),
        _xml(lambda x: re.sub(rb"<row .*</row>", b"", x, flags=re.DOTALL)),
    ),
    Broken(
        "sheet",
        "headers and nothing else",
        CARTERA,
        DATA,
        (CARTERA, "'Sheet1'", "no rows below the headers"),
        _only_headers,
    ),
    Broken("sheet", "in UTF-16", ICAP, INPUT, (ICAP, "'ICAP Bancos'"), _xml(lambda x: x.decode().encode("utf-16"))),
    Broken(
        "sheet",
        "no line of headers",
        TDA,
        DATA,
        (TDA, "'Sheet1'", "column 'cve_institucion'", "'202401'"),
        _xml(lambda x: re.sub(rb'<row r="1".*?</row>', b"", x, flags=re.DOTALL)),
    ),
    Broken(
        "column",
        "renamed",
        CARTERA,
        DATA,
        (CARTERA, "'Sheet1'", f"column '{E3}'", f"'{E3} MDP'"),
        _rename(E3, f"{E3} MDP"),
    ),
    Broken(
        "column",
        "without its accent",
        CARTERA,
        DATA,
        (CARTERA, "column 'Créditos Comerciales Etapa 1'"),
        _rename("Créditos Comerciales Etapa 1", "Creditos Comerciales Etapa 1"),
    ),
    Broken("column", "without a header", ICAP, DATA, (ICAP, "column 'CCB'", "'column 5'"), _rename("CCB", "")),
    Broken(
        "column",
        "the month's, without a header",
        CASTIGOS,
        DATA,
        (CASTIGOS, "column 'periodo'"),
        _rename("periodo", " "),
    ),
    Broken("column", "doubled", CARTERA, DATA, (CARTERA, f"'{E1}'", "twice"), _rename("Año", E1)),
    Broken(
        "column",
        "doubled, but for a space",
        TDA,
        DATA,
        (TDA, "'TDA Cartera total'", "twice"),
        _rename("Año", "TDA Cartera total "),
    ),
    Broken(
        "column",
        "of another type: words",
        CARTERA,
        DATA,
        (CARTERA, "'Sheet1'", "row 2", E1, "'mucho'"),
        column(E1, "mucho"),
    ),
    Broken(
        "column",
        "of another type: dates for codes",
        CARTERA,
        DATA,
        (CARTERA, "row 2", "'Institucion'", "45292.5"),
        column("Institucion", 45292.5),
    ),
    Broken("column", "blank", CARTERA, DATA, (CARTERA, "row 2", "'Institucion'"), column("Institucion", None)),
]
