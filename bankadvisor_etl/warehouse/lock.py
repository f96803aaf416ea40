"""One run at a time in a database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import LockedError
from bankadvisor_etl.warehouse.connection import set_timeouts, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

LOCK = 0x62616E6B61_0001
"""The advisory lock's number: 'banka', and the first lock of it."""


@contextmanager
def locked(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """The transaction of a run: it holds the lock from its first statement; who commits it, publishes.

    Lock and publishing are one: a run whose connection is lost cannot publish, and has let go of the lock. It is a
    transaction's lock since those of a session leak behind a transaction pooler.

    Raises:
        LockedError: another run holds the lock.
        DatabaseError: the connection was lost.
    """
    connection.autocommit = False
    with translated(), connection.cursor() as cursor:
        set_timeouts(cursor)
        held = cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
    if held is None or not held[0]:
        raise LockedError("another run is at work in this database; see: bankadvisor-etl runs --status running")
    with connection.cursor() as cursor:
        yield cursor


def is_held(cursor: psycopg.Cursor[Any]) -> bool:
    """Whether a run holds the lock in this database."""
    row = cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND classid::bigint = %s AND objid::bigint = %s"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        [LOCK >> 32, LOCK & 0xFFFFFFFF],
    ).fetchone()
    return bool(row and row[0])
