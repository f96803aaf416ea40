"""What shape a table has and what shape ours has, both as PostgreSQL's catalogue tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.warehouse import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg


@dataclass(frozen=True)
class Column:
    """A column: its type, and where its value comes from.

    Attributes:
        type: as SQL writes it.
        not_null: whether it refuses null.
        identity: ``a`` always, ``d`` by default, else empty.
        generated: whether ``default`` is the expression that it is computed with.
        default: as SQL writes it.
    """

    type: str
    not_null: bool
    identity: str
    generated: bool
    default: str | None

    @property
    def must_be_given(self) -> bool:
        """Whether a row cannot be inserted without a value for it."""
        return self.not_null and not self.identity and self.default is None


@dataclass(frozen=True)
class Shape:
    """A table's columns, its constraints but for foreign keys, and its indexes: by name, as SQL writes them."""

    columns: Mapping[str, Column]
    constraints: Mapping[str, str]
    indexes: Mapping[str, str]

    def serves_as(self, ours: Shape) -> bool:
        """Whether it has all that ``ours`` has, and what it has besides asks for no value."""
        besides = self.columns.keys() - ours.columns.keys()
        return (
            all(self.columns.get(name) == column for name, column in ours.columns.items())
            and set(ours.constraints.values()) <= set(self.constraints.values())
            and not any(self.columns[name].must_be_given for name in besides)
        )


def ours(cursor: psycopg.Cursor[Any]) -> dict[str, Shape]:
    """The shape of each table of ours, read from tables that are made for it and are gone again."""
    with cursor.connection.transaction(force_rollback=True):
        cursor.execute("SET LOCAL search_path = pg_temp")
        schema.create(cursor)
        tables = cursor.execute(
            "SELECT relname, oid FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' ORDER BY oid"
        ).fetchall()
        return {name: read(cursor, oid) for name, oid in tables}


def read(cursor: psycopg.Cursor[Any], oid: int) -> Shape:
    """The shape of the table with this oid; of a view the columns."""
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
