"""The loan book of a run: from CNBV's own series, from the workbook, or from both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.sources.amounts import AMOUNTS
from bankadvisor_etl.transforms.arithmetic import KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Preference = Literal["serie", "libro"]


@dataclass(frozen=True)
class Books:
    """The sources as the formulas take them.

    Attributes:
        extracts: by source; ``cartera`` is the loan book, whichever file it comes from, with ``fuente``; ``serie`` has
            what the series gives apart from the amounts.
        computed: the sources for which no file of that name was read.
    """

    extracts: Mapping[str, Extract]
    computed: tuple[str, ...]


def books(
    used: Mapping[str, Extract], official: pl.DataFrame | None, prefer: Preference, poor: Collection[str]
) -> Books:
    """Combine the loan books: a bank-month comes from the preferred source if it has it, otherwise from the other.

    Args:
        used: what was read, by source.
        official: what the series gives (``transforms.from_series.official``); None without a series.
        prefer: the source that takes precedence.
        poor: the sources whose file is present but not used: what they feed stays as published, so the series does
            not replace them.
    """
    workbook = used.get("cartera")
    if official is None:
        if workbook is None:
            return Books(used, ())
        return Books({**used, "cartera": replace(workbook, frame=_named(workbook.frame, "libro"))}, ())
    book = _named(official.select(*KEY, *AMOUNTS), "serie")
    beside = official.drop(*AMOUNTS, *(column for source, column in STANDS_IN.items() if source in poor))
    if workbook is not None:
        other = _named(workbook.frame.select(*KEY, *AMOUNTS), "libro")
        first, second = (book, other) if prefer == "serie" else (other, book)
        book = pl.concat([first, second.join(first, on=KEY, how="anti")])
    of_book = Extract(book, book.height) if workbook is None else replace(workbook, frame=book)
    series = replace_frame(used["serie"], beside)
    computed = ("cartera",) if workbook is None else ()
    return Books({**used, "cartera": of_book, "serie": series}, computed)


STANDS_IN = {"tda": "tda_serie", "castigos": "quebrantos_serie"}
"""The column of the series that replaces a source whose file is missing or has no row."""


def replace_frame(extract: Extract, frame: pl.DataFrame) -> Extract:
    """The same extract with another frame, as a plain ``Extract``."""
    return Extract(frame, extract.rows_read, extract.rejects, extract.ignored)


def _named(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    return frame.with_columns(fuente=pl.lit(source))
