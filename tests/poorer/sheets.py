"""Edits of the input files, as values: what a person, Excel or an incomplete copy does to them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl

from support.contract import INPUTS
from support.small import TASAS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Edit = Callable[["Table"], object]

KEYS = {given.file: (given.code, given.month) for given in INPUTS.values()}
"""File: the columns of the code and of the month."""


@dataclass
class Table:
    """A file as rows of cells; the first row is the header. Its other parts can be set before it is saved."""

    file: str
    rows: list[list[Any]]
    sheet: str = "Sheet1"
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def place(self, header: str) -> int:
        return [str(cell or "").strip() for cell in self.rows[0]].index(header)

    def where(self, codes: Iterable[str] | None = None, months: Iterable[int] | None = None) -> list[list[Any]]:
        """The rows of these banks and months; all rows if not given."""
        code, month = KEYS[self.file]
        found = self.rows[1:]
        if codes is not None and code is not None:
            wanted, at = {int(one) for one in codes}, self.place(code)
            found = [row for row in found if _number(row[at]) in wanted]
        if months is not None and month is not None:
            kept, at = set(months), self.place(month)
            found = [row for row in found if period(row[at]) in kept]
        return found

    def without(self, rows: list[list[Any]]) -> None:
        doomed = {id(row) for row in rows}
        assert doomed
        self.rows = [row for row in self.rows if id(row) not in doomed]

    def change(self, headers: Iterable[str], how: Callable[[Any], Any], rows: list[list[Any]] | None = None) -> None:
        rows = self.rows[1:] if rows is None else rows
        assert rows
        for at in [self.place(header) for header in headers]:
            for row in rows:
                row[at] = how(row[at])

    def save(self, folder: Path) -> None:
        path = folder / self.file
        path.unlink(missing_ok=True)
        if self.file == TASAS:
            text = io.StringIO()
            csv.writer(text, lineterminator="\r\n").writerows(self.rows)
            path.write_bytes(text.getvalue().encode("latin-1"))
            return
        book = openpyxl.Workbook(write_only=True)
        for name in [*self.before, self.sheet, *self.after]:
            page = book.create_sheet(name)
            for row in self.rows if name == self.sheet else [["a pivot"], [1]]:
                page.append(row)
        book.save(path)


def load(path: Path) -> Table:
    """Read a file of the small sample."""
    if path.name == TASAS:
        return Table(TASAS, list(csv.reader(io.StringIO(path.read_bytes().decode("latin-1")))))
    book = openpyxl.load_workbook(path, read_only=True)
    page = book.worksheets[0]
    rows = [list(row) for row in page.iter_rows(values_only=True)]
    rows = [row + [None] * (len(rows[0]) - len(row)) for row in rows]
    book.close()
    return Table(path.name, rows, page.title)


def period(value: object) -> int:
    """202507 from a date, from ``2025/7/01``, from ``7/31/25`` and from itself."""
    if isinstance(value, date | datetime):
        return value.year * 100 + value.month
    parts = str(value).split("/")
    if len(parts) == 1:
        return int(parts[0])
    if len(parts[0]) == 4:
        return int(parts[0]) * 100 + int(parts[1])
    return (int(parts[2]) % 100 + 2000) * 100 + int(parts[0])


def _number(value: object) -> int | None:
    text = str(value or "").strip()
    return int(text) if text.isdecimal() else None


# --- edits -----------------------------------------------------------------------------------------------------------


def blank(*headers: str, codes: Iterable[str] | None = None, months: Iterable[int] | None = None) -> Edit:
    return put(None, *headers, codes=codes, months=months)


def put(value: object, *headers: str, codes: Iterable[str] | None = None, months: Iterable[int] | None = None) -> Edit:
    return lambda table: table.change(headers, lambda _: value, table.where(codes, months))


def times(
    factor: float, *headers: str, codes: Iterable[str] | None = None, months: Iterable[int] | None = None
) -> Edit:
    def scaled(value: Any) -> Any:
        return value if value in (None, "") else float(str(value).replace(",", "")) * factor

    return lambda table: table.change(headers, scaled, table.where(codes, months))


def gone(codes: Iterable[str] | None = None, months: Iterable[int] | None = None) -> Edit:
    return lambda table: table.without(table.where(codes, months))


def half(table: Table) -> None:
    """A copy that stopped in the middle."""
    del table.rows[len(table.rows) // 2 :]


def every(step: int) -> Edit:
    """Every n-th row is lost, as with a filter."""
    return lambda table: table.without(table.rows[1::step])


def only(codes: Iterable[str]) -> Edit:
    """Saved with a filter on some banks."""

    def do(table: Table) -> None:
        table.rows = [table.rows[0], *table.where(codes)]

    return do


def without_column(header: str) -> Edit:
    def do(table: Table) -> None:
        at = table.place(header)
        for row in table.rows:
            del row[at]

    return do


def renamed(old: str, new: str) -> Edit:
    return lambda table: table.rows[0].__setitem__(table.place(old), new)


def slid(header: str) -> Edit:
    """One column shifted down by a row, as after inserting a cell."""

    def do(table: Table) -> None:
        at = table.place(header)
        cells = [row[at] for row in table.rows[1:]]
        for row, cell in zip(table.rows[1:], [cells[-1], *cells[:-1]], strict=True):
            row[at] = cell

    return do


def sorted_alone(header: str) -> Edit:
    """One column sorted without the others."""

    def do(table: Table) -> None:
        at = table.place(header)
        cells = sorted((row[at] for row in table.rows[1:]), key=lambda cell: (cell is None, float(cell or 0)))
        for row, cell in zip(table.rows[1:], cells, strict=True):
            row[at] = cell

    return do


def doubled(table: Table) -> None:
    table.rows += [list(row) for row in table.rows[1:20]]


def reverse(table: Table) -> None:
    table.rows[1:] = table.rows[:0:-1]


def columns_reversed(table: Table) -> None:
    table.rows = [row[::-1] for row in table.rows]


def with_column(table: Table) -> None:
    for n, row in enumerate(table.rows):
        row.insert(2, "Observaciones" if n == 0 else "x")


def blank_rows(table: Table) -> None:
    table.rows[5:5] = [[None] * len(table.rows[0])] * 3


def spaced_headers(table: Table) -> None:
    table.rows[0] = [f"  {cell} " if cell else cell for cell in table.rows[0]]


def sheets_around(table: Table) -> None:
    table.before, table.after = ["Portada"], ["Notas"]


def sheet_called(name: str) -> Edit:
    return lambda table: setattr(table, "sheet", name)


def as_text(*headers: str) -> Edit:
    return lambda table: table.change(headers, lambda cell: cell if cell is None else f" {cell} ")


def next_month(last: int, then: int, grow: float, *figures: str) -> Edit:
    """The rows of the newest month again, for the next one, with larger figures."""

    def do(table: Table) -> None:
        month = KEYS[table.file][1]
        at = table.place(month or "")
        places = [table.place(header) for header in figures]
        for row in table.where(months=[last]):
            new = list(row)
            new[at] = _as(row[at], then)
            for place in places:
                if new[place] not in (None, ""):
                    new[place] = float(str(new[place]).replace(",", "")) * grow
            table.rows.append(new)

    return do


def both(*edits: Edit) -> Edit:
    """Several edits in sequence."""

    def do(table: Table) -> None:
        for edit in edits:
            edit(table)

    return do


def moved(factor: float, header: str, code: str, month: int) -> Edit:
    """An amount of a bank restated, and the system's by the same amount."""

    def do(table: Table) -> None:
        at = table.place(header)
        (bank,), (system,) = table.where([code], [month]), table.where(["5"], [month])
        system[at] += bank[at] * (factor - 1)
        bank[at] *= factor

    return do


