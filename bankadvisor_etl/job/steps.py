"""What a run does between finding the files and closing its row: base, enhanced, audit, publish."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.checks.audit import failures
from bankadvisor_etl.checks.findings import Finding, Thresholds
from bankadvisor_etl.checks.published import restated
from bankadvisor_etl.errors import DataError, EtlError
from bankadvisor_etl.faults import point
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.job.compute import Settings, compute
from bankadvisor_etl.sources import SOURCES, similar_files
from bankadvisor_etl.transforms.kpis import of_interest
from bankadvisor_etl.warehouse import publish, runs
from bankadvisor_etl.warehouse.connection import translated
from bankadvisor_etl.warehouse.runs import SourceRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    import psycopg
    import structlog

    from bankadvisor_etl.inputs.reading import Read
    from bankadvisor_etl.job.compute import Result
    from bankadvisor_etl.job.request import Request
    from bankadvisor_etl.sources import Source
    from bankadvisor_etl.warehouse.ledger import Ledger


MAX_REJECTS = 10_000
"""Rejects of a source that are kept; more of them have nothing more to say."""


def execute(
    request: Request,
    pending: Mapping[str, Future[Read]],
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
    files: dict[str, Read] = {}
    _read("base", pending, files, ledger, log)
    _read("enhanced", pending, files, ledger, log)
    readings = {source: read.reading for source, read in files.items()}
    with translated():
        published = publish.published(cursor)
    settings = Settings(
        Thresholds.parse(request.thresholds),
        request.today,
        request.allow_removals,
        frozenset(request.accepted),
        runs.rows_last_used(ledger.connection),
        similar=similar_files(request.data_dir),
        last_accepted=runs.rows_last_used(ledger.connection, "rows_accepted"),
    )
    result = compute(readings, settings, published)
    _count(result, ledger, log)
    point("computed")
    for source in result.evidence.set_aside:
        ledger.record_sources([_record(files[source], used=False)])
        log.warning("etl.source.set_aside", source=source, file=files[source].file.name)
    ledger.begin_phase("audit")
    point("audited")
    with translated():
        frame = result.publication
        publish.stage(cursor, frame, result.known_alertas, allow_removals=request.allow_removals)
        point("staged")
        comparison = publish.compare(cursor, frame.columns)
    _conclude([*result.findings, restated(comparison, settings.thresholds)], request, ledger, log)
    point("compared")
    ledger.begin_phase("publish")
    with translated():
        done = publish.publish(cursor, ledger.run_id, frame.columns, allow_removals=request.allow_removals)
        names = result.names.drop_nulls("nombre_oficial").with_columns(system=pl.col("codigo") == SISTEMA)
        publish.publish_names(cursor, names.iter_rows())
    ledger.counts = replace(
        ledger.counts, rows_inserted=done.inserted, rows_updated=done.updated, rows_unchanged=done.unchanged
    )
    ledger.figures_changed = done.figures_changed
    point("published")


def _read(
    phase: str,
    pending: Mapping[str, Future[Read]],
    files: dict[str, Read],
    ledger: Ledger,
    log: structlog.stdlib.BoundLogger,
) -> None:
    ledger.begin_phase(phase)
    started = f"etl.phase.{phase}.started"
    log.info(started)
    _collect(phase, pending, files, ledger, log)
    point(f"read_{phase}")
    if phase == "base":
        log.info("etl.phase.base.completed", rows_processed=of_interest(files["cartera"].reading.frame).height)


def _count(result: Result, ledger: Ledger, log: structlog.stdlib.BoundLogger) -> None:
    frame = result.evidence.kpis.frame
    rows = {
        "icap": _values(frame, "icap_total"),
        "tda": _values(frame, "tda_cartera_total"),
        "tasas": _values(frame, "tasa_mn", "tasa_me"),
    }
    ledger.counts = replace(
        ledger.counts,
        rows_processed_base=frame.height,
        **{f"rows_processed_{name}": count for name, count in rows.items()},
    )
    log.info("etl.phase.enhanced.completed", **{f"{name}_rows": count for name, count in rows.items()})


def _collect(
    phase: str,
    pending: Mapping[str, Future[Read]],
    files: dict[str, Read],
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
        files[source.name] = read
        ledger.record_findings([_contract(source, "as it should be", passed=True)])
        _put_on_record(read, ledger, log)


def _contract(source: Source, observed: str, *, passed: bool) -> Finding:
    """That a file could be read: its columns are there, codes and months parse, and no key stands twice."""
    return Finding(f"contract_{source.name}", "error", passed, observed, f"the contract of {source.name}")


def _put_on_record(read: Read, ledger: Ledger, log: structlog.stdlib.BoundLogger) -> None:
    file, reading = read.file, read.reading
    rejected = reading.rejects.height
    ledger.record_sources([_record(read, used=True)])
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


def _record(read: Read, *, used: bool) -> SourceRecord:
    file, reading = read.file, read.reading
    rejected = reading.rejects.height
    return SourceRecord(
        file.source,
        file.name,
        file.sha256,
        file.bytes,
        reading.rows_read,
        reading.rows_read - rejected,
        rejected,
        read.seconds,
        used,
    )


def _conclude(findings: Sequence[Finding], request: Request, ledger: Ledger, log: structlog.stdlib.BoundLogger) -> None:
    """Put the findings on record, and refuse to publish where one of them stops the run."""
    for finding in ledger.record_findings(findings):
        report: Callable[..., Any] = log.error if finding.stops else log.warning
        report(
            "etl.check.failed",
            check=finding.name,
            severity=finding.severity,
            observed=finding.observed,
            expected=finding.expected,
            sample=list(finding.sample),
            **({"accepted": True} if finding.accepted else {}),
        )
    for name in sorted({*request.accepted} - {finding.name for finding in findings if finding.accepted}):
        log.warning("etl.accept.unused", check=name)
    warnings = sum(not finding.passed and not finding.stops for finding in findings)
    ledger.counts = replace(ledger.counts, warnings=warnings)
    if words := failures(findings):
        raise DataError(words)


def _values(frame: pl.DataFrame, *columns: str) -> int:
    return sum(frame.height - frame[name].null_count() for name in columns if name in frame.columns)
