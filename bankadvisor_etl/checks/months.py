"""Checks that the months are plausible and that none is a copy of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.checks.findings import Evidence, Finding, sample_of
from bankadvisor_etl.checks.freshness import recent
from bankadvisor_etl.sources.amounts import AMOUNTS
from bankadvisor_etl.transforms.alertas import repeated_months, rounded_icap_months

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date


def newest(frame: pl.DataFrame) -> date:
    """The newest month of a frame, which must not be empty."""
    return cast("date", frame["mes"].max())


def future(evidence: Evidence) -> Iterator[Finding]:
    """No source has a month that has not begun."""
    for name, extract in evidence.extracts.items():
        if "mes" in extract.frame.columns and extract.frame.height:
            ahead = extract.frame.filter(pl.col("mes") > evidence.today)
            rows = ahead.with_columns(codigo="codigo" if "codigo" in ahead.columns else pl.lit(name))
            observed = f"newest {newest(extract.frame):%Y%m}, {ahead.height:,} rows ahead of {evidence.today:%Y%m}"
            yield Finding(f"future_{name}", "error", ahead.is_empty(), observed, "none ahead", sample_of(rows))


def age(evidence: Evidence) -> Iterator[Finding]:
    """The newest month is recent."""
    if evidence.kpis.frame.is_empty():
        return
    yield recent(newest(evidence.kpis.frame), evidence.today, evidence.thresholds)


def repeated(evidence: Evidence) -> Iterator[Finding]:
    """The newest month is not a copy of the one before."""
    if evidence.kpis.frame.is_empty():
        return
    month = newest(evidence.kpis.frame)
    repeats = month in repeated_months(evidence.cartera, list(AMOUNTS))
    observed = f"every amount of every bank in {month:%Y%m} is that of the month before" if repeats else "it differs"
    yield Finding("newest_month_differs", "warning", not repeats, observed, "figures that differ from the month before")


def rounded(evidence: Evidence) -> Iterator[Finding]:
    """No month's ICAPs are rounded to one decimal."""
    if "icap" in evidence.extracts:
        published = evidence.kpis.frame["mes"].implode()
        icap = evidence.extracts["icap"].frame.filter(pl.col("mes").is_in(published))
        months = [f"{month:%Y%m}" for month in rounded_icap_months(icap)]
        yield Finding("icap_not_rounded", "warning", not months, ", ".join(months) or "none", "no month", tuple(months))


def names(evidence: Evidence) -> Iterator[Finding]:
    """Every published bank has a name."""
    unnamed = tuple(evidence.unnamed)
    yield Finding(
        "banks_named",
        "warning",
        not unnamed,
        f"{len(unnamed)} published under their codes",
        "all named",
        unnamed,
    )


FILE_CHECKS = (future,)
CHECKS = (age, repeated, rounded, names)
