"""tasas: interest rates of corporate loans by currency (``CorporateLoan_CNBVDB.csv``), 1.75 million rows.

Comma-separated, 25 columns, not valid UTF-8; only five columns matter, and none of them has accents. ``Currency type``
is always ``Pesos`` and is not the currency. The file is scanned once, as a stream: rows are summed by their raw key,
and only the few thousand keys are then brought into canonical form.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.errors import DataError, InputError, Place
from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.csv import AGAIN, check_csv, check_lines
from bankadvisor_etl.formats.extract import REJECTS, Extract
from bankadvisor_etl.formats.sheet_table import check_headers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# With polars' own chunk size a scan of 370 MB takes 390 MB; with 1 MiB it takes 140 MB, in the same time.
os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", str(2**20))

CODE, CURRENCY, TERM = "Institution Code", "Currency", "Monitoring Term"
RATE, PORTFOLIO = "Average Rate", "Total Portfolio"
HEADERS = (CODE, CURRENCY, TERM, RATE, PORTFOLIO)
KEY = (CODE, CURRENCY, TERM)

CURRENCIES = {"Moneda nacional": "mn", "Moneda extranjera": "me", "UDIS": "udis"}
NO_RATE = f"column {RATE!r}: the cell is blank"
LARGEST = 1e15
"""Thirty times Mexico's yearly GDP, in pesos: not a portfolio, but an error that would outweigh all others."""

MOST_REJECTS = 100_000
"""Rows with invalid keys that are looked up: far more than would set aside a real file, and few enough for memory."""

BEGINNING = 10_000
"""Rows of which at least one has a rate and a portfolio; otherwise the file was saved in another format."""

LINE, BEYOND = "\0line", "\0beyond"
"""Names of scan columns that no header can have: the first line contains no NUL."""

NUL = "\N{SYMBOL FOR NULL}"
"""Shown instead of NUL, which PostgreSQL's text cannot store."""


GROUP = ("codigo", "mes", "moneda")


def read(path: Path) -> Extract:
    """Sum the loans of each bank, month and currency, including rows with a rate of 0.

    The frame has ``codigo``, ``mes``, ``moneda`` (``mn``, ``me``, ``udis``); ``filas`` counts the rows; ``saldo`` is
    the sum of Total Portfolio, in the file's own unit, and ``saldo_por_tasa`` that of Total Portfolio times Average
    Rate (percent).

    Raises:
        InputError: the file is missing or not a comma-separated file.
        DataError: a column is missing or doubled.
    """
    headers = check_csv(path)
    check_headers(Place(path.name), headers, HEADERS)
    try:
        rows, sums = _summed(path, headers, padded=False)
        if _has_padding(sums):
            rows, sums = _summed(path, headers, padded=True)
        if sums["ragged"].any() or _has_signs(sums):
            check_lines(path, len(headers))
            sums = sums.filter(pl.any_horizontal(pl.col(HEADERS).is_not_null()))  # blank lines
        wrong = _wrong_keys(sums)
        good = sums.filter(pl.col("line") == 0).join(wrong, on=KEY, how="anti", nulls_equal=True)
        if good.is_empty():
            raise _unusable(path, sums, wrong["reason"])
        rejects = pl.concat([_bad_rows(sums), _rows_of(rows, wrong)]).sort("row")
    except pl.exceptions.PolarsError as error:
        check_lines(path, len(headers))  # reports the line
        cause = str(error).splitlines()[0]
        raise InputError(f"damaged ({cause})", Place(path.name), AGAIN) from error
    frame = _canonical(good).group_by(GROUP).agg(pl.col("filas", "saldo", "saldo_por_tasa").sum())
    ignored = tuple(header for header in headers if header not in HEADERS)
    return Extract(frame.sort(GROUP), int(sums["filas"].sum()), rejects, ignored)


def _summed(path: Path, headers: Sequence[str], *, padded: bool) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """The rows and their sums by raw key; only those of the beginning if it has a number with spaces around it.

    CNBV pads no numbers, and stripping all of them takes a tenth of the time, so it is only done if a file needs it.
    """
    rows = _scan(path, headers, padded=padded)
    beginning = _sums(rows.head(BEGINNING))
    if not padded and _has_padding(beginning):
        return rows, beginning
    if beginning.filter(pl.col("line") == 0).is_empty():  # one group for each of a million rows would exhaust memory
        check_lines(path, len(headers))
        raise _unusable(path, beginning, _bad_rows(beginning)["reason"])
    return rows, _sums(rows) if int(beginning["filas"].sum()) == BEGINNING else beginning


def _has_padding(sums: pl.DataFrame) -> bool:
    """Whether a rate or a portfolio that could not be summed has spaces around it."""
    texts = pl.col(RATE, PORTFOLIO)
    padded = sums.filter(pl.col("line") > 0).select(pl.any_horizontal(texts != texts.str.strip_chars()).any())
    return bool(padded.item())


def _unusable(path: Path, sums: pl.DataFrame, reasons: pl.Series) -> DataError:
    """The error for a file without a usable row, with the most frequent reason."""
    why = "it has a header and nothing below it" if reasons.is_empty() else str(reasons.mode().min())
    what = f"none of the {sums['filas'].sum():,} rows is usable: {why}"
    return DataError(what, Place(path.name), "fetch the published file, and do not save it from Excel")


