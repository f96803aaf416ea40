"""Is the job well? The last run, the last success, and what follows from them. Needs psycopg and nothing heavier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from bankadvisor_etl.errors import EtlError
from bankadvisor_etl.job.schedule import schedule
from bankadvisor_etl.warehouse import lock, schema
from bankadvisor_etl.warehouse.connection import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from bankadvisor_etl.job.schedule import Schedule

OK, WARNING, CRITICAL, UNKNOWN = "ok", "warning", "critical", "unknown"
EXIT_CODES = {OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3}

LONGEST_RUN = timedelta(hours=1)
"""A run that takes longer is stuck; the real files take seconds."""


@dataclass(frozen=True)
class Health:
    """The state of the job.

    Attributes:
        status: ``ok``, ``warning``, ``critical`` or ``unknown``.
        message: why.
        last_run: the newest row of ``etl_runs``; a dry run only where there is nothing else.
        last_success: the newest one of status ``success``.
        next_run: when the timer runs next, where systemd is there to ask.
        asked_at: when the question was asked.
    """

    status: str
    message: str
    asked_at: datetime
    last_run: Mapping[str, Any] | None = None
    last_success: Mapping[str, Any] | None = None
    next_run: datetime | None = None

    @property
    def age(self) -> timedelta | None:
        """Time since the last success ended."""
        return self.asked_at - self.last_success["completed_at"] if self.last_success else None


def ask(dsn: str, max_age: timedelta) -> Health:
    """Look at the record of runs and judge; a database that does not answer is critical."""
    now = datetime.now(UTC)
    try:
        with connect(dsn) as connection, transaction(connection) as plain:
            if not schema.existing(plain, ["etl_schema"]):
                return Health(UNKNOWN, _without_tables(plain), now)
            with connection.cursor(row_factory=dict_row) as cursor:
                newest = "SELECT * FROM etl_runs {} ORDER BY started_at DESC, id DESC LIMIT 1"
                last_run = cursor.execute(newest.format("")).fetchone()
                last_real = cursor.execute(newest.format("WHERE status <> 'dry_run'")).fetchone()
                last_success = cursor.execute(newest.format("WHERE status = 'success'")).fetchone()
            at_work = lock.is_held(plain)
            if last_success and last_success["completed_at"] is None:  # the replaced system did not always say
                last_success["completed_at"] = last_success["started_at"]
    except EtlError as error:
        return Health(CRITICAL, str(error), now)
    found = schedule()
    status, message = _judge(last_real, last_success, now, max_age, at_work=at_work)
    status, message = _with_schedule(status, message, found)
    return Health(status, message, now, last_real or last_run, last_success, found.next_run if found else None)


def _without_tables(cursor: psycopg.Cursor[Any]) -> str:
    if foreign := schema.existing(cursor):
        return f"the tables ({', '.join(foreign)}) are those of the replaced system; look at bankadvisor-etl adopt"
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
            f"run {last['id']} says running and nobody is at work: it was killed; the next run closes it",
        )
    if last["status"] == "running" and now - last["started_at"] > LONGEST_RUN:
        return CRITICAL, f"run {last['id']} is stuck: at work since {last['started_at']:%Y-%m-%d %H:%M} UTC"
    if success is None:
        return WARNING, f"run {last['id']} is at work, the first one"
    age = now - success["completed_at"]
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
    """Add what only systemd knows: a try that never reached the database, a timer that is off."""
    if found is None or status not in {OK, WARNING}:
        return status, f"{message}; a retry is pending" if found and found.retry_pending else message
    if found.retry_pending:
        return WARNING, f"{message}; the try after it failed and a retry is pending"
    if not found.active:
        return WARNING, f"{message}; the timer is off: systemctl enable --now bankadvisor-etl.timer"
    return status, message
