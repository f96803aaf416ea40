"""Workbooks and comma-separated files written cell by cell, to build one trap of the real files at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from openpyxl import Workbook
from openpyxl.utils import coordinate_to_tuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

Rows: TypeAlias = "Iterable[Sequence[Any]]"


class Dated(NamedTuple):
    """A number in a cell that is formatted as a date, as Excel makes of what it takes for one."""

    serial: float
    style: str = "dd/mm/yyyy hh:mm"


BLANK = Dated(None)  # type: ignore[arg-type]
"""A formatted cell with nothing in it; ``None`` is no cell at all."""


def write_workbook(path: Path, sheets: Mapping[str, Rows], *, at: str = "A1") -> Path:
    """Write the sheets in their order, each from the cell ``at`` on.

    Text, numbers and dates become cells of that kind, ``"=..."`` a formula without a value and ``"#REF!"`` an error.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    top, left = coordinate_to_tuple(at)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row, values in enumerate(rows, start=top):
            for column, value in enumerate(values, start=left):
                if value is not None:
                    _write(sheet.cell(row, column), value)
    book.save(path)
    return path


def write_csv(path: Path, rows: Iterable[str], *, encoding: str = "latin-1") -> Path:
    """Write the lines as they stand, ended as Windows ends them; Latin-1 as CNBV does."""
    path.write_bytes("".join(f"{row}\r\n" for row in rows).encode(encoding))
    return path


def serial(day: date) -> int:
    """Excel's number of a day after February 1900."""
    return day.toordinal() - 693_594


def _write(cell: Any, value: Any) -> None:
    if isinstance(value, Dated):
        cell.value, cell.number_format = value
    else:
        cell.value = value
