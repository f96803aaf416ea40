"""The shape of an existing table and of ours, both read from PostgreSQL's catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.warehouse import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg


@dataclass(frozen=True)
class Column:
    """A column: its type and how it gets its value.

    Attributes:
        type: as in SQL.
        not_null: whether it refuses null.
        identity: ``a`` for always, ``d`` for by default, otherwise empty.
        generated: whether ``default`` is the expression of a generated column.
        default: as in SQL.
    """

    type: str
    not_null: bool
    identity: str
    generated: bool
    default: str | None

    @property
    def must_be_given(self) -> bool:
        """Whether an INSERT has to give it a value."""
        return self.not_null and not self.identity and self.default is None


@dataclass(frozen=True)
class Shape:
    """A table's columns, constraints (except foreign keys) and indexes: by name, as in SQL."""

    columns: Mapping[str, Column]
    constraints: Mapping[str, str]
    indexes: Mapping[str, str]

    def serves_as(self, ours: Shape) -> bool:
        """Whether it has all that ``ours`` has, and its additional columns need no value."""
        besides = self.columns.keys() - ours.columns.keys()
        return (
            all(self.columns.get(name) == column for name, column in ours.columns.items())
            and set(ours.constraints.values()) <= set(self.constraints.values())
            and not any(self.columns[name].must_be_given for name in besides)
        )


def ours(cursor: psycopg.Cursor[Any]) -> dict[str, Shape]:
    """The shape of each of our tables, read from temporary copies."""
    with cursor.connection.transaction(force_rollback=True):
        cursor.execute("SET LOCAL search_path = pg_temp")
        schema.create(cursor)
        tables = cursor.execute(
            "SELECT relname, oid FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' ORDER BY oid"
        ).fetchall()
        return {name: read(cursor, oid) for name, oid in tables}


def read(cursor: psycopg.Cursor[Any], oid: int) -> Shape:
    """The shape of the table with this oid; for a view, only the columns."""
    columns = cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated <> '',"
        " pg_get_expr(adbin, adrelid) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [oid],
    ).fetchall()
    constraints = cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s AND contype IN ('p', 'u', 'c')",
        [oid],
    ).fetchall()
    indexes = cursor.execute(
        "SELECT relname, substring(pg_get_indexdef(indexrelid) FROM ' USING .*')"
        " FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
        " WHERE indrelid = %s AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [oid],
    ).fetchall()
    return Shape({name: Column(*rest) for name, *rest in columns}, dict(constraints), dict(indexes))
