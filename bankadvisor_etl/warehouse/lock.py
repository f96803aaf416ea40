"""The lock that allows one run at a time in a database."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from bankadvisor_etl.errors import LockedError
from bankadvisor_etl.warehouse.connection import set_timeouts, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = 0x62616E6B61_0001
"""The number of the advisory lock: 'banka' in ASCII, then 1."""

PLACE = [LOCK >> 32, LOCK & 0xFFFFFFFF]
THE_LOCK: LiteralString = (
    "locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint = %s AND objid::bigint = %s"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""The condition on ``pg_locks`` for the holder of the lock; its parameters are ``PLACE``."""

PATIENCE = 15.0
"""Seconds to wait for a lock that a killed run still holds."""

PAUSE = 0.25


@contextmanager
def locked(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """The transaction of a run: it holds the lock from its first statement, and committing it publishes.

    A run whose connection is lost thus releases the lock and cannot publish any more. The lock is a transaction-level
    one because session-level locks leak behind a transaction pooler.

    The server notices that a client was killed only when the current statement ends. Such a leftover lock is waited
    for, for ``PATIENCE`` seconds; the lock of a run at work is not.

    Raises:
        LockedError: another run holds the lock.
        DatabaseError: the connection was lost.
    """
    connection.autocommit = False
    deadline = time.monotonic() + PATIENCE
    with translated(), connection.cursor() as cursor:
        while not _taken(cursor):
            if _at_work(cursor) or time.monotonic() > deadline:
                raise LockedError("another run is at work in this database; see: bankadvisor-etl runs --status running")
            connection.rollback()  # releases the tables that were read, which a new version may have to change
            time.sleep(PAUSE)
    with connection.cursor() as cursor:
        yield cursor


def _taken(cursor: psycopg.Cursor[Any]) -> bool:
    set_timeouts(cursor)
    row = cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
    return bool(row and row[0])


def _at_work(cursor: psycopg.Cursor[Any]) -> bool:
    """Whether the holder of the lock is a run whose process is alive, as far as the server can tell.

    A run has two sessions, one that holds the lock and one that writes the record. When its process is killed, the
    server ends the idle one at once and the busy one after its statement. A run whose row is closed has also ended.
    """
    row = cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity holder USING (pid)"  # noqa: S608 - constants
        "  JOIN pg_stat_activity beside ON beside.datid = holder.datid AND beside.usesysid = holder.usesysid"
        "   AND beside.application_name = holder.application_name"
        "   AND coalesce(beside.backend_type, '') <> 'parallel worker'"
        "   AND beside.pid NOT IN (holder.pid, pg_backend_pid())"
        "  WHERE " + THE_LOCK + "), to_regclass('etl_runs') IS NOT NULL",
        PLACE,
    ).fetchone()
    beside, recorded = row or (False, False)
    if not recorded or not beside:
        return False
    # Without the privilege, or if the table is locked, assume that the run is at work.
    try:
        with cursor.connection.transaction():
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            return bool(cursor.execute("SELECT FROM etl_runs WHERE status = 'running' LIMIT 1").rowcount)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege):
        return True


def is_held(cursor: psycopg.Cursor[Any]) -> bool:
    """Whether a run holds the lock in this database."""
    row = cursor.execute(f"SELECT EXISTS (SELECT FROM pg_locks WHERE {THE_LOCK})", PLACE).fetchone()  # noqa: S608 - the same
    return bool(row and row[0])
