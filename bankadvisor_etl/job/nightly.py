"""A run from beginning to end: find the files, compute and audit the figures, publish what differs."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg

from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.errors import LockedError, message_of, place_of
from bankadvisor_etl.faults import point
from bankadvisor_etl.inputs.files import hashed
from bankadvisor_etl.job import sample_guard, steps, unchanged
from bankadvisor_etl.job.child import Job
from bankadvisor_etl.sources import SAMPLE, SERIE, similar_files
from bankadvisor_etl.warehouse import published, runs, schema
from bankadvisor_etl.warehouse.connection import connect, transaction, translated
from bankadvisor_etl.warehouse.ledger import Ledger, recorded
from bankadvisor_etl.warehouse.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import structlog

    from bankadvisor_etl.inputs.files import File, Stock
    from bankadvisor_etl.job.child import Child
    from bankadvisor_etl.job.request import Request


@dataclass(frozen=True)
class Run:
    """A run in progress.

    Attributes:
        request: its settings.
        ledger: its record.
        cursor: in the transaction that holds the lock and will publish.
        log: its events.
    """

    request: Request
    ledger: Ledger
    cursor: psycopg.Cursor[Any]
    log: structlog.stdlib.BoundLogger


def run(request: Request, child: Child, stock: Stock, log: structlog.stdlib.BoundLogger) -> Ledger:
    """Run once and return the record; every failure is recorded in ``etl_runs`` before it is raised.

    Args:
        request: what to do.
        child: the process that reads and computes; it may already be hashing the files.
        stock: the files.
        log: where the events go.

    Raises:
        LockedError: another run is at work; this one leaves no row.
        EtlError: see the subclasses; what is published is unchanged.
    """
    started = time.perf_counter()
    with _skip_logged(log), connect(request.dsn) as publisher, locked(publisher) as cursor:
        point("locked")
        _prepare(request.dsn)
        point("prepared")
        log_failure = partial(_log_failure, log, started)
        with recorded(
            request.dsn, request.triggered_by, request.prefer, log_failure, details=not request.dry_run
        ) as ledger:
            log = log.bind(run_id=ledger.run_id)
            log.info("etl.started", triggered_by=request.triggered_by)
            point("begun")
            _run(Run(request, ledger, cursor, log), child, stock)
    rows = {name.replace("processed_", ""): count for name, count in ledger.counts.rows_processed().items()}
    log.info(
        "etl.completed",
        status=ledger.status,
        duration_seconds=_seconds_since(started),
        **rows,
        rows_inserted=ledger.counts.rows_inserted,
        rows_updated=ledger.counts.rows_updated,
        figures_changed=ledger.figures_changed,
        unchanged=ledger.phase == "unchanged",
    )
    return ledger


def _run(run: Run, child: Child, stock: Stock) -> None:
    request, ledger = run.request, run.ledger
    ledger.begin_phase("discovery")
    files = stock.files()
    point("found")
    last = sample_guard.apart(files, runs.last_success(ledger.connection), run.cursor, run.log)
    perhaps_unchanged = last is not None and not request.insists and unchanged.has_sizes(files, last)
    job = None if perhaps_unchanged else _ask(run, child, files)
    files = hashed(files, child.hashed())
    ledger.record_sources(runs.SourceRecord(file.source, file.name, file.sha256, file.bytes) for file in files)
    point("hashed")
    if last and perhaps_unchanged and unchanged.is_published(files, last, run.cursor, request.prefer):
        unchanged.repeat(run, last)
    else:
        job = job or _ask(run, child, files)
        steps.execute(run, child, replace(job, files=_to_read(files)))
    _finish(request, ledger, run.cursor)


def _ask(run: Run, child: Child, files: Sequence[File]) -> Job:
    """Send the job to the child."""
    request = run.request
    settings = Settings(
        request.limits,
        request.today,
        request.allow_removals,
        frozenset(request.accepted),
        runs.rows_last_used(run.ledger.connection),
        runs.rows_last_used(run.ledger.connection, "rows_accepted"),
        similar_files(request.data_dir),
        prefer=request.prefer,
    )
    to_read = _to_read(files)
    with translated():
        there = published.figures(run.cursor)
    with_series = any(file.source == SERIE.name for file in to_read)
    job = Job(to_read, settings, there, run.ledger.run_id, store_series=with_series)
    child.ask(job)
    return job


def _to_read(files: Sequence[File]) -> list[File]:
    return [file for file in files if file.source != SAMPLE.name]


def _finish(request: Request, ledger: Ledger, cursor: psycopg.Cursor[Any]) -> None:
    """Close the run's row and commit it with what was published; a dry run only leaves its row."""
    connection = cursor.connection
    try:
        with translated():
            if request.dry_run:
                connection.rollback()
                ledger.close(runs.Ending("dry_run"))
                return
            runs.prune(cursor, request.keep_days)
            runs.close(cursor, ledger.run_id, runs.Ending("success"), ledger.counts)
            point("closed")
            connection.commit()
            ledger.status = "success"
            point("committed")
    except BaseException:
        with suppress(psycopg.Error):
            connection.rollback()  # releases the run's row, so that the ledger can close it
        raise


def _prepare(dsn: str) -> None:
    with connect(dsn) as connection, transaction(connection) as cursor:
        schema.prepare(cursor)


@contextmanager
def _skip_logged(log: structlog.stdlib.BoundLogger) -> Iterator[None]:
    try:
        yield
    except LockedError as error:
        log.warning("etl.skipped", reason=str(error))
        raise


def _log_failure(log: structlog.stdlib.BoundLogger, started: float, ledger: Ledger, error: BaseException) -> None:
    log.error(
        "etl.failed",
        run_id=ledger.run_id,
        error=message_of(error),
        error_class=type(error).__name__,
        phase=ledger.phase,
        duration_seconds=_seconds_since(started),
        **place_of(error),
    )


def _seconds_since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
