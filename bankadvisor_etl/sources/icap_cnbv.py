"""icap_cnbv: CNBV's bulletin of capital (``040_15b_R1.xls``): ICAP, CCB and CCF of one month in percent, by code.

Sheet ``MINFO``: the period (``202603``) in the row of ``Instituciones``, under it ``ICAP Total | CCB | CCF``, below
them code, name and three figures, blank for banks that no longer exist. Aggregates have rows, too. The sheet ``Notas``
describes restatements in prose and is not read.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.errors import InputError, Place
from bankadvisor_etl.formats.book import Book
from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.formats.parse import FIRST_BANK_CODE
from bankadvisor_etl.sources.bulletin import cells

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.grid import Grid

SHEET, CORNER = "MINFO", "instituciones"
RATIOS = {"icap total": "icap_total", "ccb": "icap_ccb", "ccf": "icap_ccf"}
PERIOD = re.compile(r"^((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(?:\.0+)?$")
CODE = re.compile(r"^([0-9]{1,6})(?:\.0+)?$")
FRAME = pl.Schema(
    {"fila": pl.UInt32, "codigo": pl.String, "mes": pl.Date, **dict.fromkeys(RATIOS.values(), pl.Float64)}
)


def read(path: Path) -> Extract:
    """Read the bulletin: ``codigo``, ``mes``, ``icap_total``, ``icap_ccb`` and ``icap_ccf`` in percent.

    Raises:
        InputError: the file is missing, not a workbook or damaged, or has no sheet of that name.
        DataError: the sheet has another layout, or a cell is faulty.
    """
    book = Book(path)
    name = next((name for name in book.sheets if name.strip().casefold() == SHEET.casefold()), None)
    if name is None:
        there = ", ".join(map(repr, book.sheets))
        raise InputError(f"there is no such sheet; its sheets are {there}", Place(path.name, SHEET))
    frame = frame_of(book.grid(name))
    return Extract(frame, frame.height)


def frame_of(grid: Grid) -> pl.DataFrame:
    """The figures of the sheet, as ``FRAME``; a bank without a figure has no row.

    Raises:
        DataError: there is no period or there are two, a ratio has no header or two, a row of figures has no code or
            a repeated one, or a cell is neither a figure nor a missing marker.
    """
    month, columns, below = _head(grid)
    records: dict[str, tuple[object, ...]] = {}
    for row in range(below, len(grid.rows)):
        values = [_figure(grid, row, column) for column in columns]
        if all(value is None for value in values):
            continue
        code = _code(grid, row, min(columns))
        if code in records:
            grid.refuse(f"the code {code} appears twice, first in row {records[code][0]}", row)
        records[code] = (row + grid.first_row, code, month, *values)
    if not records:
        grid.refuse("there is no institution with a figure")
    return pl.DataFrame(list(records.values()), FRAME, orient="row")


def _head(grid: Grid) -> tuple[date, list[int], int]:
    """The month, the columns of the three ratios in the order of ``RATIOS``, and the row below the headers."""
    corners = [
        (row, column)
        for row in range(len(grid.rows))
        for column, text in grid.filled(row)
        if cells.label(text) == CORNER
    ]
    if len(corners) != 1:
        grid.refuse(f"there are {len(corners)} cells 'Instituciones' instead of one", *corners[-1] if corners else ())
    row, corner = corners[0]
    beside = list(grid.filled(row, corner + 1))
    found = [(column, PERIOD.match(text)) for column, text in beside]
    if len(found) != 1 or found[0][1] is None:
        grid.refuse(
            "the row of 'Instituciones' needs exactly one period (YYYYMM)", row, beside[-1][0] if beside else None
        )
    period = found[0][1]
    headers = {column: cells.label(text) for column, text in grid.filled(row + 1)} if row + 1 < len(grid.rows) else {}
    columns = []
    for header in RATIOS:
        there = [column for column, text in headers.items() if text == header]
        if len(there) != 1:
            grid.refuse(f"there are {len(there)} headers {header!r} instead of one", row + 1)
        columns.append(there[0])
    return date(int(period[1]), int(period[2]), 1), columns, row + 2


def _code(grid: Grid, row: int, left: int) -> str:
    """The canonical code of a row; code and name, in this order, are left of the figures."""
    texts = list(grid.filled(row, 0, left))
    found = CODE.match(texts[0][1]) if texts else None
    if found is None:
        grid.refuse("a row of figures without a code", row, texts[0][0] if texts else None)
    number = int(found[1])
    return f"{number:06}" if number >= FIRST_BANK_CODE else str(number)


def _figure(grid: Grid, row: int, column: int) -> float | None:
    try:
        return cells.figure(grid.text(row, column))
    except ValueError:
        return grid.refuse("is neither a figure nor a missing marker", row, column)
