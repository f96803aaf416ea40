"""The sample data cut to its last months: every layout, a tenth of the rows, and edits of single cells."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl

from support.cli import Result, etl
from support.contract import FILES, INPUTS
from support.folders import age

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

SINCE = 202401
FLOORS = "floor_cartera=100 floor_icap=100 floor_tda=100"
"""Thresholds for files this small, in the form of ``BANKADVISOR_THRESHOLD``."""

CARTERA, ICAP, CASTIGOS = FILES["cartera"], FILES["icap"], FILES["castigos"]
TDA, TASAS, TASA_EFECTIVA = FILES["tda"], FILES["tasas"], FILES["tasa_efectiva"]
INSTITUCIONES, CASTIGOS_COMERCIALES = FILES["instituciones"], FILES["castigos_comerciales"]


def write_small(sample: Path, folder: Path) -> Path:
    """Write every file with the months from ``SINCE`` on; a file without codes has one row per month."""
    folder.mkdir(parents=True)
    for name, _, sheet, code, month, _ in INPUTS.values():
        if sheet:
            _cut(sample / name, folder / name, sheet, month if code else None)
    with (sample / TASAS).open("rb") as lines, (folder / TASAS).open("wb") as out:
        out.write(next(lines))
        out.writelines(line for line in lines if any(year in line for year in (b"/24,", b"/25,", b"/2024,", b"/2025,")))
    return folder


def run(dsn: str, folder: Path, *options: object, **settings: object) -> Result:
    """The verb ``run`` on such a folder."""
    age(folder)
    return etl("run", "--data-dir", folder, *options, **small_settings(dsn), **settings)


def small_settings(dsn: str) -> dict[str, str]:
    """The environment of ``run`` on such a folder."""
    return {"BANKADVISOR_DSN": dsn, "BANKADVISOR_THRESHOLD": FLOORS}


@contextmanager
def editing(path: Path, sheet: str | None = None) -> Iterator[Worksheet]:
    """Open a sheet, and save the workbook after the block."""
    book = openpyxl.load_workbook(path)
    yield book[sheet] if sheet else book.worksheets[0]
    book.save(path)


def set_cell(path: Path, column: str, change: Callable[[Any], Any], **key: object) -> None:
    """Change the one cell of ``column`` in the row in which the columns of ``key`` have these values, as text."""
    set_cells(path, [column], change, **key)


def set_cells(path: Path, columns: Iterable[str], change: Callable[[Any], Any], **key: object) -> None:
    """Change the cells of ``columns`` in that one row, such as the one of ``Cve_Periodo="202503"``."""
    with editing(path) as sheet:
        places = {str(cell.value).strip(): cell.column - 1 for cell in sheet[1]}
        rows = [
            row
            for row in sheet.iter_rows(min_row=2)
            if all(_text(row[places[name]].value) == str(value) for name, value in key.items())
        ]
        assert len(rows) == 1, (path.name, key, len(rows))
        for column in columns:
            cell = rows[0][places[column]]
            cell.value = change(cell.value)


def delete_rows(path: Path, column: str, doomed: Callable[[str], bool]) -> int:
    """Delete the rows whose value in ``column``, as text, is doomed; return how many there were."""
    with editing(path) as sheet:
        place = next(cell.column - 1 for cell in sheet[1] if str(cell.value).strip() == column)
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        kept = [rows[0], *(row for row in rows[1:] if not doomed(_text(row[place])))]
        sheet.delete_rows(1, sheet.max_row)
        for row in kept:
            sheet.append(row)
    return len(rows) - len(kept)


def _cut(source: Path, target: Path, sheet: str, month: str | None) -> None:
    book = openpyxl.load_workbook(source, read_only=True)
    rows = book[sheet].iter_rows(values_only=True)
    header = next(rows)
    place = [str(name).strip() for name in header].index(month) if month else None
    new = openpyxl.Workbook(write_only=True)
    out = new.create_sheet(sheet)
    out.append(header)
    for row in rows:
        if place is None or (row[place] is not None and _month(row[place]) >= SINCE):
            out.append(row)
    book.close()
    new.save(target)


def _month(value: object) -> int:
    """202507 from a date, from ``2025/7/01`` and from itself."""
    if isinstance(value, date):
        return value.year * 100 + value.month
    year, slash, rest = str(value).partition("/")
    return int(year) * 100 + int(rest.partition("/")[0]) if slash else int(year)


def _text(value: object) -> str:
    return value.date().isoformat() if isinstance(value, datetime) else str(value)
