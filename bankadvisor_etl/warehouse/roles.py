"""The read-only role of the private PostgreSQL."""

from __future__ import annotations

from psycopg import sql

from bankadvisor_etl.warehouse.connection import connect, transaction

READER = "bankadvisor_lector"


def make_reader(dsn: str) -> str:
    """Create the role that can only read, unless it exists; return its name.

    Raises:
        DatabaseError: the server refuses.
        ConfigurationError: the session may not create roles.
    """
    role = sql.Identifier(READER)
    with connect(dsn) as connection, transaction(connection) as cursor:
        there = cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [READER]).rowcount
        if not there:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE pg_read_all_data").format(role))
        cursor.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role))
    return READER
