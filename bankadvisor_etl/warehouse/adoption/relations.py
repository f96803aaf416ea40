"""Tables and views, identified by their oid, which does not change, and their move to the schema ``anterior``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

ANTERIOR = "anterior"

TABLE, PARTITIONED, VIEW, MATERIALIZED = "r", "p", "v", "m"
"""PostgreSQL's letters for the kinds of relations."""


@dataclass(frozen=True)
class Relation:
    """A table, view or sequence.

    Attributes:
        oid: its object identifier in PostgreSQL.
        schema: its schema when it was looked up.
        name: its name then.
        kind: PostgreSQL's letter for its kind.
    """

    oid: int
    schema: str
    name: str
    kind: str

    def __str__(self) -> str:
        """The qualified name, for messages."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> sql.Identifier:
        """The qualified name, for statements."""
        return sql.Identifier(self.schema, self.name)


def find(cursor: psycopg.Cursor[Any], oids: Iterable[int]) -> list[Relation]:
    """The relations with these oids, in the same order."""
    rows = cursor.execute(
        "SELECT c.oid, nspname, relname, relkind FROM unnest(%s::oid[]) WITH ORDINALITY AS given (oid, place)"
        " JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = relnamespace ORDER BY place",
        [list(oids)],
    )
    return [Relation(*row) for row in rows]


def visible(cursor: psycopg.Cursor[Any], names: Iterable[str]) -> dict[str, Relation]:
    """The relations of these names that are in the search path."""
    rows = cursor.execute(
        "SELECT to_regclass(quote_ident(name))::oid FROM unnest(%s::text[]) WITH ORDINALITY AS given (name, place)"
        " WHERE to_regclass(quote_ident(name)) IS NOT NULL ORDER BY place",
        [list(names)],
    ).fetchall()
    return {relation.name: relation for relation in find(cursor, [oid for (oid,) in rows])}


def hanging(cursor: psycopg.Cursor[Any], relations: Iterable[Relation]) -> list[Relation]:
    """The tables of the same schema that refer to these by a foreign key or inherit from them, directly or not.

    A table of another schema can stay where it is: its foreign key holds wherever the referenced table moves.
    """
    given = [relation.oid for relation in relations]
    rows = cursor.execute(
        "WITH RECURSIVE hangs (child, parent) AS ("
        "  SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f'"
        "  UNION SELECT inhrelid, inhparent FROM pg_inherits"
        "), beside AS ("
        "  SELECT child, parent FROM hangs JOIN pg_class c ON c.oid = child JOIN pg_class p ON p.oid = parent"
        "  WHERE c.relnamespace = p.relnamespace"
        "), reached (oid) AS ("
        "  SELECT unnest(%(given)s::oid[]) UNION SELECT child FROM beside JOIN reached ON parent = reached.oid"
        ") SELECT oid FROM reached WHERE oid <> ALL(%(given)s) ORDER BY oid",
        {"given": given},
    ).fetchall()
    return find(cursor, [oid for (oid,) in rows])


def count(cursor: psycopg.Cursor[Any], relation: Relation) -> int:
    """The number of rows of a table or view."""
    row = cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(relation.sql)).fetchone()
    return int(row[0]) if row else 0


def rename(cursor: psycopg.Cursor[Any], relation: Relation, name: str) -> Relation:
    """Rename a relation or an index within its schema."""
    cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(relation.sql, sql.Identifier(name)))
    return Relation(relation.oid, relation.schema, name, relation.kind)


def move(cursor: psycopg.Cursor[Any], relation: Relation) -> Relation:
    """Move a relation to ``anterior`` with its indexes, constraints, triggers and sequences.

    A name that is already in use there gets a number appended.
    """
    parts = cursor.execute(
        "SELECT %(oid)s::oid UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = %(oid)s"
        " UNION ALL SELECT objid FROM pg_depend JOIN pg_class s ON s.oid = objid AND relkind = 'S'"
        " WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass"
        " AND refobjid = %(oid)s AND deptype IN ('a', 'i')",
        {"oid": relation.oid},
    ).fetchall()
    for part in find(cursor, [oid for (oid,) in parts]):
        if (name := _free_name(cursor, part)) != part.name:
            rename(cursor, part, name)
    (relation,) = find(cursor, [relation.oid])
    cursor.execute(sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(relation.sql, sql.Identifier(ANTERIOR)))
    return Relation(relation.oid, ANTERIOR, relation.name, relation.kind)


def readers(cursor: psycopg.Cursor[Any], relations: Iterable[Relation]) -> list[str]:
    """The roles, quoted for SQL, that may read one of these, except the current one."""
    rows = cursor.execute(
        "SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END"
        " FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))"
        " WHERE oid = ANY(%s) AND privilege_type = 'SELECT' AND pg_get_userbyid(grantee) <> current_user ORDER BY 1",
        [[relation.oid for relation in relations]],
    )
    return [role for (role,) in rows]


def permissions(cursor: psycopg.Cursor[Any], old: Relation, new: Relation) -> list[str]:
    """The statements that grant a new view what was granted on an old relation, and give it the old owner if possible.

    That takes an owner with CREATE on the schema, or a superuser who runs the statements.
    """
    rows = cursor.execute(
        "SELECT format('GRANT %%s ON %%s TO %%s', privilege_type, %(new)s::text,"
        "  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END"
        "  || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
        "  FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))"
        "  WHERE oid = %(old)s AND pg_get_userbyid(grantee) <> current_user"
        " UNION ALL SELECT format('ALTER TABLE %%s OWNER TO %%I', %(new)s::text, pg_get_userbyid(relowner))"
        "  FROM pg_class WHERE oid = %(old)s AND pg_get_userbyid(relowner) <> current_user"
        "  AND (has_schema_privilege(relowner, %(schema)s, 'CREATE')"
        "   OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))",
        {"old": old.oid, "new": new.sql.as_string(), "schema": new.schema},
    )
    return [statement for (statement,) in rows]


def _free_name(cursor: psycopg.Cursor[Any], relation: Relation) -> str:
    row = cursor.execute(
        "SELECT candidate FROM generate_series(1, 1000) AS number,"
        " LATERAL (SELECT %(name)s || CASE number WHEN 1 THEN '' ELSE '_' || number END) AS named (candidate)"
        " WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        "  WHERE relname = candidate AND (nspname = %(anterior)s OR nspname = %(schema)s AND c.oid <> %(oid)s))"
        " LIMIT 1",
        {"name": relation.name, "schema": relation.schema, "oid": relation.oid, "anterior": ANTERIOR},
    ).fetchone()
    return str(row[0]) if row else relation.name
