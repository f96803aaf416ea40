"""From a sheet of text to a canonical frame: columns are found by header, parsed, and checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.errors import DataError, Place
from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.formats.xlsx import ROW, read_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bankadvisor_etl.formats.sheet import Column, Sheet

FAULTS = pl.Schema({"row": pl.UInt32, **dict.fromkeys(("column", "value", "what", "raw"), pl.String)})
"""One faulty cell per row: its row number, header and text, what is wrong, and the row as a JSON object."""

SHOWN = 80
"""Characters of a cell that an error shows: a cell can hold megabytes."""


def read_table(path: Path, sheet: Sheet, *, careful: bool = False) -> Extract:
    """Read one sheet into the canonical frame of its specification, with ``fila``, the row number.

    Args:
        path: the workbook.
        sheet: the specification.
        careful: before parsing, look for contents that could kill this process.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a named column is missing or appears twice, a key appears twice, or a strict sheet is empty or has a
            faulty cell.
    """
    place = Place(path.name, None if sheet.else_first else sheet.name)
    table = read_sheet(path, sheet.name, else_first=sheet.else_first, careful=careful)
    check_headers(place, table.columns, sheet.headers)
    if table.is_empty() and sheet.strict:
        raise DataError("there are no rows below the headers", place, "replace it with the published file")
    parsed = table.select(ROW, *(_parsed(table[column.header], column) for column in sheet.columns))
    needed = [column for column in sheet.columns if column.key or column.required]
    rows = pl.concat([_faults(table, parsed, needed), _blanks(table, needed)])
    cells = _faults(table, parsed, [column for column in sheet.columns if column not in needed])
    if sheet.strict and (rows.height or cells.height):
        raise _refusal(place, pl.concat([rows, cells]))
    good = _without(parsed, rows)
    if sheet.repeated_keys == "set aside":
        later = good.filter(~pl.struct(sheet.key).is_first_distinct())
        repeats = _as_faults(table.filter(pl.col(ROW).is_in(later[ROW].implode())), "its key appears in an earlier row")
        rows, good = pl.concat([rows, repeats]), _without(good, repeats)
    _check_key(place, good, sheet.key)
    ignored = tuple(header for header in table.columns if header not in {*sheet.headers, ROW})
    return Extract(good, table.height, _one_per_row(rows, cells), ignored)


def check_headers(place: Place, headers: Sequence[str], named: Sequence[str]) -> None:
    """Raise ``DataError`` unless each named column is in the file exactly once."""
    for header in named:
        if header not in headers:
            there = ", ".join(map(repr, (other for other in headers if other != ROW)))
            lacking = replace(place, column=header)
            raise DataError(f"there is no such column; the columns are {there}", lacking, "fetch the published file")
        if f"{header}#2" in headers:
            twice = replace(place, column=header)
            raise DataError("the column appears twice", twice, "remove the one that is not from CNBV")


def _parsed(text: pl.Series, column: Column) -> pl.Series:
    """The values of a column: null where the text is blank or does not have the column's form."""
    if column.form in parse.NUMBERS:
        # What polars parses as a number is valid here, too, except for its size; only the rest needs the strict forms.
        value = text.cast(pl.Float64, strict=False)
        if value.null_count() == text.null_count() and _within_bounds(value):
            return value.alias(column.name)
    form = parse.FORMS[column.form].parse
    if column.key:  # a few hundred codes and months make thousands of keys
        unique = text.unique().to_frame()
        mapped = unique.with_columns(form(pl.col(text.name)).alias(column.name))
        return text.to_frame().join(mapped, on=text.name, how="left", nulls_equal=True, maintain_order="left")[
            column.name
        ]
    return text.to_frame().select(form(pl.col(text.name)).alias(column.name)).to_series()


def _within_bounds(value: pl.Series) -> bool:
    """Whether ``parse.number`` accepts every value; NaN compares as larger than any number."""
    return bool((value.abs() <= parse.LARGEST).all())


def _one_per_row(rows: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """``REJECTS``: rows that were set aside, with the first reason of each, and rows with faulty cells, with all."""
    whole = rows.unique("row", keep="first", maintain_order=True)
    parts = cells.filter(~pl.col("row").is_in(rows["row"].implode()))
    words = (
        pl.when(pl.col("value").is_not_null())
        .then(pl.format("column '{}': '{}' {}", "column", "value", "what"))
        .when(pl.col("column").is_not_null())
        .then(pl.format("column '{}': {}", "column", "what"))
        .otherwise("what")
    )
    return (
        pl.concat([whole, parts])
        .with_columns(reason=words)
        .group_by("row", maintain_order=True)
        .agg(pl.col("reason").str.join("; "), pl.col("raw").first(), fault=pl.lit(value=True))
        .sort("row")
    )


def _without(table: pl.DataFrame, rejects: pl.DataFrame) -> pl.DataFrame:
    return table.filter(~pl.col(ROW).is_in(rejects["row"].implode())) if rejects.height else table


def _check_key(place: Place, frame: pl.DataFrame, key: Sequence[str]) -> None:
    """Raise ``DataError`` if a key appears in more than one row of ``frame``."""
    if frame.select(key).is_unique().all():
        return
    doubles = frame.filter(pl.struct(key).is_duplicated()).sort(*key, ROW)
    values = ", ".join(str(part) for part in doubles.select(key).row(0))
    rows = doubles.join(doubles.head(1).select(key), on=key)[ROW].to_list()
    others = doubles.select(key).n_unique() - 1
    what = f"the key ({values}) appears in rows {', '.join(map(str, rows))}, and {others} other keys more than once"
    raise DataError(what, replace(place, row=rows[-1]), "keep one row of each")


def _refusal(place: Place, faults: pl.DataFrame) -> DataError:
    """The error for a strict sheet: its first faulty cell, and the number of other faulty rows."""
    first = faults.sort("row", maintain_order=True).row(0, named=True)
    others = faults["row"].n_unique() - 1
    more = f" (and {others:,} more rows like it)" if others else ""
    where = replace(place, row=first["row"], column=first["column"], value=first["value"])
    return DataError(first["what"] + more, where, "correct the file, or fetch it again")


def _faults(table: pl.DataFrame, parsed: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """Filled cells that do not have the form of their column."""
    found = [pl.DataFrame(schema=FAULTS)]
    for column in columns:
        text, value = table[column.header], parsed[column.name]
        if value.null_count() > text.null_count():
            bad = table.filter(value.is_null() & text.is_not_null() & (text.str.strip_chars() != ""))
            found.append(_as_faults(bad, f"is not {parse.FORMS[column.form].what}", column.header))
    return pl.concat(found)


def _blanks(table: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """Blank cells in required columns."""
    found = [pl.DataFrame(schema=FAULTS)]
    for column in columns:
        text = table[column.header]
        blank = table.filter(text.is_null() | (text.str.strip_chars() == ""))
        faults = _as_faults(blank, "the cell is blank", column.header)
        found.append(faults.with_columns(value=pl.lit(None, pl.String)))
    return pl.concat(found)


def _as_faults(rows: pl.DataFrame, what: str, column: str | None = None) -> pl.DataFrame:
    """Rows of text (with ``ROW``) as ``FAULTS``; ``column`` has the faulty cells."""
    return rows.select(
        row=pl.col(ROW).cast(pl.UInt32),
        column=pl.lit(column, pl.String),
        value=pl.lit(None, pl.String) if column is None else pl.col(column).str.head(SHOWN),
        what=pl.lit(what),
        raw=pl.struct(pl.exclude(ROW)).struct.json_encode(),
    )
