"""From a sheet of text to a canonical frame: pick columns by header, parse them, hold them against the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import dataframely as dy
import polars as pl

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.formats.xlsx import ROW, read_sheet
from bankadvisor_etl.sources.model import REJECTS, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BROKEN_RULES = {"nullability": "is blank", "nan": "is not a number", "inf": "is not a finite number"}
SHOWN = 80
"""Letters of a cell that a refusal shows: a cell can hold megabytes."""


class Canonical(dy.Schema):
    """What every source yields: where the row stood in its file, whose it is and of which month."""

    fila = dy.UInt32()
    codigo = dy.String(primary_key=True)
    mes = dy.Date(primary_key=True)


def figure() -> dy.Float64:
    """A number that may be blank. What is infinite or no number was refused when it was parsed: no rule asks again."""
    return dy.Float64(nullable=True, allow_inf=True, allow_nan=True)


@dataclass(frozen=True)
class Field:
    """A named column of a file.

    Attributes:
        header: the text of the header, without the spaces around it.
        name: the column of the canonical frame.
        parse: text to value; null where the text is not of that form.
        what: what the text has to be, for the person who reads the refusal.
    """

    header: str
    name: str
    parse: Callable[[pl.Expr], pl.Expr]
    what: str


def read_table(
    path: Path,
    sheet: str,
    fields: Sequence[Field],
    contract: type[dy.Schema],
    *,
    tolerant: bool = True,
    repeated_keys: Literal["refuse", "set aside"] = "refuse",
    else_first_sheet: bool = False,
) -> Reading:
    """Read one sheet into the canonical frame that ``contract`` describes.

    When ``tolerant``, a row without a key is set aside, and of a row with a faulty figure that cell alone: the other
    figures of the row are good. Otherwise the first fault refuses the file. A key that appears twice refuses the file,
    or its later rows are set aside.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a named column is missing or doubled, a key stands twice, or a strict source is empty or has a
            faulty row.
    """
    where = path.name if else_first_sheet else f"{path.name}, sheet {sheet!r}"
    table = read_sheet(path, sheet, else_first=else_first_sheet)
    check_headers(where, table.columns, [field.header for field in fields])
    if table.is_empty() and not tolerant:
        raise DataError(f"{where}: there are no rows under the headers; put the published file in its place")
    parsed = table.select(pl.col(ROW), *(field.parse(pl.col(field.header)).alias(field.name) for field in fields))
    key = contract.primary_key()
    keys = [field for field in fields if field.name in key]
    rows = pl.concat([_faults(table, parsed, keys), _breaches(table, parsed, fields, contract)])
    cells = _without_rows(_faults(table, parsed, [field for field in fields if field not in keys]), rows["row"])
    rejects = _one_per_row(rows, cells)
    if rejects.height and not tolerant:
        raise DataError(f"{where}, {describe(rejects)}; correct the file, or fetch it again")
    good = _without(parsed, rows)
    if repeated_keys == "set aside":
        later = good.filter(~pl.struct(key).is_first_distinct())
        repeats = as_rejects(_only(table, later[ROW]), pl.lit("its key stands in an earlier row"))
        rejects = _one_per_row(pl.concat([rows, repeats]), _without_rows(cells, repeats["row"]))
        good = _without(good, repeats)
    check_key(where, good, contract)
    named = {field.header for field in fields} | {ROW}
    ignored = tuple(header for header in table.columns if header not in named)
    return Reading(contract.cast(good), table.height, rejects, ignored)


def _one_per_row(rows: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """The rows that were set aside, with the first reason of each; and the rows of single cells, with every reason."""
    whole = rows.unique("row", keep="first", maintain_order=True)
    parts = cells.group_by("row", maintain_order=True).agg(
        pl.col("reason").str.join("; "), pl.col("raw", "fault").first()
    )
    return pl.concat([whole, parts.select(whole.columns)]).sort("row")


def _without_rows(rejects: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    return rejects.filter(~pl.col("row").is_in(rows.implode()))


def check_headers(where: str, headers: Sequence[str], named: Sequence[str]) -> None:
    """Raise ``DataError`` unless each named column is in the file, once."""
    if missing := [header for header in named if header not in headers]:
        there = ", ".join(map(repr, (header for header in headers if header != ROW)))
        raise DataError(f"{where}: there is no column {', '.join(map(repr, missing))}; the columns are {there}")
    if twice := [header for header in named if f"{header}#2" in headers]:
        raise DataError(f"{where}: the column {twice[0]!r} stands twice; remove the one that is not CNBV's")


def check_key(where: str, frame: pl.DataFrame, contract: type[dy.Schema]) -> None:
    """Raise ``DataError`` when a primary key of ``contract`` stands in more than one row of ``frame``."""
    key = contract.primary_key()
    doubles = frame.filter(pl.struct(key).is_duplicated()).sort(*key, ROW)
    if doubles.height:
        first = doubles.select(key).row(0)
        rows = doubles.join(doubles.head(1).select(key), on=key)
        values = ", ".join(str(part) for part in first)
        raise DataError(
            f"{where}, rows {', '.join(map(str, rows[ROW]))}: the key ({values}) stands more than once, as do "
            f"{doubles.select(key).n_unique() - 1} other keys; keep one row of each"
        )


def describe(rejects: pl.DataFrame) -> str:
    """Say the first refused row in words, and how many more there are."""
    first = rejects.row(0, named=True)
    more = f" (and {rejects.height - 1:,} more rows like it)" if rejects.height > 1 else ""
    return f"row {first['row']}, {first['reason']}{more}"


def as_rejects(rows: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    """Turn rows of text (with ``ROW``) into ``REJECTS``, as faults of the file."""
    raw = pl.struct(pl.exclude(ROW)).struct.json_encode()
    return rows.select(row=pl.col(ROW).cast(pl.UInt32), reason=reason, raw=raw, fault=True)


def _only(table: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    return table.filter(pl.col(ROW).is_in(rows.implode()))


def _without(table: pl.DataFrame, rejects: pl.DataFrame) -> pl.DataFrame:
    return table.filter(~pl.col(ROW).is_in(rejects["row"].implode()))


def _faults(table: pl.DataFrame, parsed: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """Rows with a cell that holds something, but not what its column is for."""
    found = [pl.DataFrame(schema=REJECTS)]
    for field in fields:
        text, value = table[field.header], parsed[field.name]
        if value.null_count() > text.null_count():
            bad = table.filter(value.is_null() & text.is_not_null() & (text.str.strip_chars() != ""))
            shown = pl.col(field.header).str.head(SHOWN)
            reason = pl.format(f"column {field.header!r}: '{{}}' is not {field.what}", shown)
            found.append(as_rejects(bad, reason))
    return pl.concat(found)


def _breaches(
    table: pl.DataFrame, parsed: pl.DataFrame, fields: Sequence[Field], contract: type[dy.Schema]
) -> pl.DataFrame:
    """Rows that break a rule of the contract, its key aside."""
    details = contract.filter(parsed, cast=True).failure.details()
    headers = {field.name: field.header for field in fields}
    found = [pl.DataFrame(schema=REJECTS)]
    for rule in [name for name in details.columns if name not in {*parsed.columns, "primary_key"}]:
        name, _, kind = rule.partition("|")
        broken = details.filter(pl.col(rule) == "invalid")[ROW]
        words = f"column {headers.get(name, name)!r} {BROKEN_RULES.get(kind, f'breaks the rule {kind or name}')}"
        found.append(as_rejects(_only(table, broken), pl.lit(words)))
    return pl.concat(found)
