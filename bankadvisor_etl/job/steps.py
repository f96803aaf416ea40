"""What a run does between finding the files and closing its row: base, enhanced, audit, publish."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.checks.audit import audit_files, audit_publication, failures
from bankadvisor_etl.checks.findings import Evidence, Finding, Thresholds
from bankadvisor_etl.errors import DataError, EtlError
from bankadvisor_etl.faults import point
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.sources import SOURCES, catalogue
from bankadvisor_etl.transforms import kpis
from bankadvisor_etl.warehouse import publish
from bankadvisor_etl.warehouse.connection import translated
from bankadvisor_etl.warehouse.runs import SourceRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    import psycopg
    import structlog

    from bankadvisor_etl.inputs.reading import Read
    from bankadvisor_etl.job.request import Request
    from bankadvisor_etl.sources import Source
    from bankadvisor_etl.sources.model import Reading
    from bankadvisor_etl.warehouse.ledger import Ledger


MAX_REJECTS = 10_000
"""Rejects of a source that are kept; more of them have nothing more to say."""


def execute(
    request: Request,
    pending: Mapping[str, Future[Read]],
    last: Mapping[str, Any] | None,
    ledger: Ledger,
    cursor: psycopg.Cursor[Any],
    log: structlog.stdlib.BoundLogger,
) -> None:
    """Read, compute and audit; then write what differs, in the cursor's transaction, which the caller commits.

    Raises:
        InputError: a file cannot be read.
        DataError: a file or a check of severity ``error`` failed.
        DatabaseError: the database was lost.
    """
    thresholds = Thresholds.parse(request.thresholds)
    readings: dict[str, Reading] = {}
    book = _base(pending, readings, ledger, log)
    figures = _enhanced(book, pending, readings, ledger, log)
    point("computed")
    names = catalogue.catalogue(readings["instituciones"].frame if "instituciones" in readings else None)
    last_rows = {name: record["rows_read"] or 0 for name, record in last["files"].items()} if last else {}
    evidence = Evidence(
        readings,
        book,
        figures,
        catalogue.unknown(figures.frame, names),
        request.today,
        thresholds,
        last_rows,
        request.allow_removals,
    )
    ledger.begin_phase("audit")
    findings = audit_files(evidence)
    point("audited")
    with translated():
        frame = _publication(figures.frame, names)
        publish.stage(cursor, frame, figures.alertas)
        point("staged")
        findings += audit_publication(evidence, publish.compare(cursor, frame.columns))
    _conclude(findings, ledger, log)
    point("compared")
    ledger.begin_phase("publish")
    with translated():
        done = publish.publish(cursor, ledger.run_id, frame.columns, allow_removals=request.allow_removals)
        publish.publish_names(cursor, names.with_columns(system=pl.col("codigo") == SISTEMA).iter_rows())
    ledger.counts = replace(
        ledger.counts, rows_inserted=done.inserted, rows_updated=done.updated, rows_unchanged=done.unchanged
    )
    point("published")


def _base(
    pending: Mapping[str, Future[Read]],
    readings: dict[str, Reading],
    ledger: Ledger,
    log: structlog.stdlib.BoundLogger,
) -> pl.DataFrame:
    ledger.begin_phase("base")
    log.info("etl.phase.base.started")
    _collect("base", pending, readings, ledger, log)
    book = kpis.base({name: reading.frame for name, reading in readings.items()})
    point("read_base")
    log.info("etl.phase.base.completed", rows_processed=book.height)
    return book


def _enhanced(
    book: pl.DataFrame,
    pending: Mapping[str, Future[Read]],
    readings: dict[str, Reading],
    ledger: Ledger,
    log: structlog.stdlib.BoundLogger,
) -> kpis.Kpis:
    ledger.begin_phase("enhanced")
    log.info("etl.phase.enhanced.started")
    _collect("enhanced", pending, readings, ledger, log)
    figures = kpis.monthly_kpis(book, {name: reading.frame for name, reading in readings.items()})
    point("read_enhanced")
    rows = {
        "icap": _values(figures.frame, "icap_total"),
        "tda": _values(figures.frame, "tda_cartera_total"),
        "tasas": _values(figures.frame, "tasa_mn", "tasa_me"),
    }
    ledger.counts = replace(
        ledger.counts,
        rows_processed_base=figures.frame.height,
        **{f"rows_processed_{name}": count for name, count in rows.items()},
    )
    log.info("etl.phase.enhanced.completed", **{f"{name}_rows": count for name, count in rows.items()})
    return figures


def _collect(
    phase: str,
    pending: Mapping[str, Future[Read]],
    readings: dict[str, Reading],
    ledger: Ledger,
    log: structlog.stdlib.BoundLogger,
) -> None:
    """Wait for the sources of a phase, in their order, and put each on record."""
    for source in SOURCES:
        if source.phase != phase:
            continue
        if source.name not in pending:
            log.warning("etl.source.missing", source=source.name, file=source.files[0])
            continue
        try:
            read = pending[source.name].result()
        except EtlError as error:
            ledger.record_findings([_contract(source, str(error), passed=False)])
            raise
        readings[source.name] = read.reading
        ledger.record_findings([_contract(source, "as it should be", passed=True)])
        _put_on_record(read, ledger, log)


def _contract(source: Source, observed: str, *, passed: bool) -> Finding:
    """That a file could be read: its columns are there, codes and months parse, and no key stands twice."""
    return Finding(f"contract_{source.name}", "error", passed, observed, f"the contract of {source.name}")


def _put_on_record(read: Read, ledger: Ledger, log: structlog.stdlib.BoundLogger) -> None:
    file, reading = read.file, read.reading
    rejected = reading.rejects.height
    record = SourceRecord(
        file.source,
        file.name,
        file.sha256,
        file.bytes,
        reading.rows_read,
        reading.rows_read - rejected,
        rejected,
        read.seconds,
    )
    ledger.record_sources([record])
    if rejected:
        ledger.record_rejects(file.source, reading.rejects.head(MAX_REJECTS))
        ledger.counts = replace(ledger.counts, rows_rejected=ledger.counts.rows_rejected + rejected)
    log.info(
        "etl.source.read",
        source=file.source,
        file=file.name,
        rows_read=reading.rows_read,
        rows_rejected=rejected,
        seconds=round(read.seconds, 3),
        ignored_columns=list(reading.ignored),
    )


def _conclude(findings: Sequence[Finding], ledger: Ledger, log: structlog.stdlib.BoundLogger) -> None:
    """Put the findings on record, and refuse to publish where an ``error`` is among them."""
    ledger.record_findings(findings)
    failed = [finding for finding in findings if not finding.passed]
    for finding in failed:
        report: Callable[..., Any] = log.error if finding.severity == "error" else log.warning
        report(
            "etl.check.failed",
            check=finding.name,
            severity=finding.severity,
            observed=finding.observed,
            expected=finding.expected,
            sample=list(finding.sample),
        )
    warnings = sum(finding.severity == "warning" for finding in failed)
    ledger.counts = replace(ledger.counts, warnings=warnings)
    if words := failures(findings):
        raise DataError(words)


def _publication(frame: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The frame as the table has it: renamed keys, and the names of the banks."""
    head = ("codigo", "mes", "banco_norm")
    return catalogue.named(frame, names).select(
        pl.col("mes").alias("fecha"),
        pl.col("codigo").alias("codigo_cnbv"),
        pl.col("banco_norm").alias("institucion"),
        "banco_norm",
        pl.exclude(head),
    )


def _values(frame: pl.DataFrame, *columns: str) -> int:
    return sum(frame.height - frame[name].null_count() for name in columns if name in frame.columns)
