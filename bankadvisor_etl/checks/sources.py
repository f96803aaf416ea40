"""Checks that each file is complete and agrees with other sources."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.checks.findings import SAMPLE, Evidence, Finding, Severity, keys_of, sample_of
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.sources import BY_NAME, SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_MONTHLY_CASTIGOS = date(2024, 10, 1)


def missing_files(evidence: Evidence) -> Iterator[Finding]:
    """Warn for each missing optional file."""
    found = {*evidence.files, *evidence.set_aside, *evidence.damaged}
    for source in SOURCES:
        there = source.name in found
        if not source.required and (there or source.is_missed(found) or source.name in evidence.last_rows):
            observed = "there" if there else "missing: its columns keep what was last published"
            if similar := evidence.similar.get(source.name):
                observed += f"; rename {' or '.join(map(repr, similar))} if it is the one"
            yield Finding(f"file_{source.name}", "warning", there, observed, f"the file {source.files[0]}")


def rows_floor(evidence: Evidence) -> Iterator[Finding]:
    """Each file has at least the fewest rows that a valid one can have."""
    for name, extract in evidence.files.items():
        floor, rows = evidence.thresholds.floor(name), extract.rows_read
        yield Finding(f"rows_floor_{name}", "error", rows >= floor, f"{rows:,} rows", f"at least {floor:,} rows")


def rows_share(evidence: Evidence) -> Iterator[Finding]:
    """Each file has at least 90 % of its rows in the last success."""
    for name, extract in evidence.files.items():
        before = evidence.last_rows.get(name)
        if before and not BY_NAME[name].many:  # with many files, a person may remove some
            needed, rows = before * evidence.thresholds.rows_share, extract.rows_read
            expected = f"at least {needed:,.0f} of the {before:,} rows of the last success"
            yield Finding(f"rows_share_{name}", "error", rows >= needed, f"{rows:,} rows", expected)


def loans_not_fewer(evidence: Evidence) -> Iterator[Finding]:
    """Tasas has at least as many usable rows as in the last success.

    Its figures are sums over loans: a missing loan leaves no gap, but changes a rate. So a poorer file is set aside.
    """
    before = evidence.last_accepted.get("tasas")
    if before and "tasas" in evidence.extracts:
        extract = evidence.extracts["tasas"]
        rows = extract.rows_read - extract.rejects.height
        expected = f"at least the {before:,} of the last success (--allow-removals accepts fewer)"
        passed = rows >= before or evidence.allow_removals
        yield Finding("loans_not_fewer_tasas", "warning", passed, f"{rows:,} rows that can be used", expected)


def rejects_share(evidence: Evidence) -> Iterator[Finding]:
    """Less than 1 % of the rows of each file are faulty; beyond that an optional file is set aside."""
    required = {source.name for source in SOURCES if source.required}
    if "serie" in evidence.extracts:  # then nothing depends on the workbook alone
        required -= {"cartera"}
    for name, extract in evidence.files.items():
        faults = extract.rejects.filter("fault")
        share = faults.height / max(extract.rows_read, 1)
        limit = evidence.thresholds.rejects_share
        keys = tuple(f"row {row}: {reason}" for row, reason in faults["row", "reason"].iter_rows())
        severity: Severity = "error" if name in required else "warning"
        observed = f"{faults.height:,} of {extract.rows_read:,} rows ({share:.2%})"
        passed = share < limit or not faults.height
        yield Finding(f"rejects_{name}", severity, passed, observed, f"under {limit:.0%}", keys[:SAMPLE], keys)


def coverage(evidence: Evidence) -> Iterator[Finding]:
    """Every ICAP and TDA value of a published bank-month reached the table."""
    frame = evidence.kpis.frame
    for source, value, column in (("icap", "icap_total", "icap_total"), ("tda", "tda", "tda_cartera_total")):
        if source not in evidence.extracts:
            continue
        values = evidence.extracts[source].frame.filter(pl.col(value).is_not_null())
        due = values.join(frame, on=["codigo", "mes"], how="semi")
        lost = due.join(frame.filter(pl.col(column).is_not_null()), on=["codigo", "mes"], how="anti")
        observed = f"{due.height - lost.height:,} of {due.height:,}"
        yield Finding(f"coverage_{source}", "error", lost.is_empty(), observed, "all of them", sample_of(lost))


def castigos_agree(evidence: Evidence) -> Iterator[Finding]:
    """The accumulated write-offs of one file are the running sums of the other, up to 202409."""
    if not {"castigos", "castigos_comerciales"} <= evidence.extracts.keys():
        return
    flows = evidence.extracts["castigos"].frame.sort("mes")
    running = flows.select("codigo", "mes", flujo=pl.col("castigos").cum_sum().over("codigo", pl.col("mes").dt.year()))
    stated = evidence.extracts["castigos_comerciales"].frame.filter(
        (pl.col("mes") < FIRST_MONTHLY_CASTIGOS) & pl.col("castigos").is_not_null()
    )
    both = stated.join(running, on=["codigo", "mes"]).with_columns(diferencia=pl.col("castigos") - pl.col("flujo"))
    apart = both.filter(pl.col("diferencia").abs() > evidence.thresholds.castigos_tolerance)
    observed = f"{apart.height:,} of {both.height:,} bank-months differ"
    sample = sample_of(apart, "diferencia")
    yield Finding("castigos_agree", "warning", apart.is_empty(), observed, "none", sample, keys_of(apart))


def reliefs_below_write_offs(evidence: Evidence) -> Iterator[Finding]:
    """The system's reliefs of a month are less than its write-offs: at most a third of them in 202201-202507.

    Reliefs move by a factor of 100 from month to month, so a comparison with other months does not show their unit.
    """
    if "castigos" in evidence.extracts:
        system = evidence.extracts["castigos"].frame.filter(pl.col("codigo") == SISTEMA, pl.col("castigos") > 0)
        above = system.filter(pl.col("quitas") > pl.col("castigos"))
        expected = "less than the write-offs (--accept quitas_below_castigos accepts it)"
        observed = f"{above.height:,} of {system.height:,} months above the write-offs"
        yield Finding(
            "quitas_below_castigos", "error", above.is_empty(), observed, expected, sample_of(above, "quitas")
        )


FILE_CHECKS = (rows_floor, rows_share, loans_not_fewer, rejects_share)
CHECKS = (missing_files, coverage, castigos_agree, reliefs_below_write_offs)
