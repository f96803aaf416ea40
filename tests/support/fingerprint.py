"""The contents of a database, for comparison: its relations with their definitions, and every row."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

RELATIONS = """
    SELECT c.oid, n.nspname, relname, relkind, relacl::text, relowner, reloptions, nspacl::text,
           CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
           CASE WHEN relkind = 'i' THEN pg_get_indexdef(c.oid) END,
           CASE WHEN relkind = 'S' THEN pg_sequence_last_value(c.oid::regclass) END,
           ARRAY(SELECT (attname, atttypid::regtype, atttypmod, attnotnull, attidentity, attgenerated,
                         pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))::text
                 FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
           ARRAY(SELECT (conname, pg_get_constraintdef(oid))::text FROM pg_constraint
                 WHERE conrelid = c.oid ORDER BY 1),
           ARRAY(SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal ORDER BY 1),
           obj_description(c.oid, 'pg_class')
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY n.nspname, relname
"""


def fingerprint(dsn: str) -> dict[str, tuple[Any, ...]]:
    """Each relation by name, as in the catalogue, with a checksum of its rows last."""
    with psycopg.connect(dsn, row_factory=tuple_row) as connection:
        relations = connection.execute(RELATIONS).fetchall()
        return {
            f"{schema}.{name}": (oid, *rest, _rows(connection, schema, name) if rest[0] in "rvm" else None)
            for oid, schema, name, *rest in relations
        }


def rows(dsn: str, relation: str) -> list[tuple[Any, ...]]:
    """All rows of a relation, as text and sorted."""
    query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(*relation.split(".")))
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def shape(dsn: str, table: LiteralString) -> dict[str, Any]:
    """A table according to ``information_schema`` and the catalogue: columns, constraints, indexes, comments."""
    with psycopg.connect(dsn) as connection:
        columns = connection.execute(
            "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable,"
            " column_default, is_identity, identity_generation, is_generated, generation_expression,"
            " col_description(to_regclass(%(table)s), ordinal_position::int)"
            " FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %(table)s",
            {"table": table},
        ).fetchall()
        constraints = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = to_regclass(%s)"
            " AND contype <> 'n'",
            [table],
        ).fetchall()
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = %s", [table]
        ).fetchall()
        comment = connection.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [table]).fetchone()
    return {
        "columns": {name: facts for name, *facts in columns},
        "constraints": dict(constraints),
        "indexes": dict(indexes),
        "comment": comment,
    }


def _rows(connection: psycopg.Connection[Any], schema: str, name: str) -> str:
    query = sql.SQL(
        "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\n' ORDER BY t::text)), '') FROM {} t"
    )
    row = connection.execute(query.format(sql.Identifier(schema, name))).fetchone()
    return str(row[0]) if row else ""
