"""The verb ``adopt``: takes over a database of the replaced system without losing anything in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg

from bankadvisor_etl.errors import ConfigurationError, DatabaseError
from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse.adoption import relations, shapes
from bankadvisor_etl.warehouse.adoption.takeover import Takeover
from bankadvisor_etl.warehouse.connection import connect, translated
from bankadvisor_etl.warehouse.lock import locked
from bankadvisor_etl.warehouse.tables import constrain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bankadvisor_etl.warehouse.adoption.relations import Relation

PATIENCE = 20.0
"""Seconds to retry while other sessions use the tables."""

IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


def adopt(dsn: str, *, dry_run: bool) -> list[str]:
    """Make a database ready for runs, whatever it holds, in one transaction.

    The old ``etl_runs`` is extended in place. Other tables with our names and another shape move to the schema
    ``anterior``, with the tables of the same schema that refer to them; the views that read them are recreated over
    the new tables. In an empty database it creates our tables; in one that has them it changes nothing.

    Args:
        dsn: the connection string.
        dry_run: do everything and roll it back; the steps are those that would be taken.

    Returns:
        the steps, as sentences, in order.

    Raises:
        LockedError: a run is at work.
        ConfigurationError: the role lacks a privilege, or a newer version made the tables.
        DatabaseError: the connection was lost, a statement failed, or the tables are in use.
    """
    with connect(dsn) as connection, locked(connection) as cursor, translated():
        ours = shapes.ours(cursor)
        if not schema.replaced(cursor) and schema.applied_versions(cursor):
            schema.prepare(cursor)  # a column added by a newer version must not make our own table look foreign
            constrain(cursor)
        tables = relations.visible(cursor, ours)
        odd = [table for table in tables.values() if not shapes.read(cursor, table.oid).serves_as(ours[table.name])]
        if not odd and tables.keys() == ours.keys() and schema.applied_versions(cursor) == schema.available().keys():
            return ["nothing to do: the tables are those of bankadvisor-etl"]
        takeover = Takeover(cursor, ours, _home(cursor, tables.values()), odd)
        _perform(takeover)
        if dry_run:
            connection.rollback()
            return [*takeover.steps, "dry run: nothing was changed"]
        connection.commit()
    return takeover.steps


def _perform(takeover: Takeover) -> None:
    """Retry while the tables are in use: wait briefly, then release every table so that no reader waits long."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with takeover.cursor.connection.transaction():
                takeover.cursor.execute("SET LOCAL lock_timeout = '200ms'")
                takeover.perform()
        except IN_THE_WAY as error:
            if time.monotonic() > end:
                raise DatabaseError(
                    f"the tables are in use by {_users(takeover)}; nothing was changed: adopt again when they are free"
                ) from error
            time.sleep(0.1)
        else:
            return


def _home(cursor: psycopg.Cursor[Any], tables: Iterable[Relation]) -> str:
    """The schema of the existing tables, otherwise the one in which new tables would be created."""
    row = cursor.execute("SELECT current_schema()").fetchone()
    home = next((table.schema for table in tables), row and row[0])
    if home is None:
        raise ConfigurationError("the search_path of the database role contains no schema to create tables in")
    return str(home)


def _users(takeover: Takeover) -> str:
    rows = takeover.cursor.execute(
        "SELECT DISTINCT format('%%s (%%L, process %%s)', usename, application_name, pid)"
        " FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE relation = ANY(%s) AND granted AND pid <> pg_backend_pid()",
        [[table.oid for table in takeover.odd]],
    ).fetchall()
    return ", ".join(text for (text,) in rows) or "a session that has ended since"
