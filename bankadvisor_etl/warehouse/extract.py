"""Reads a whole table or view, for export to a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse.queries import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg


@dataclass(frozen=True)
class Field:
    """An extracted column: its name, its PostgreSQL type, and its comment."""

    name: str
    type: str
    comment: str | None


@dataclass(frozen=True)
class Extract:
    """A table or view: its columns, and its rows in key order."""

    fields: Sequence[Field]
    rows: Sequence[tuple[Any, ...]]


def extract(dsn: str, relation: str) -> Extract:
    """All rows as Python values, figures as ``float``, sorted by the first columns that identify a row.

    Raises:
        ConfigurationError: there is no such table or view.
        DatabaseError: the database is unreachable.
    """
    with reading(dsn) as cursor:
        fields = _fields(cursor, relation)
        values = sql.SQL(", ").join(
            sql.SQL("{}::float8" if field.type == "numeric" else "{}").format(sql.Identifier(field.name))
            for field in fields
        )
        query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(values, sql.Identifier(relation), _order(fields))
        return Extract(fields, cursor.execute(query).fetchall())


def copy_csv(dsn: str, relation: str) -> Iterator[bytes]:
    """The same rows as PostgreSQL's CSV, with a header; digits are exact.

    Raises:
        ConfigurationError: there is no such table or view.
        DatabaseError: the database is unreachable.
    """
    with reading(dsn) as cursor:
        fields = _fields(cursor, relation)
        query = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT (FORMAT csv, HEADER)")
        with cursor.copy(query.format(sql.Identifier(relation), _order(fields))) as copy:
            for block in copy:
                yield bytes(block)


def _fields(cursor: psycopg.Cursor[Any], relation: str) -> list[Field]:
    if not schema.existing(cursor, [relation]):
        raise ConfigurationError(
            f"{relation} is missing in this database: the owner of the tables has to run 'bankadvisor-etl adopt'"
        )
    found = cursor.execute(
        "SELECT attname, typname, col_description(attrelid, attnum) FROM pg_attribute"
        " JOIN pg_type t ON t.oid = atttypid WHERE attrelid = to_regclass(%s)"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [relation],
    )
    return [Field(*row) for row in found]


def _order(fields: Sequence[Field]) -> sql.Composable:
    names = [field.name for field in fields]
    keys = [name for name in ("run_id", "fecha", "banco_norm", "codigo_cnbv", "columna") if name in names] or names[:1]
    return sql.SQL(", ").join(map(sql.Identifier, keys))
