"""The story of a run: find the files, read them, compute the figures, audit them, publish what differs."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import psycopg

from bankadvisor_etl import __version__
from bankadvisor_etl.checks.findings import Thresholds
from bankadvisor_etl.checks.freshness import recent
from bankadvisor_etl.errors import ConfigurationError, InputError, LockedError, message_of
from bankadvisor_etl.faults import point
from bankadvisor_etl.inputs.files import File, hash_files
from bankadvisor_etl.sources import SAMPLE, SOURCES
from bankadvisor_etl.warehouse import runs, schema
from bankadvisor_etl.warehouse.connection import connect, transaction, translated
from bankadvisor_etl.warehouse.ledger import Ledger, recorded
from bankadvisor_etl.warehouse.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    import structlog

    from bankadvisor_etl.inputs.reading import Read
    from bankadvisor_etl.job.request import Request


def run(request: Request, log: structlog.stdlib.BoundLogger) -> None:
    """Run once; every failure is on record in ``etl_runs`` before it is raised.

    Raises:
        LockedError: another run is at work; this one leaves no row.
        EtlError: as its class says; what is published is untouched.
    """
    started = time.perf_counter()
    with _skip_logged(log), connect(request.dsn) as publisher, locked(publisher) as cursor:
        point("locked")
        _prepare(request.dsn)
        point("prepared")
        log_failure = partial(_log_failure, log, started)
        with recorded(request.dsn, request.triggered_by, log_failure, details=not request.dry_run) as ledger:
            log = log.bind(run_id=ledger.run_id)
            log.info("etl.started", triggered_by=request.triggered_by)
            point("begun")
            _run(request, ledger, cursor, log)
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


def find_files(data_dir: Path) -> list[tuple[str, Path]]:
    """The files that are there, by source.

    Raises:
        InputError: the folder or a required file is missing, or the folder cannot be read.
    """
    if not data_dir.is_dir():
        raise InputError(f"the data folder {data_dir} does not exist; set --data-dir or BANKADVISOR_DATA_DIR")
    if not os.access(data_dir, os.R_OK | os.X_OK):
        raise InputError(
            f"the data folder {data_dir} cannot be read: chgrp bankadvisor-etl {data_dir}, then chmod g+rx"
        )
    found = [(source.name, path) for source in SOURCES if (path := source.find(data_dir))]
    for source in SOURCES:
        if source.required and source.name not in dict(found):
            names = " or ".join(source.files)
            raise InputError(
                f"{source.files[0]} is missing: no {names} in {data_dir}; put the file there and run again"
            )
    return found


def _run(request: Request, ledger: Ledger, cursor: psycopg.Cursor[Any], log: structlog.stdlib.BoundLogger) -> None:
    ledger.begin_phase("discovery")
    Thresholds.parse(request.thresholds)  # a wrong one is said tonight, and not on the night that the files change
    found = find_files(request.data_dir)
    point("found")
    marker = SAMPLE.find(request.data_dir)
    files = hash_files([*found, (SAMPLE.name, marker)] if marker else found)
    last = _without_sample(files, runs.last_success(ledger.connection), cursor, log)
    maybe_unchanged = last is not None and _may_skip(request) and _has_sizes(files, last)
    pending = None if maybe_unchanged else _begin_reading(request, files)
    ledger.record_sources(runs.SourceRecord(file.source, file.name, file.sha256, file.bytes) for file in files)
    point("hashed")
    if last and maybe_unchanged and _is_published(files, last, cursor):
        _repeat(request, ledger, last, log)
    else:
        pending = pending or _begin_reading(request, files)
        from bankadvisor_etl.job import steps  # noqa: PLC0415 - imported already, by _begin_reading

        steps.execute(request, pending, ledger, cursor, log)
    _finish(request, ledger, cursor)


def _without_sample(
    files: list[File], last: dict[str, Any] | None, cursor: psycopg.Cursor[Any], log: structlog.stdlib.BoundLogger
) -> dict[str, Any] | None:
    """Keep invented figures and real ones apart: real ones take the place of all invented ones, never the reverse."""
    invented = any(file.source == SAMPLE.name for file in files)
    if last is None or invented == (SAMPLE.name in last["files"]):
        return last
    if invented:
        raise ConfigurationError(
            f"the folder holds invented figures ({SAMPLE.files[0]}) and the database real ones; nothing was published: "
            "set --data-dir to the folder of CNBV's files, or use another database for the sample"
        )
    with translated():
        rows = cursor.execute("DELETE FROM monthly_kpis").rowcount
    log.warning("etl.sample.withdrawn", rows=rows)
    return None


def _begin_reading(request: Request, files: list[File]) -> Mapping[str, Future[Read]]:
    """Have the worker read, and import polars in the meantime."""
    pending = request.reader.read([file for file in files if file.source != SAMPLE.name])
    import_module("bankadvisor_etl.job.steps")
    return pending


def _may_skip(request: Request) -> bool:
    return not (request.force or request.dry_run or request.allow_removals or request.accepted)


def _has_sizes(files: list[File], last: dict[str, Any]) -> bool:
    """Whether the files are as long as those of the last success: if not, reading need not wait for their hashes."""
    return {name: record["bytes"] for name, record in last["files"].items()} == {f.source: f.bytes for f in files}


def _is_published(files: list[File], last: dict[str, Any], cursor: psycopg.Cursor[Any]) -> bool:
    """Whether the last success read these very bytes with this very version, and its figures are still there."""
    hashes = {name: record["sha256"] for name, record in last["files"].items()}
    with translated():
        row = cursor.execute("SELECT count(*) FROM monthly_kpis").fetchone()
    there = row is not None and row[0] >= (last["rows_processed_base"] or 0) > 0
    if not all(record["used"] for record in last["files"].values()):
        return False  # whether a file that was set aside is good enough depends on what is published
    return there and last["etl_version"] == __version__ and hashes == {file.source: file.sha256 for file in files}


def _repeat(request: Request, ledger: Ledger, last: dict[str, Any], log: structlog.stdlib.BoundLogger) -> None:
    """Say of this run what the last success says of the same files; nothing is written to ``monthly_kpis``.

    How old the figures are depends on the date: that is asked anew.
    """
    ledger.begin_phase("unchanged")
    ledger.record_sources(
        runs.SourceRecord(**{name: value for name, value in record.items() if name != "run_id"})
        for record in last["files"].values()
    )
    same = {name: last[name] or 0 for name in ("rows_rejected", "warnings", *runs.Counts().rows_processed())}
    ledger.counts = runs.Counts(**same, rows_unchanged=last["rows_processed_base"])
    newest = runs.newest_published_month(ledger.connection)
    fresh = recent(newest, request.today, Thresholds.parse(request.thresholds))
    ledger.repeat_findings(last["id"], but=fresh.name)
    for finding in ledger.record_findings([fresh]):
        log.warning("etl.check.failed", check=finding.name, severity=finding.severity, observed=finding.observed)


def _finish(request: Request, ledger: Ledger, cursor: psycopg.Cursor[Any]) -> None:
    """Close the run's row and commit it with what was published; of a dry run nothing stays but the row."""
    connection = cursor.connection
    try:
        with translated():
            if request.dry_run:
                connection.rollback()
                ledger.close("dry_run", 0)
                return
            runs.prune(cursor, request.keep_days)
            runs.close(cursor, ledger.run_id, "success", 0, ledger.counts)
            point("closed")
            connection.commit()
            ledger.status = "success"
            point("committed")
    except BaseException:
        with suppress(psycopg.Error):
            connection.rollback()  # lets go of the run's row, so that the ledger can close it
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
    )


def _seconds_since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
