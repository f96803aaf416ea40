"""The health of the job, from its last run and its last success. Needs psycopg and nothing heavier."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from bankadvisor_etl.errors import EtlError
from bankadvisor_etl.job.schedule import schedule
from bankadvisor_etl.warehouse import lock, schema
from bankadvisor_etl.warehouse.connection import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import psycopg

    from bankadvisor_etl.job.schedule import Schedule

OK, WARNING, CRITICAL, UNKNOWN = "ok", "warning", "critical", "unknown"
EXIT_CODES = {OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3}

LONGEST_RUN = timedelta(hours=1)
"""A run that takes longer is stuck; the real files take seconds."""


@dataclass(frozen=True)
class Data:
    """What is published.

    Attributes:
        newest_month: of ``monthly_kpis``; None if it is empty or may not be read.
        age_months: from it to the current month.
        changed_by: the last run that changed figures.
        figures_changed: how many it changed.
        new_warnings: the checks that failed in the last run and were not reported by the success before it.
    """

    newest_month: date | None = None
    age_months: int | None = None
    changed_by: int | None = None
    figures_changed: int | None = None
    new_warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Health:
    """The state of the job.

    Attributes:
        status: ``ok``, ``warning``, ``critical`` or ``unknown``.
        message: why.
        last_run: the newest row of ``etl_runs`` that is not a dry run.
        last_success: the newest row with status ``success``.
        next_run: when the timer elapses next, where there is systemd to ask.
        asked_at: when the question was asked.
    """

    status: str
    message: str
    asked_at: datetime
    last_run: Mapping[str, Any] | None = None
    last_success: Mapping[str, Any] | None = None
    next_run: datetime | None = None
    data: Data = field(default_factory=Data)

    @property
    def age(self) -> timedelta | None:
        """Time since the last success ended; negative if a clock was ahead then."""
        return self.asked_at - self.last_success["completed_at"] if self.last_success else None


def ask(dsn: str, max_age: timedelta, max_data_age: int | None = None) -> Health:
    """Judge by the record of runs; a database that does not answer is critical.

    The newest run is the one with the highest id. Ages are by the server's clock, which also wrote the times.
    """
    now = datetime.now(UTC)
    data = Data()
    try:
        with connect(dsn) as connection, transaction(connection) as plain:
            if not schema.existing(plain, ["etl_schema"]):
                return Health(UNKNOWN, _without_tables(plain), now)
            with connection.cursor(row_factory=dict_row) as cursor:
                newest = "SELECT *, clock_timestamp() AS now FROM etl_runs {} ORDER BY id DESC LIMIT 1"
                last_real = cursor.execute(newest.format("WHERE status <> 'dry_run'")).fetchone()
                last_success = cursor.execute(newest.format("WHERE status = 'success'")).fetchone()
            at_work = lock.is_held(plain)
            now = last_real["now"] if last_real else now
            data = _data(plain, now, last_real)
            if last_success and last_success["completed_at"] is None:  # the replaced system did not always set it
                last_success["completed_at"] = last_success["started_at"]
    except EtlError as error:
        return Health(CRITICAL, str(error), now)
    found = schedule()
    status, message = _judge(last_real, last_success, now, max_age, at_work=at_work)
    status, message = _with_schedule(status, message, found)
    status, message = _with_data(status, message, data, max_data_age)
    return Health(status, message, now, last_real, last_success, found.next_run if found else None, data)


def _data(cursor: psycopg.Cursor[Any], now: datetime, last: Mapping[str, Any] | None) -> Data:
    """What is published, as far as the role may read it."""
    tables = ["monthly_kpis", "monthly_kpis_cambios", "etl_run_checks"]
    may_read = {
        name
        for (name,) in cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
            " AND has_table_privilege(to_regclass(name), 'SELECT')",
            [tables],
        )
    }
    newest, changed, warnings = None, None, ()
    if "monthly_kpis" in may_read:
        row = cursor.execute("SELECT max(fecha) FROM monthly_kpis").fetchone()
        newest = row[0] if row else None
    if "monthly_kpis_cambios" in may_read:
        changed = cursor.execute(
            "SELECT run_id, count(*) FROM monthly_kpis_cambios"
            " WHERE run_id = (SELECT max(run_id) FROM monthly_kpis_cambios) GROUP BY run_id"
        ).fetchone()
    if "etl_run_checks" in may_read and last:
        # Version 1 of the tables has no column "known".
        rows = cursor.execute(
            "SELECT check_name FROM etl_run_checks c WHERE run_id = %s AND NOT passed AND severity = 'warning'"
            " AND NOT coalesce((to_jsonb(c) ->> 'known')::boolean, false) ORDER BY check_name",
            [last["id"]],
        )
        warnings = tuple(name for (name,) in rows)
    age = (now.year - newest.year) * 12 + now.month - newest.month if newest else None
    run_id, figures = changed or (None, None)
    return Data(newest, age, run_id, figures, warnings)


def _with_data(status: str, message: str, data: Data, max_age: int | None) -> tuple[str, str]:
    """Add that the figures are old, which a successful run does not report; a worse state stays."""
    if data.age_months is None or status not in {OK, WARNING}:
        return status, message
    if data.age_months < 0:
        return WARNING, f"{message}; the newest month, {data.newest_month:%Y-%m}, is in the future"
    if max_age is not None and data.age_months > max_age:
        return WARNING, f"{message}; the newest month is {data.age_months} months old, more than the {max_age} allowed"
    return status, message


def _without_tables(cursor: psycopg.Cursor[Any]) -> str:
    if foreign := schema.existing(cursor):
        return f"the tables ({', '.join(foreign)}) are those of the replaced system; see bankadvisor-etl adopt"
    return "no run yet: there is no table etl_runs; start one with bankadvisor-etl run"


def _judge(
    last: Mapping[str, Any] | None,
    success: Mapping[str, Any] | None,
    now: datetime,
    max_age: timedelta,
    *,
    at_work: bool,
) -> tuple[str, str]:
    if last is None:
        return UNKNOWN, "no run yet; start one with bankadvisor-etl run"
    if last["status"] == "failure":
        return CRITICAL, f"run {last['id']} failed: {last['error_message']}"
    if last["status"] == "running" and not at_work:
        return (
            CRITICAL,
            f"run {last['id']} is marked running but no process is at work: it was killed; the next run closes it",
        )
    if last["status"] == "running" and now - last["started_at"] > LONGEST_RUN:
        return CRITICAL, f"run {last['id']} is stuck: at work since {last['started_at']:%Y-%m-%d %H:%M} UTC"
    if success is None:
        return WARNING, f"run {last['id']} is at work; no run has succeeded yet"
    return _judge_age(success, now, max_age)


def _judge_age(success: Mapping[str, Any], now: datetime, max_age: timedelta) -> tuple[str, str]:
    age = now - success["completed_at"]
    if age < timedelta(0):
        ahead = f"run {success['id']} succeeded {_span(-age)} in the future"
        return WARNING, f"{ahead}: the database's clock is wrong, or was then"
    if age > 2 * max_age:
        return (
            CRITICAL,
            f"the last success is {_span(age)} old, more than twice the {_span(max_age)} allowed",
        )
    if age > max_age:
        return WARNING, f"the last success is {_span(age)} old, more than the {_span(max_age)} allowed"
    return OK, f"run {success['id']} succeeded {_span(age)} ago"


def _span(age: timedelta) -> str:
    hours = age / timedelta(hours=1)
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _with_schedule(status: str, message: str, found: Schedule | None) -> tuple[str, str]:
    """Add what only systemd knows: an attempt that never reached the database, a timer that is off."""
    if found is None or status not in {OK, WARNING}:
        return status, f"{message}; a retry is pending" if found and found.retry_pending else message
    if found.retry_pending:
        return WARNING, f"{message}; a later attempt failed and a retry is pending"
    if not found.active:
        return WARNING, f"{message}; the timer is off: systemctl enable --now bankadvisor-etl.timer"
    return status, message
