"""Runs one statement given by a person, so that it cannot write and, where the server allows it, has no side effects.

A read-only transaction is not enough: in it a superuser can still end sessions, create replication slots and write
over a separate connection (dblink). So the statement runs as a role that may only read. The statement could undo a
plain SET ROLE (``set_config('role', 'none', ...)``); inside a SECURITY DEFINER function PostgreSQL refuses to change
the role, however deep the call. The function is temporary and is rolled back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import generators, pq, sql
from psycopg.adapt import Transformer
from psycopg.types.json import set_json_loads

from bankadvisor_etl.errors import DatabaseError, DataError
from bankadvisor_etl.warehouse.connection import connect, set_timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

READERS = ("pg_read_all_data", "bankadvisor_reader")
"""Roles that may only read; the first one that the session may take is used."""

NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric", "oid", "money"}

SETTINGS = {"extra_float_digits": "1", "DateStyle": "ISO, MDY", "bytea_output": "hex", "client_encoding": "UTF8"}
"""These make the text of a value exact and reproducible."""

SHIELD = sql.SQL(
    "CREATE FUNCTION pg_temp.bankadvisor_query(text) RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER"
    " AS $$BEGIN RETURN QUERY EXECUTE $1; END$$"
)


@dataclass(frozen=True)
class Column:
    """A column of a result: its name, and its type: oid, name, and as written in SQL."""

    name: str
    oid: int
    type: str
    written: str

    @property
    def is_number(self) -> bool:
        """Whether its values are right-aligned."""
        return self.type in NUMBERS


@dataclass(frozen=True)
class Result:
    """What a statement returned.

    Attributes:
        columns: in order; names may repeat.
        texts: the rows, each value as PostgreSQL prints it.
        caution: what the statement could have done besides reading; None if nothing.
    """

    columns: Sequence[Column]
    texts: Sequence[Sequence[str | None]]
    caution: str | None

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def values(self) -> list[list[Any]]:
        """The rows as Python values with exact digits; what Python cannot represent stays text."""
        transformer = Transformer()
        set_json_loads(partial(json.loads, parse_float=Decimal), transformer)
        loaders = [transformer.get_loader(column.oid, pq.Format.TEXT) for column in self.columns]
        return [
            [None if text is None else _loaded(loader, text) for loader, text in zip(loaders, row, strict=True)]
            for row in self.texts
        ]


def query(dsn: str, statement: str) -> Result:
    """The rows of one statement that returns rows: SELECT, VALUES, TABLE, WITH, EXPLAIN, SHOW.

    It is sent with the extended protocol, which takes a single statement, so it cannot include a COMMIT; everything
    is rolled back.

    Raises:
        DataError: PostgreSQL refuses the statement, or it is not one that returns rows.
        DatabaseError: the connection was lost, or it took too long.
    """
    with connect(dsn) as connection:
        connection.autocommit = False
        connection.read_only = False
        try:
            with connection.cursor() as cursor:
                set_timeouts(cursor)
                _set(cursor, SETTINGS)
                shielded, caution = _become_reader(cursor)
                cursor.execute("SET TRANSACTION READ ONLY")
                columns = _describe(cursor, statement)
                texts = _rows(connection, statement, columns if shielded else None)
            connection.rollback()
        except psycopg.OperationalError as error:
            raise DatabaseError(f"PostgreSQL: {error}") from error
        except psycopg.Error as error:
            raise DataError(f"PostgreSQL refuses the query: {error}") from error
    return Result(columns, texts, caution)


def _become_reader(cursor: psycopg.Cursor[Any]) -> tuple[bool, str | None]:
    """Switch to a role that may only read; return whether the function protects it, and a caution if it does not."""
    role = _reader(cursor)
    if role is not None:
        try:
            with cursor.connection.transaction():
                _keep_search_path(cursor)
                cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
                cursor.execute(SHIELD)
        except psycopg.Error:  # no TEMP privilege, a standby, no plpgsql
            role = None
    if role is not None or _can_only_read(cursor):
        return role is not None, None
    row = cursor.execute("SELECT current_user").fetchone()
    return False, (
        f"the query ran with the rights of {row[0] if row else 'its role'}, in a read-only transaction: it could not "
        f"change a table, but could do whatever else that role may do; use a role that can only read, or one that may "
        f"SET ROLE {READERS[0]} and create temporary objects"
    )


def _reader(cursor: psycopg.Cursor[Any]) -> str | None:
    privilege = "SET" if cursor.connection.info.server_version >= 160_000 else "MEMBER"  # noqa: PLR2004 - PostgreSQL 16
    row = cursor.execute(
        "SELECT rolname FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (rolname, place)"
        " JOIN pg_roles USING (rolname)"
        " WHERE pg_has_role(pg_roles.oid, %s) AND NOT rolsuper ORDER BY place LIMIT 1",
        [list(READERS), privilege],
    ).fetchone()
    return str(row[0]) if row else None


def _keep_search_path(cursor: psycopg.Cursor[Any]) -> None:
    """Keep the session's search path and row visibility: an error is better than rows hidden by a policy."""
    row = cursor.execute(
        "SELECT (SELECT string_agg(quote_ident(name), ', ') FROM unnest(current_schemas(false)) AS name),"
        " rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    path, sees_all = row or ("", False)
    _set(cursor, {"search_path": path or ""} | ({"row_security": "off"} if sees_all else {}))


def _can_only_read(cursor: psycopg.Cursor[Any]) -> bool:
    """Whether the session's role cannot write and has none of the rights that are dangerous without writing."""
    row = cursor.execute(
        "SELECT NOT (rolsuper OR rolreplication OR rolcreaterole OR rolcreatedb)"
        " AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid <> me.oid AND r.rolname NOT LIKE 'pg\\_read\\_all\\_%'"
        "  AND r.rolname LIKE 'pg\\_%' AND pg_has_role(r.oid, 'MEMBER'))"
        " AND NOT EXISTS (SELECT FROM pg_class c WHERE relkind IN ('r', 'p', 'S') AND relpersistence <> 't'"
        "  AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')"
        "  AND (pg_has_role(relowner, 'MEMBER') OR CASE relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'UPDATE')"
        "   ELSE has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') END))"
        " FROM pg_roles me WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _describe(cursor: psycopg.Cursor[Any], statement: str) -> list[Column]:
    """The columns that a statement will return; it is parsed but not run.

    Raises:
        DataError: it returns no columns.
    """
    connection = cursor.connection
    connection.pgconn.send_prepare(b"", statement.encode())
    _fetched(connection)
    connection.pgconn.send_describe_prepared(b"")
    described = _fetched(connection)
    if described.nfields == 0:
        raise DataError("the query returns no rows: give a SELECT, VALUES, TABLE, WITH, EXPLAIN or SHOW")
    oids = [described.ftype(place) for place in range(described.nfields)]
    types = {
        oid: (name, written)
        for oid, name, written in cursor.execute(
            # A pseudo-type cannot be the type of a function's column, so it is shown as text.
            "SELECT oid, typname, CASE typtype WHEN 'p' THEN 'text' ELSE format_type(oid, -1) END FROM pg_type"
            " WHERE oid = ANY(%s)",
            [oids],
        )
    }
    names = [(described.fname(place) or b"").decode() for place in range(described.nfields)]
    return [Column(name, oid, *types[oid]) for name, oid in zip(names, oids, strict=True)]


def _rows(
    connection: psycopg.Connection[Any], statement: str, shielded: Sequence[Column] | None
) -> list[list[str | None]]:
    if shielded is None:
        connection.pgconn.send_query_params(statement.encode(), None)
    else:
        kinds = [sql.SQL("c{} {}").format(sql.SQL(str(n)), sql.SQL(c.written)) for n, c in enumerate(shielded)]
        outer = sql.SQL("SELECT * FROM pg_temp.bankadvisor_query($1) AS result ({})").format(sql.SQL(", ").join(kinds))
        text = _without_pseudotypes(statement, shielded)
        connection.pgconn.send_query_params(outer.as_bytes(connection), [text.encode()])
    result = _fetched(connection)
    return [
        [None if (value := result.get_value(row, place)) is None else value.decode() for place in range(result.nfields)]
        for row in range(result.ntuples)
    ]


def _without_pseudotypes(statement: str, columns: Sequence[Column]) -> str:
    """The statement with columns such as ``void`` and ``record`` cast to text; only a SELECT has such columns."""
    if all(column.written != "text" or column.type == "text" for column in columns):
        return statement
    names = ", ".join(f"c{n}" for n in range(len(columns)))
    values = ", ".join(f"c{n}::text" if column.written == "text" else f"c{n}" for n, column in enumerate(columns))
    inner = statement.strip().removesuffix(";")
    return f"SELECT {values} FROM ({inner}\n) AS result ({names})"  # noqa: S608 - running it is the purpose


def _fetched(connection: psycopg.Connection[Any]) -> pq.abc.PGresult:
    """The result of what was sent.

    Raises:
        psycopg.Error: PostgreSQL refuses it.
    """
    results: list[pq.abc.PGresult] = connection.wait(generators.execute(connection.pgconn))
    result = results[-1]
    if result.status == pq.ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result, connection.info.encoding)
    if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
        raise DataError("the query is not a SELECT, VALUES, TABLE, WITH, EXPLAIN or SHOW")
    return result


def _set(cursor: psycopg.Cursor[Any], settings: dict[str, str]) -> None:
    for name, value in settings.items():
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def _loaded(loader: Any, text: str) -> Any:
    try:
        return loader.load(text.encode())
    except (psycopg.Error, ValueError, OverflowError):  # 'infinity', the year 20000, BC dates
        return text
