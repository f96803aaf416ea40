"""Writes ``monthly_kpis``, a view or another table to a workbook, CSV or Parquet file, with the dictionary."""

from __future__ import annotations

import csv
import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.looking import dictionary
from bankadvisor_etl.looking.writing import replace_file, replacing
from bankadvisor_etl.tables import MONTHLY_KPIS
from bankadvisor_etl.warehouse.extract import Extract, copy_csv, extract

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BOM = "\ufeff".encode()
"""Makes Excel read a CSV as UTF-8."""

FORMATS: Mapping[str, str] = {
    "amount": "#,##0.00",
    "ratio": "0.00%",
    "percent": '0.00" %"',
    "date": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm",
}
"""Excel's number formats by kind of column: a ratio is shown as a percentage, a percentage with its sign."""

WIDTHS: Mapping[str, int] = {"amount": 15, "date": 11, "moment": 16, "list": 30, "text": 18}

PARQUET: Mapping[str, str] = {
    "numeric": "Float64",
    "float8": "Float64",
    "date": "Date",
    "int8": "Int64",
    "int4": "Int32",
}


def export(dsn: str, relation: str, path: Path, *, bom: bool = False) -> list[Path]:
    """Write a table or view to a file of the type of its suffix.

    Returns:
        the files: in a workbook the dictionary is a sheet, with the other formats a second file.

    Raises:
        ConfigurationError: the suffix is not ``.xlsx``, ``.csv`` or ``.parquet``, the file cannot be written,
            or there is no such table.
        DatabaseError: the database is unreachable.
    """
    if path.suffix == ".xlsx":
        _workbook(extract(dsn, relation), relation, path)
        return [path]
    if path.suffix == ".csv":
        replace_file(path, (BOM if bom else b"") + b"".join(copy_csv(dsn, relation)))
    elif path.suffix == ".parquet":
        _parquet(extract(dsn, relation), path)
    else:
        raise ConfigurationError(f"{path.name}: the file's name has to end in .xlsx, .csv or .parquet")
    beside = path.with_name(f"{path.stem}.diccionario.csv")
    replace_file(beside, (BOM if bom else b"") + _dictionary())
    return [path, beside]


def kind_of(name: str, type_: str) -> str:
    """The kind of a column: as described for ``monthly_kpis``, otherwise by its type."""
    for column in MONTHLY_KPIS.columns:
        if column.name == name:
            return column.kind
    return {"date": "date", "timestamptz": "moment", "numeric": "number", "float8": "number", "text": "text"}.get(
        type_, ""
    )


def _workbook(found: Extract, relation: str, path: Path) -> None:
    if find_spec("xlsxwriter") is None:
        raise ConfigurationError("a workbook needs xlsxwriter: pip install 'bankadvisor-etl[export]'")
    import xlsxwriter  # noqa: PLC0415 - an optional dependency

    kinds = [kind_of(field.name, field.type) for field in found.fields]
    with replacing(path) as partial, xlsxwriter.Workbook(str(partial), {"constant_memory": True}) as book:
        book.set_properties({"title": relation, "comments": MONTHLY_KPIS.description, "company": ""})
        head = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
        formats = {kind: book.add_format({"num_format": text}) for kind, text in FORMATS.items()}
        sheet = book.add_worksheet(relation)
        for place, (field, kind) in enumerate(zip(found.fields, kinds, strict=True)):
            sheet.set_column(place, place, max(WIDTHS.get(kind, 12), len(field.name) + 2), formats.get(kind))
        sheet.write_row(0, 0, [field.name for field in found.fields], head)
        for number, row in enumerate(found.rows, start=1):
            for place, (value, kind) in enumerate(zip(row, kinds, strict=True)):
                _write(sheet, (number, place), value, formats.get(kind))
        names = [field.name for field in found.fields]
        sheet.freeze_panes(1, names.index("banco_norm") + 1 if "banco_norm" in names else 0)
        sheet.autofilter(0, 0, max(len(found.rows), 1), len(found.fields) - 1)
        _dictionary_sheet(book, head)


def _write(sheet: Any, cell: tuple[int, int], value: Any, form: Any) -> None:
    if value is None:
        return
    if isinstance(value, list):
        sheet.write_string(*cell, ", ".join(value))
    elif hasattr(value, "tzinfo"):  # Excel's times have no time zone: UTC, as in the database session
        sheet.write_datetime(*cell, value.replace(tzinfo=None), form)
    elif hasattr(value, "isoformat"):
        sheet.write_datetime(*cell, value, form)
    elif isinstance(value, str):
        sheet.write_string(*cell, value)  # a code stays text: '040059' is not a number
    else:
        sheet.write_number(*cell, value, form)


def _dictionary_sheet(book: Any, head: Any) -> None:
    sheet = book.add_worksheet("diccionario")
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for place, width in enumerate((28, 26, 12, 60, 60, 30, 24, 16)):
        sheet.set_column(place, place, width, wrapped)
    sheet.write_row(0, 0, dictionary.HEADER, head)
    for number, entry in enumerate(dictionary.entries(), start=1):
        for place, text in enumerate(entry):
            if text:
                sheet.write_string(number, place, text, wrapped)
    sheet.freeze_panes(1, 1)


def _dictionary() -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(dictionary.HEADER)
    writer.writerows(dictionary.entries())
    return text.getvalue().encode()


def _parquet(found: Extract, path: Path) -> None:
    import polars as pl  # noqa: PLC0415 - only for this format

    types = {
        field.name: pl.List(pl.String)
        if field.type == "_text"
        else pl.Datetime("us", "UTC")
        if field.type == "timestamptz"
        else getattr(pl, PARQUET.get(field.type, "String"))
        for field in found.fields
    }
    frame = pl.DataFrame(found.rows, schema=types, orient="row")
    with replacing(path) as partial:
        frame.write_parquet(partial)
