"""Writes workbooks cell by cell, with control over the type of each cell and the same bytes each time."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

from bankadvisor_etl.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import ModuleType

CREATED = datetime(2025, 8, 15, 12, 0)  # noqa: DTZ001 - written as it is
EXCEL_EPOCH = date(1899, 12, 30)
BLANK = ""
"""A formatted cell without a value; ``None`` is no cell at all."""


class Dated(float):
    """A number in a cell formatted as a date, which is how Excel stores dates."""


Value: TypeAlias = str | int | float | None
Row: TypeAlias = "Sequence[Value]"
Sheets: TypeAlias = "dict[str, list[Row]]"


def fecha(periodo: int, day: int = 1) -> Dated:
    """A real date cell: the given day of the month."""
    return Dated((date(periodo // 100, periodo % 100, day) - EXCEL_EPOCH).days)


def mdp(pesos: int) -> float:
    """Pesos in millions, with the six decimals that CNBV publishes."""
    return pesos / 1_000_000


def require_xlsxwriter() -> ModuleType:
    """Import xlsxwriter, which only this verb needs, or raise a ConfigurationError that names the extra."""
    try:
        return importlib.import_module("xlsxwriter")
    except ImportError as exc:
        raise ConfigurationError("sample-data needs xlsxwriter: pip install 'bankadvisor-etl[sample]'") from exc


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn ``OSError`` into an InputError that names the path."""
    try:
        yield
    except OSError as exc:
        raise InputError(f"{path}: cannot be written: {exc.strerror}") from exc


def write_workbook(path: Path, sheets: Sheets) -> Path:
    """Write the named sheets in order; InputError if the file cannot be written."""
    buffer = BytesIO()
    # In memory, xlsxwriter dates every zip entry 1980-01-01; with temporary files, entries would get their file modes.
    workbook = require_xlsxwriter().Workbook(buffer, {"in_memory": True})
    workbook.set_properties({"created": CREATED})
    dated = workbook.add_format({"num_format": "dd/mm/yyyy"})
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        for number, row in enumerate(rows):
            _write_row(sheet, number, row, dated)
    workbook.close()
    with writing(path):
        path.write_bytes(buffer.getvalue())
    return path


def _write_row(sheet: Any, number: int, row: Row, dated: Any) -> None:
    for column, value in enumerate(row):
        if value == BLANK:
            sheet.write_blank(number, column, None, dated)
        elif isinstance(value, str):
            sheet.write_string(number, column, value)
        elif value is not None:
            sheet.write_number(number, column, value, dated if isinstance(value, Dated) else None)
