"""Sheets of a bulletin in memory, with cells as text as read from a workbook."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.formats.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = list[list[Any]]

FILE = "BE BM 202605.xlsx"
MAY25, APRIL, MAY = date(2025, 5, 31), date(2026, 4, 30), date(2026, 5, 31)
MONTHS = (MAY25, APRIL, MAY)
BANKS = {"Sistema  */": "5", "BBVA México": "040012", "Invex": "040059", "Kapital Bank": "040128"}


def text(value: Any) -> str | None:
    """A cell as returned by fastexcel."""
    if value is None:
        return None
    return f"{value} 00:00:00" if isinstance(value, date) else str(value)


def grid(rows: Rows, sheet: str = "CCT", merged: Sequence[tuple[int, int, int, int]] = ()) -> Grid:
    """The rows as a sheet from A1 on."""
    width = max(map(len, rows))
    cells = [[text(value) for value in row] + [None] * (width - len(row)) for row in rows]
    return Grid(FILE, sheet, cells, merged=tuple(merged))


def block(header: str, months: Sequence[Any] = MONTHS, wide: int = 1) -> tuple[list[Any], list[Any]]:
    """A header over the first of its dates, each ``wide`` columns apart."""
    dates = [value for month in months for value in (month, *[None] * (wide - 1))]
    return [header, *[None] * (len(dates) - 1)], dates


def portfolio(headers: Sequence[str] = (), months: Sequence[Any] = MONTHS) -> Rows:
    """A sheet of the loan book: A blank, names in B, figures ``bank.block month`` from C on; two footnotes."""
    blocks = headers or ("Cartera total (MDP)", "IMOR (%)  5/", "ICOR (%) 6/", "Pérdida esperada (%)  7/")
    made = [block(header, months) for header in blocks]
    return [
        [None, "Cartera de crédito"],
        [None, "Cifras en millones de pesos"],
        [None, None, *(cell for header, _ in made for cell in header)],
        [None, None, *(cell for _, dates in made for cell in dates)],
        *(
            [None, name, *(figure(bank, at, month) for at in range(len(blocks)) for month in range(len(months)))]
            for bank, name in enumerate(BANKS)
        ),
        [],
        [None, "5/ Cartera vencida entre cartera total."],
        [None, "n.a. No aplica"],
    ]


def figure(bank: int, at: int, month: int) -> float:
    """A figure that is unique among the cells."""
    return 1000 * (bank + 1) + 100 * at + month + 0.25
