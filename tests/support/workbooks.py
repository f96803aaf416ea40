"""Writes workbooks and comma-separated files cell by cell, to build one trap of the real files at a time."""

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
    """A number in a cell formatted as a date, as Excel makes of a number that it takes for a date."""

    serial: float
    style: str = "dd/mm/yyyy hh:mm"


BLANK = Dated(None)  # type: ignore[arg-type]
"""A formatted cell without a value; ``None`` is no cell at all."""


def write_workbook(path: Path, sheets: Mapping[str, Rows], *, at: str = "A1") -> Path:
    """Write the sheets in order, each from the cell ``at`` on.

    Text, numbers and dates become cells of that type, ``"=..."`` a formula without a value and ``"#REF!"`` an error.
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
    """Write the lines unchanged, with Windows line ends, in Latin-1 like CNBV."""
    path.write_bytes("".join(f"{row}\r\n" for row in rows).encode(encoding))
    return path


def serial(day: date) -> int:
    """Excel's serial of a day after February 1900."""
    return day.toordinal() - 693_594


def _write(cell: Any, value: Any) -> None:
    if isinstance(value, Dated):
        cell.value, cell.number_format = value
    else:
        cell.value = value
