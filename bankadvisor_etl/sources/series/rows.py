"""Parses a block of lines of the series into columns of numbers, and finds the faulty line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.errors import DataError, Place
from bankadvisor_etl.sources.series.archive import AGAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTOR = 40
SALDOS = (130, 133)
"""The bank alone, and with the SOFOMs that it consolidates."""

SCHEMA = pl.Schema(
    {
        "sector": pl.UInt32,
        "idconcepto": pl.UInt32,
        "entidad": pl.UInt32,
        "periodo": pl.UInt32,
        "saldo": pl.UInt32,
        "valor": pl.Float64,
    }
)
"""Codes and months are quoted in the file; polars reads quoted numbers as numbers, and floats exactly."""

HONEST = re.compile(rb'40,\d{1,8},"\d{1,6}","\d{6}",13[03],-?\d{1,20}(?:\.\d{1,20})?\r?')
"""Matches lines that need no closer look in the search for the faulty one among the 170,000 of a block."""

LARGEST_ENTITY, LARGEST_CONCEPT = 999_999, 99_999_999


def parse(block: bytes, name: str, first_row: int) -> pl.DataFrame:
    """Parse lines without a header; blank lines are kept as rows of nulls.

    Args:
        block: whole lines.
        name: of the file, for messages.
        first_row: the number of the block's first line in the file, as an editor shows it.

    Raises:
        DataError: a line does not match ``SCHEMA`` in number of cells, type or range; the error names the row.
    """
    try:
        frame = pl.read_csv(block, has_header=False, schema=SCHEMA)
    except pl.exceptions.PolarsError as error:
        raise _fault(block, name, first_row) or DataError(
            f"from this row on: {str(error).splitlines()[0]}", Place(name, row=first_row), AGAIN
        ) from error
    if not frame.select(_good().all()).item():
        fault = _fault(block, name, first_row)
        if fault is not None:
            raise fault
    return frame


def _good() -> pl.Expr:
    # A null in any column makes the conjunction null, which is not true.
    return (
        (pl.col("sector") == SECTOR)
        & (pl.col("entidad") <= LARGEST_ENTITY)
        & (pl.col("idconcepto") <= LARGEST_CONCEPT)
        & pl.col("periodo").is_not_null()
        & pl.col("saldo").is_in(SALDOS)
        & pl.col("valor").is_finite()
    ).fill_null(value=False)


def _fault(block: bytes, name: str, first_row: int) -> DataError | None:
    """The first faulty line; blank lines are not faulty."""
    for row, line in enumerate(block.split(b"\n"), first_row):
        if HONEST.fullmatch(line):
            continue
        for column, value, what in _wrong(line.removesuffix(b"\r").decode("utf-8", "replace")):
            return DataError(f"is not {what}", Place(name, row=row, column=column, value=value[:80]), AGAIN)
    return None


def _wrong(line: str) -> Iterator[tuple[str | None, str, str]]:
    """The column, the text and what it should have been; no column if the whole line is faulty."""
    if not line:
        return
    cells = line.split(",")
    if len(cells) != len(SCHEMA):
        yield None, line, f"a line of {len(SCHEMA)} cells"
        return
    try:
        frame = pl.DataFrame([cells], schema=dict.fromkeys(SCHEMA, pl.String), orient="row")
        numbers = frame.with_columns(pl.all().str.replace(r'^"([^"]*)"$', "$1")).cast(SCHEMA, strict=False)
    except pl.exceptions.PolarsError:
        yield None, line, "a line of numbers"
        return
    wanted = {
        "sector": (pl.col("sector") == SECTOR, f"the sector {SECTOR}"),
        "idconcepto": (pl.col("idconcepto") <= LARGEST_CONCEPT, "the number of a concept"),
        "entidad": (pl.col("entidad") <= LARGEST_ENTITY, "the number of an institution"),
        "periodo": (pl.col("periodo").is_not_null(), "a month (YYYYMM)"),
        "saldo": (pl.col("saldo").is_in(SALDOS), "130 or 133"),
        "valor": (pl.col("valor").is_finite(), "a number"),
    }
    for (column, (good, what)), cell in zip(wanted.items(), cells, strict=True):
        if numbers.select(good.fill_null(value=False)).item() is not True:
            yield column, cell, what
