"""``Art_121``: CCB, CCF and ICAP of the month before the bulletin's, in percent, by bank."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from bankadvisor_etl.sources.bulletin import cells
from bankadvisor_etl.sources.bulletin.rows import Row, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.formats.grid import Grid

DATE = re.compile(r"\bal (\d{1,2}) de ([a-z]+) (?:de|del) ((?:19|20)\d{2})(?=\D|$|\d{1,2}\s*/)")
"""``CIFRAS AL 30 DE ABRIL DE 20261/``: the year has four digits; the rest is a footnote mark."""

MONTHS = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
    *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
)

RATIOS = {
    "icap_ccb": r"ccb|coeficiente de capital basico(?: \(ccb\))?",
    "icap_ccf": r"ccf|coeficiente de capital fundamental(?: \(ccf\))?",
    "icap_total": r"icap(?: total)?|indice de capitalizacion(?: \(icap\))?",
}


def capital(grid: Grid) -> tuple[date, Iterator[tuple[Row, dict[str, float | None]]]]:
    """The month of the sheet, and the ratios of each bank, by name.

    Raises:
        DataError: there is no date or there are two, a ratio has no header or two, or a row is faulty.
    """
    month = _month(grid)
    number, headers = _headers(grid)
    columns = {column: name for name, column in headers.items()}
    found = rows(grid, number, columns)
    return month, ((row, {columns[column]: value for column, value in row.figures.items()}) for row in found)


def _month(grid: Grid) -> date:
    months: dict[date, tuple[int, int]] = {}
    for row in range(len(grid.rows)):
        for column, text in grid.filled(row):
            words = cells.without_accents(" ".join(text.casefold().split()))
            if found := DATE.search(words):
                if found[2] not in MONTHS:
                    grid.refuse("does not name a month", row, column)
                months.setdefault(date(int(found[3]), MONTHS.index(found[2]) + 1, 1), (row, column))
    if len(months) != 1:
        grid.refuse("there are two dates", *list(months.values())[1]) if months else grid.refuse("there is no date")
    return next(iter(months))


def _headers(grid: Grid) -> tuple[int, dict[str, int]]:
    """The first row that has all headers, and the column of each ratio."""
    best: dict[str, int] = {}
    for row in range(len(grid.rows)):
        found: dict[str, int] = {}
        for column, text in grid.filled(row):
            name = _ratio(text)
            if name in found:
                grid.refuse("the header appears twice", row, column)
            if name:
                found[name] = column
        if len(found) == len(RATIOS):
            return row, found
        best = max(best, found, key=len)
    lacking = ", ".join(sorted(RATIOS.keys() - best.keys()))
    return grid.refuse(f"there is no header of {lacking}")


def _ratio(header: str) -> str | None:
    """The ratio that a header names, ignoring a percent sign and footnote marks."""
    words = cells.label(header).replace("(%)", " ").replace("%", " ").split()
    compared = cells.label(" ".join(words))
    return next((name for name, form in RATIOS.items() if re.fullmatch(form, compared)), None)
