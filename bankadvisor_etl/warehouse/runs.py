"""``etl_runs`` and the tables that refer to it: the record of what each run did, kept whatever happens to the run."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, cast

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from bankadvisor_etl import __version__
from bankadvisor_etl.warehouse.connection import transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    import psycopg

    from bankadvisor_etl.checks.findings import Finding

ABANDONED = "abandoned: the process ended without closing this row (killed, or the machine went down)"

ENDS_NOW = sql.SQL(
    "completed_at = greatest(started_at, clock_timestamp()), duration_seconds ="
    " coalesce(%(elapsed)s::double precision, extract(epoch FROM greatest(started_at, clock_timestamp()) - started_at))"
)
"""The assignments for a run that ends now. The server's clock may have been set back since the run began."""

_BEGUN: dict[int, float] = {}
"""When this process began each run, by the monotonic clock."""


@dataclass(frozen=True)
class Counts:
    """What a run did, in rows; the fields are columns of ``etl_runs``."""

    rows_processed_base: int = 0
    rows_processed_icap: int = 0
    rows_processed_tda: int = 0
    rows_processed_tasas: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    warnings: int = 0

    def rows_processed(self) -> dict[str, int]:
        """The ``rows_processed`` figures, by column."""
        return {name: count for name, count in asdict(self).items() if name.startswith("rows_processed_")}


@dataclass(frozen=True)
class Ending:
    """How a run ended; the names are those of the columns of ``etl_runs``."""

    status: str
    exit_code: int = 0
    error_message: str | None = None


@dataclass(frozen=True)
class SourceRecord:
    """A row of ``etl_run_sources``."""

    source: str
    file_name: str
    sha256: str
    bytes: int
    rows_read: int | None = None
    rows_accepted: int | None = None
    rows_rejected: int | None = None
    seconds: float | None = None
    used: bool = True


def begin(cursor: psycopg.Cursor[Any], triggered_by: str, prefer: str = "serie") -> int:
    """Insert the ``running`` row and return its id."""
    row = cursor.execute(
        "INSERT INTO etl_runs (status, phase, triggered_by, prefer, etl_version, host, invocation_id)"
        " VALUES ('running', 'start', %s, %s, %s, %s, %s) RETURNING id",
        [triggered_by, prefer, __version__, socket.gethostname(), os.environ.get("INVOCATION_ID")],
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING gives the inserted row
    _BEGUN[int(row[0])] = time.monotonic()
    return int(row[0])


def close_abandoned(cursor: psycopg.Cursor[Any]) -> list[int]:
    """Close rows marked ``running``; the lock has to be held, so that none of these runs is alive."""
    closed = cursor.execute(
        sql.SQL(
            "UPDATE etl_runs SET status = 'failure', error_message = %(error)s, {}"
            " WHERE status = 'running' RETURNING id"
        ).format(ENDS_NOW),
        {"error": ABANDONED, "elapsed": None},
    )
    return [run_id for (run_id,) in closed]


def begin_phase(cursor: psycopg.Cursor[Any], run_id: int, phase: str) -> None:
    """Record the phase that begins."""
    cursor.execute("UPDATE etl_runs SET phase = %s WHERE id = %s", [phase, run_id])


def close(cursor: psycopg.Cursor[Any], run_id: int, ending: Ending, counts: Counts) -> bool:
    """Close a ``running`` row; return False, and change nothing, if it is closed already."""
    values = {**asdict(ending), **asdict(counts)}
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    )
    statement = sql.SQL("UPDATE etl_runs SET {}, {} WHERE id = %(id)s AND status = 'running'").format(
        assignments, ENDS_NOW
    )
    begun = _BEGUN.get(run_id)
    elapsed = None if begun is None else time.monotonic() - begun
    return cursor.execute(statement, {**values, "id": run_id, "elapsed": elapsed}).rowcount == 1


def has_succeeded(cursor: psycopg.Cursor[Any], run_id: int) -> bool:
    """Whether the run's row is marked ``success``."""
    row = cursor.execute("SELECT status = 'success' FROM etl_runs WHERE id = %s", [run_id]).fetchone()
    return bool(row and row[0])


def record_sources(cursor: psycopg.Cursor[Any], run_id: int, records: Iterable[SourceRecord]) -> None:
    """Record the files of a run; a file recorded before is brought up to date."""
    names = [field.name for field in fields(SourceRecord)]
    statement = sql.SQL(
        "INSERT INTO etl_run_sources (run_id, {names}) VALUES (%(run_id)s, {values}) ON CONFLICT"
        " (run_id, source, file_name) DO UPDATE SET ({names}) = ROW({new})"
    ).format(
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(map(sql.Placeholder, names)),
        new=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in names),
    )
    cursor.executemany(statement, [{"run_id": run_id, **asdict(record)} for record in records])