def _scan(path: Path, headers: Sequence[str], *, padded: bool) -> pl.LazyFrame:
    """Scan the columns that matter, with ``line``, ``rate``, ``saldo`` and two verdicts on each row.

    ``usable`` rows can be summed. ``ragged`` lines may have fewer columns than the header, or more: the scan fills
    missing columns with null and drops additional ones. Blanks at the end look like missing columns; ``check_lines``
    distinguishes them.
    """
    frame = pl.scan_csv(
        path,
        schema=dict.fromkeys([*headers, BEYOND], pl.String()),
        has_header=False,
        skip_lines=1,
        missing_columns="insert",
        encoding="utf8-lossy",
        row_index_name=LINE,
        glob=False,
    )
    rate, portfolio = (pl.col(name).str.strip_chars() if padded else pl.col(name) for name in (RATE, PORTFOLIO))
    parsed = frame.select(
        *HEADERS,
        line=pl.col(LINE) + 2,
        rate=rate.cast(pl.Float64, strict=False),
        saldo=parse.without_commas(portfolio).cast(pl.Float64, strict=False),
        ragged=pl.col(headers[-1]).is_null() | pl.col(BEYOND).is_not_null(),
    )
    usable = pl.col("rate").is_between(0, 100) & (pl.col("saldo").abs() <= LARGEST)
    return parsed.with_columns(usable=usable.fill_null(value=False))


def _sums(rows: pl.LazyFrame) -> pl.DataFrame:
    """Sum by raw key; each row that cannot be summed is a separate group, with its line (0 for the others)."""
    return (
        rows.with_columns(line=pl.when("usable").then(0).otherwise("line"))
        .group_by(*KEY, "line")
        .agg(
            filas=pl.len(),
            saldo=pl.col("saldo").sum(),
            saldo_por_tasa=(pl.col("saldo") * pl.col("rate")).sum(),
            ragged=pl.col("ragged").any(),
            **{header: pl.col(header).first() for header in (RATE, PORTFOLIO)},
        )
        .collect(engine="streaming")
    )


def _has_signs(sums: pl.DataFrame) -> bool:
    """Whether a cell contains a quotation mark or a line end: it may have been split in the wrong place."""
    signs = pl.any_horizontal(pl.col(HEADERS).str.contains('["\n]'))
    return bool(sums.select(signs.any()).item())


def _canonical(sums: pl.DataFrame) -> pl.DataFrame:
    return sums.with_columns(
        codigo=parse.code(pl.col(CODE)),
        mes=parse.month_of_american(pl.col(TERM)),
        moneda=pl.col(CURRENCY).str.strip_chars().replace_strict(CURRENCIES, default=None),
    )


def _wrong_keys(sums: pl.DataFrame) -> pl.DataFrame:
    """Raw keys of summed rows without a canonical form, with the reason."""
    keys = _canonical(sums.filter(pl.col("line") == 0).select(KEY).unique())
    reasons = [
        pl.when(pl.col(name).is_null()).then(
            pl.format(f"column {header!r}: '{{}}' is not {what}", pl.col(header).fill_null(""))
        )
        for name, header, what in (
            ("codigo", CODE, "an institution code"),
            ("mes", TERM, "a date (M/D/YY)"),
            ("moneda", CURRENCY, f"one of {', '.join(CURRENCIES)}"),
        )
    ]
    return keys.select(*KEY, reason=pl.coalesce(reasons)).filter(pl.col("reason").is_not_null())


def _rows_of(rows: pl.LazyFrame, wrong: pl.DataFrame) -> pl.DataFrame:
    """Find the usable rows with invalid keys; the file is scanned again only if there are any."""
    if wrong.is_empty():
        return pl.DataFrame(schema=REJECTS)
    under_wrong_keys = rows.filter("usable").join(wrong.lazy(), on=KEY, nulls_equal=True)
    found = under_wrong_keys.head(MOST_REJECTS).collect(engine="streaming")
    return _as_rejects(found.with_columns(fault=True))


def _bad_rows(sums: pl.DataFrame) -> pl.DataFrame:
    """Give the reason for each row that could not be summed: its rate, otherwise its portfolio."""
    rate, portfolio = pl.col(RATE).str.strip_chars(), pl.col(PORTFOLIO).fill_null("").str.strip_chars()
    blank = rate.is_null() | (rate == "")
    parsed, amount = parse.unbounded(rate), parse.unbounded(parse.without_commas(portfolio))
    reason = (
        pl.when(blank)
        .then(pl.lit(NO_RATE))
        .when(parsed.is_null() | parsed.is_nan())
        .then(pl.format(f"column {RATE!r}: '{{}}' is not a number", rate))
        .when(~parsed.is_between(0, 100))
        .then(pl.format(f"column {RATE!r}: {{}} is outside 0-100", rate))
        .when(amount.is_finite())
        .then(pl.format(f"column {PORTFOLIO!r}: {{}} is larger than any", portfolio))
        .otherwise(pl.format(f"column {PORTFOLIO!r}: '{{}}' is not a number", portfolio))
    )
    return _as_rejects(sums.filter(pl.col("line") > 0).with_columns(reason=reason, fault=~blank))


def _as_rejects(rows: pl.DataFrame) -> pl.DataFrame:
    raw = pl.struct(HEADERS).struct.json_encode().str.replace_all(r"\u0000", NUL, literal=True)
    reason = pl.col("reason").str.replace_all("\0", NUL, literal=True)
    return rows.select(pl.col("line").cast(pl.UInt32).alias("row"), reason, raw=raw, fault="fault")
