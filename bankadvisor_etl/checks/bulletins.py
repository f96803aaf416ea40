"""Checks of the bulletins' layout. CNBV changes it from time to time, so these are warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.checks.findings import SAMPLE, Finding
from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.balance import check_labels
from bankadvisor_etl.sources.bulletin.layouts import CAPITAL, SHEETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bankadvisor_etl.formats.extract import Extract


def bulletins(extracts: Mapping[str, Extract]) -> Iterator[Finding]:
    """Every sheet of every bulletin was read and has the bulletin's month, and every name is known."""
    if "boletin" not in extracts:
        return
    cells = extracts["boletin"].frame
    refused = tuple(extracts["boletin"].rejects["reason"])
    yield _finding("boletin_sheets_read", refused, f"{len(refused):,} sheets were set aside")
    files = cells.select("archivo").unique().join(pl.DataFrame({"hoja": SHEETS}), how="cross")
    missing = files.join(cells, on=["archivo", "hoja"], how="anti").sort("archivo", "hoja")
    words = tuple(f"{file} {sheet}" for file, sheet in missing.rows())
    yield _finding("boletin_sheets_there", words, f"{len(words):,} sheets are missing or were set aside")
    newest = cells.filter(pl.col("hoja") != CAPITAL).group_by("archivo", "hoja", "boletin").agg(pl.col("mes").max())
    behind = newest.filter(pl.col("mes") != pl.col("boletin")).sort("archivo", "hoja")
    words = tuple(f"{file} {sheet} {month:%Y%m}" for file, sheet, _, month in behind.rows())
    yield _finding("boletin_sheets_of_one_month", words, f"{len(words):,} sheets end in another month than their book")
    unknown = tuple(cells.filter(pl.col("codigo").is_null())["institucion"].unique().sort())
    yield _finding("boletin_names_known", unknown, f"{len(unknown):,} are published under their name")


def labels(extracts: Mapping[str, Extract]) -> Iterator[Finding]:
    """The concepts of balances and segments still have the labels that they had when they were chosen."""
    if "conceptos" not in extracts:
        return
    catalogue = dict(extracts["conceptos"].frame.select("id", "concepto").rows())
    try:
        check_labels(catalogue, "cat_conceptos_40.csv")
    except DataError as error:
        words, key = str(error), str(error.place.column)
        yield Finding("conceptos_labels", "error", False, words, "the same", (words,), (key,))  # noqa: FBT003
    else:
        yield Finding("conceptos_labels", "error", passed=True, observed="the same", expected="the same")


def _finding(name: str, keys: tuple[str, ...], observed: str) -> Finding:
    return Finding(name, "warning", not keys, observed, "none", keys[:SAMPLE], keys)
