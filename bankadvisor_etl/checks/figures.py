"""Checks that the figures add up and are plausible."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.checks.findings import Evidence, Finding, Severity, keys_of, sample_of
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.sources.amounts import AMOUNTS, SEGMENTS, STAGES
from bankadvisor_etl.transforms.arithmetic import total

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_IFRS9_MONTH = date(2022, 1, 1)
MEASURED_SINCE = date(2017, 1, 1)
"""The first month of the workbook, in which every identity below holds."""
ROUNDING = 1e-6
"""MDP: the last digit that the regulator publishes."""


def some(evidence: Evidence) -> Iterator[Finding]:
    """There is something to publish."""
    rows = evidence.kpis.frame.height
    yield Finding("some_figures", "error", rows > 0, f"{rows:,} rows", "at least one")


def stage_totals(evidence: Evidence) -> Iterator[Finding]:
    """The total of each stage is the sum of its segments."""
    for stage in STAGES:
        gap = pl.col(f"total_{stage}").fill_null(0) - total(f"{segment}_{stage}" for segment in SEGMENTS)
        yield from _within(f"stage_total_{stage}", evidence.book, gap, evidence.thresholds.stage_tolerance)


def todas(evidence: Evidence) -> Iterator[Finding]:
    """From 202201 on, the file's own total is the sum of the stages."""
    frame = evidence.book.filter(pl.col("mes") >= FIRST_IFRS9_MONTH)
    gap = pl.col("todas").fill_null(0) - total(f"total_{stage}" for stage in STAGES)
    yield from _within("todas_is_stages", frame, gap, evidence.thresholds.stage_tolerance)


def sistema_is_sum(evidence: Evidence) -> Iterator[Finding]:
    """SISTEMA is the sum of the banks in every month and portfolio; a portfolio that a bank lacks is not checked.

    Reserves are left out: banks restate theirs, and people correct them by hand, without changing the system's. So are
    banks whose book comes from another file than the system's, since that file's system does not include them.
    """
    columns = ["cartera_total", *(name for name in AMOUNTS if not name.startswith("res"))]
    sums = (pl.when(pl.col(c).null_count() == 0).then(pl.col(c).sum()).alias(c) for c in columns)
    banks = evidence.book.filter(pl.col("codigo") != SISTEMA)
    if "fuente" in banks.columns:
        of_system = evidence.book.filter(pl.col("codigo") == SISTEMA).select("mes", fuente_sistema="fuente")
        banks = banks.join(of_system, on="mes", how="left").filter(
            pl.col("fuente_sistema").fill_null(pl.col("fuente")) == pl.col("fuente")
        )
    banks = banks.group_by("mes").agg(*sums)
    system = evidence.book.filter(pl.col("codigo") == SISTEMA).select("mes", "codigo", *columns)
    both = banks.join(system, on="mes", how="full", coalesce=True, suffix="_sistema")
    both = both.with_columns(pl.col("codigo").fill_null("no row of SISTEMA"))
    there = pl.col("codigo") == SISTEMA
    gaps = ((pl.col(c) - pl.when(there).then(f"{c}_sistema").otherwise(0)).abs() for c in columns)
    alone = pl.when(pl.col("cartera_total").is_null()).then(pl.col("cartera_total_sistema").abs())
    gap = pl.max_horizontal(*gaps, alone).fill_null(0)
    yield from _within("sistema_is_sum", both, gap, evidence.thresholds.sistema_tolerance)


def bounds(evidence: Evidence) -> Iterator[Finding]:
    """Portfolios are not negative, reserves are not positive, and past-due loans do not exceed all loans."""
    reserves = [name for name in AMOUNTS if name.startswith("res")]
    portfolios = [name for name in AMOUNTS if name not in reserves]
    book = evidence.book.with_columns(
        minimo=pl.min_horizontal(portfolios),
        maximo=pl.max_horizontal(reserves),
        exceso=pl.col("cartera_vencida") - pl.col("cartera_total"),
    )
    for suffix, severity, part in _split(book):
        no_ratio = ~pl.col("imor").fill_nan(None).is_between(0, 1)
        yield _none(f"amounts_not_negative{suffix}", severity, part.filter(pl.col("minimo") < -ROUNDING), "minimo")
        yield _none(f"reserves_not_positive{suffix}", severity, part.filter(pl.col("maximo") > ROUNDING), "maximo")
        yield _none(f"vencida_within_total{suffix}", severity, part.filter(pl.col("exceso") > ROUNDING), "exceso")
        yield _none(f"imor_between_0_and_1{suffix}", severity, part.filter(no_ratio), "imor")


def unusual(evidence: Evidence) -> Iterator[Finding]:
    """Report high delinquency and portfolios that jump from one month to the next."""
    limits = evidence.thresholds
    frame = evidence.kpis.frame
    yield _none("imor_high", "warning", frame.filter(pl.col("imor") > limits.imor_high), "imor")
    before = frame.select("codigo", pl.col("mes").dt.offset_by("1mo"), antes="cartera_total")
    change = (pl.col("cartera_total") / pl.col("antes") - 1).alias("cambio")
    both = frame.join(before.filter(pl.col("antes") > 0), on=["codigo", "mes"]).with_columns(change)
    yield _none("cartera_jump", "warning", both.filter(pl.col("cambio").abs() > limits.jump), "cambio")


def _split(frame: pl.DataFrame) -> Iterator[tuple[str, Severity, pl.DataFrame]]:
    """The frame from 201701 on, and the earlier months of CNBV's series, for which the identities are unverified."""
    earlier = frame.filter(pl.col("mes") < MEASURED_SINCE)
    yield "", "error", frame.filter(pl.col("mes") >= MEASURED_SINCE) if earlier.height else frame
    if earlier.height:
        yield "_history", "warning", earlier


def _within(name: str, frame: pl.DataFrame, gap: pl.Expr, tolerance: float) -> Iterator[Finding]:
    for suffix, severity, part in _split(frame.with_columns(diferencia=gap.abs())):
        yield _beyond(f"{name}{suffix}", severity, part, tolerance)


def _beyond(name: str, severity: Severity, frame: pl.DataFrame, tolerance: float) -> Finding:
    apart = frame.filter(pl.col("diferencia") > tolerance)
    largest = cast("float", frame["diferencia"].max() or 0.0)
    observed = f"largest difference {largest:.3g} MDP, {apart.height:,} of {frame.height:,} rows beyond"
    expected = f"at most {tolerance:g} MDP"
    return Finding(name, severity, apart.is_empty(), observed, expected, sample_of(apart, "diferencia"), keys_of(apart))


def _none(name: str, severity: Severity, rows: pl.DataFrame, value: str) -> Finding:
    observed = f"{rows.height:,} rows"
    return Finding(name, severity, rows.is_empty(), observed, "none", sample_of(rows, value), keys_of(rows))


CHECKS = (some, stage_totals, todas, sistema_is_sum, bounds, unusual)
