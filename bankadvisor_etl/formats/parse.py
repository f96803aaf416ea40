"""The canonical forms of institution codes, months and numbers; the only place where text is parsed.

Every function takes a text column and returns null where the text does not have the form in its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bankadvisor_etl.formats.sheet import Form

SISTEMA = "5"
"""The code of the whole system without consolidation."""

FIRST_BANK_CODE = 40_000
LARGEST = 1e10
"""A thousand times the whole system in MDP, and the limit of the ratio columns: no figure is larger."""

THOUSANDS = r"^[^,]*$|^\s*-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?\s*$"
EXCEL_EPOCH = pl.datetime(1899, 12, 31)

MONTH_AND_YEAR = (
    r"^(ene|enero|jan|january|feb|febrero|february|mar|marzo|march|abr|abril|apr|april|may|mayo|jun|junio|june"
    r"|jul|julio|july|ago|agosto|aug|august|sep|sept|septiembre|september|oct|octubre|october|nov|noviembre|november"
    r"|dic|diciembre|dec|december)\.?(?:[-/ ]| de )(?:20)?([0-9]{2})$"
)
MONTH_NAMES = {
    name: f"{number:02}"
    for number, names in enumerate(
        ("ene jan", "feb", "mar", "abr apr", "may", "jun", "jul", "ago aug", "sep", "oct", "nov", "dic dec"), start=1
    )
    for name in names.split()
}


def code(text: pl.Expr) -> pl.Expr:
    """Institution code: six digits from 40000 on (``040059``), the plain number below (``5``)."""
    number = text.str.strip_chars().str.extract(r"^([0-9]{1,9})(?:\.0+)?$").cast(pl.Int64)
    plain = number.cast(pl.String)
    return pl.when(number >= FIRST_BANK_CODE).then(plain.str.zfill(6)).otherwise(plain)


def is_bank(codigo: pl.Expr) -> pl.Expr:
    """Whether a canonical code is a bank's; every other code except ``SISTEMA`` is an aggregate."""
    return codigo.str.starts_with("04") & (codigo.str.len_bytes() == len("040002"))


def words(text: pl.Expr) -> pl.Expr:
    """Trimmed text; null where nothing is left."""
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def number(text: pl.Expr) -> pl.Expr:
    """A decimal number; null for infinities, ``nan`` and anything larger than ``LARGEST``."""
    value = unbounded(text)
    return pl.when(value.abs() <= LARGEST).then(value)


def unbounded(text: pl.Expr) -> pl.Expr:
    """A decimal number, including infinities and ``nan``, for callers that check bounds themselves."""
    return text.str.strip_chars().cast(pl.Float64, strict=False)


def without_commas(text: pl.Expr) -> pl.Expr:
    """The text of a number without its thousands commas (``393,968``); null where a comma is something else."""
    return pl.when(text.str.contains(THOUSANDS)).then(text.str.replace_all(",", "", literal=True))


def number_or_serial(text: pl.Expr) -> pl.Expr:
    """A number, or one that Excel shows as a date because of the format of its cell.

    The value of such a cell is the serial number with its fraction: ``1900-01-16 01:59:42.950`` is 16.083136. Serials
    count days from 1899-12-31, and from 1900-03-01 on one more, since Excel has a 29 February 1900.
    The milliseconds of the text are precise to six decimals. Excel's 29 February 1900, serial 60, reads as 59.
    """
    moment = text.str.strip_chars().str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="ms")
    days = (moment - EXCEL_EPOCH).dt.total_milliseconds() / 86_400_000
    serial = pl.when(moment >= pl.datetime(1900, 3, 1)).then(days + 1).otherwise(days).round(6)
    return pl.coalesce(number(text), serial)


def month_of_period(text: pl.Expr) -> pl.Expr:
    """First day of a ``YYYYMM`` period, or of one that Excel turned into a date or text (``month_of_iso``)."""
    return pl.coalesce(_of_period(text), _of_iso(text), _of_words(text))


def month_of_iso(text: pl.Expr) -> pl.Expr:
    """First day of the month of ``YYYY-MM-DD`` or ``YYYY/M/DD``, with or without a time.

    Also of unambiguous forms that Excel makes of such a cell: ``jun-25``, ``junio 2025``, ``202506``.
    """
    return pl.coalesce(_of_iso(text), _of_words(text), _of_period(text))


def month_of_american(text: pl.Expr) -> pl.Expr:
    """First day of the month of ``M/D/YY``, ``MM/DD/YYYY`` or ``YYYY-MM-DD``; a two-digit year is in this century.

    A day and a month that were swapped under a Spanish locale are only detected if the day is past 12.
    """
    american = _month(text.str.strip_chars(), r"^([0-9]{1,2})/[0-9]{1,2}/((?:20)?[0-9]{2})$", year=2, month=1)
    return pl.coalesce(american, _of_iso(text))


def _of_period(text: pl.Expr) -> pl.Expr:
    digits = text.str.strip_chars().str.extract(r"^((?:19|20)[0-9]{4})(?:\.0+)?$")
    return (digits + "01").str.to_date("%Y%m%d", strict=False)


def _of_iso(text: pl.Expr) -> pl.Expr:
    return _month(
        text.str.strip_chars(), r"^((?:19|20)[0-9]{2})[-/]([0-9]{1,2})[-/][0-9]{1,2}(?:[ T].*)?$", year=1, month=2
    )


def _of_words(text: pl.Expr) -> pl.Expr:
    """Of ``jun-25``, ``Junio 2025``, ``dec-24``; not with a number before the word, which would be a day."""
    words = text.str.strip_chars().str.to_lowercase()
    name, year = (words.str.extract(MONTH_AND_YEAR, group) for group in (1, 2))
    number = name.str.head(3).replace_strict(MONTH_NAMES, default=None, return_dtype=pl.String)
    return (pl.lit("20") + year + number + "01").str.to_date("%Y%m%d", strict=False)


def _month(text: pl.Expr, pattern: str, *, year: int, month: int) -> pl.Expr:
    # By way of text, so that month 13 becomes null rather than a date in the next year.
    full_year = pl.concat_str(pl.lit("20"), text.str.extract(pattern, year)).str.tail(4)
    padded = pl.concat_str(pl.lit("0"), text.str.extract(pattern, month)).str.tail(2)
    return (full_year + padded + "01").str.to_date("%Y%m%d", strict=False)


class Parser(NamedTuple):
    """How a form is parsed, and its name in error messages."""

    parse: Callable[[pl.Expr], pl.Expr]
    what: str


FORMS: Mapping[Form, Parser] = {
    "code": Parser(code, "an institution code"),
    "period": Parser(month_of_period, "a month (YYYYMM)"),
    "iso date": Parser(month_of_iso, "a date"),
    "american date": Parser(month_of_american, "a date (M/D/YY)"),
    "number": Parser(number, "a number"),
    "number or serial": Parser(number_or_serial, "a number"),
    "text": Parser(words, "a name"),
}
NUMBERS = ("number", "number or serial")
"""The forms that accept a plain number."""