def new_bank(code: str, model: str, month: int) -> Edit:
    """A new bank with the figures of another, added to the system."""

    def do(table: Table) -> None:
        (bank,), (system,) = table.where([model], [month]), table.where(["5"], [month])
        new = list(bank)
        new[table.place(KEYS[table.file][0] or "")] = code
        for at, cell in enumerate(new):
            if isinstance(cell, float):
                system[at] += cell
        table.rows.append(new)

    return do


def merged(leaves: str, stays: str, month: int) -> Edit:
    """From this month on, a bank is merged into another."""

    def do(table: Table) -> None:
        (gone_bank,), (bank,) = table.where([leaves], [month]), table.where([stays], [month])
        for at, cell in enumerate(gone_bank):
            if isinstance(cell, float):
                bank[at] += cell
        table.without([gone_bank])

    return do


def _as(value: object, then: int) -> object:
    """A month in the form of another cell."""
    if isinstance(value, datetime):
        return datetime(then // 100, then % 100, 1)  # noqa: DTZ001 - a cell has no time zone
    if isinstance(value, int):
        return then
    parts = str(value).split("/")
    if len(parts) == 1:
        return str(then)
    return f"{then // 100}/{then % 100}/01" if len(parts[0]) == 4 else f"{then % 100}/28/{then // 100 % 100}"