def record_rejects(cursor: psycopg.Cursor[Any], rejects: bytes) -> None:
    """Record rows that were set aside, in PostgreSQL's CSV: run, source, row number, reason, the row as JSON."""
    statement = "COPY etl_rejects (run_id, source, row_number, reason, raw) FROM STDIN (FORMAT csv)"
    with cursor.copy(statement) as copy:
        copy.write(rejects)


def record_findings(cursor: psycopg.Cursor[Any], run_id: int, findings: Sequence[Finding]) -> list[Finding]:
    """Record what the checks found, and return what failed and is new.

    A finding is known if the last success found the same: no new key or, for a check without keys, the same text.
    """
    before = {
        name: (observed, set(keys))
        for name, observed, keys in cursor.execute(
            "SELECT check_name, observed, keys FROM etl_run_checks WHERE NOT passed AND run_id ="
            " (SELECT max(id) FROM etl_runs WHERE status = 'success')"
        )
    }
    known = {finding.name: _is_known(finding, before.get(finding.name)) for finding in findings}
    cursor.executemany(
        "INSERT INTO etl_run_checks"
        " (run_id, check_name, severity, passed, observed, expected, detail, known, accepted, keys)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                run_id,
                f.name,
                f.severity,
                f.passed,
                f.observed,
                f.expected,
                Jsonb(list(f.sample)),
                known[f.name],
                f.accepted,
                list(f.keys),
            )
            for f in findings
        ],
    )
    return [finding for finding in findings if not finding.passed and not known[finding.name]]


def _is_known(finding: Finding, before: tuple[str, set[str]] | None) -> bool:
    if finding.passed or finding.stops or before is None:
        return False
    observed, keys = before
    return keys.issuperset(finding.keys) if finding.keys else observed == finding.observed


def repeat_findings(cursor: psycopg.Cursor[Any], run_id: int, earlier: int, but: str) -> None:
    """Record again, as known, the failed checks of the run ``earlier``, except the check ``but``."""
    cursor.execute(
        "INSERT INTO etl_run_checks"
        " (run_id, check_name, severity, passed, observed, expected, detail, known, accepted, keys)"
        " SELECT %s, check_name, severity, passed, observed, expected, detail, true, accepted, keys"
        " FROM etl_run_checks WHERE run_id = %s AND NOT passed AND check_name <> %s",
        [run_id, earlier, but],
    )


def rows_last_used(
    connection: psycopg.Connection[Any], column: Literal["rows_read", "rows_accepted"] = "rows_read"
) -> dict[str, int]:
    """The rows of each source in the newest success that used its files, however long ago."""
    statement = sql.SQL(
        "SELECT source, sum({column})::bigint FROM etl_run_sources WHERE (source, run_id) IN"
        " (SELECT s.source, max(s.run_id) FROM etl_run_sources s JOIN etl_runs r ON r.id = s.run_id"
        " WHERE r.status = 'success' AND s.used AND s.{column} IS NOT NULL GROUP BY s.source) GROUP BY source"
    ).format(column=sql.Identifier(column))
    with transaction(connection) as cursor:
        return dict(cursor.execute(statement).fetchall())


def newest_published_month(connection: psycopg.Connection[Any]) -> date:
    """The newest month of ``monthly_kpis``, which must not be empty."""
    with transaction(connection) as cursor:
        row = cursor.execute("SELECT max(fecha) FROM monthly_kpis").fetchone()
    return cast("date", row[0] if row else None)


def record_differences(cursor: psycopg.Cursor[Any], run_id: int, rows: Sequence[Sequence[Any]]) -> None:
    """Record where the sources of a run differ, as ``job.reconciling.COLUMNS``."""
    if rows:
        with cursor.copy("COPY conciliacion FROM STDIN") as copy:
            for row in rows:
                copy.write_row((run_id, *row))


def prune(cursor: psycopg.Cursor[Any], days: int) -> None:
    """Delete the rejects and checks of runs older than ``days``; runs and changes are kept."""
    old = "run_id IN (SELECT id FROM etl_runs WHERE started_at < now() - make_interval(days => %s))"
    cursor.execute(f"DELETE FROM etl_rejects WHERE {old}", [days])  # noqa: S608 - a constant of this function
    cursor.execute(f"DELETE FROM conciliacion WHERE {old}", [days])  # noqa: S608 - the same
    cursor.execute(f"DELETE FROM etl_run_checks WHERE {old}", [days])  # noqa: S608 - the same


def last_success(connection: psycopg.Connection[Any]) -> dict[str, Any] | None:
    """The newest ``success``, with ``files``: the row of ``etl_run_sources`` of each, by file name."""
    with transaction(connection), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT r.*, (SELECT coalesce(jsonb_object_agg(s.file_name, to_jsonb(s)), '{}') FROM etl_run_sources s"
            " WHERE s.run_id = r.id) AS files"
            " FROM etl_runs r WHERE r.status = 'success' ORDER BY r.id DESC LIMIT 1"
        ).fetchone()
