"""Views over tables that are moved: their definitions are saved first, then recreated over the new tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.warehouse.adoption.relations import MATERIALIZED, Relation, find, permissions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DOES_NOT_COMPILE = (psycopg.ProgrammingError, psycopg.NotSupportedError, psycopg.DataError)


@dataclass(frozen=True)
class View:
    """A view as it was found.

    Attributes:
        relation: the view before the move.
        definition: its query with qualified names; they refer to whatever has these names when it is run.
        options: such as ``security_barrier=true``.
        filled: whether it is a materialized view with data.
        reads: the oids of the relations that it reads directly.
        after: the statements that complete it: comments, indexes, triggers, rules, grants, and its owner.
    """

    relation: Relation
    definition: str
    options: str
    filled: bool
    reads: frozenset[int]
    after: Sequence[str]

    def make(self, cursor: psycopg.Cursor[Any]) -> None:
        """Create it under its name, which has to be free."""
        if self.relation.kind == MATERIALIZED:
            self._execute(
                cursor, "CREATE MATERIALIZED VIEW", self.relation, "WITH DATA" if self.filled else "WITH NO DATA"
            )
        else:
            self._execute(cursor, "CREATE VIEW", self.relation)
        for statement in self.after:
            cursor.execute(statement.encode())

    def replace(self, cursor: psycopg.Cursor[Any], moved: Relation) -> None:
        """Replace the moved view with one that reads the current tables; the columns must keep their types.

        Raises:
            ConfigurationError: it is a materialized view, which cannot be replaced.
        """
        if self.relation.kind == MATERIALIZED:
            raise ConfigurationError(
                f"the materialized view {self.relation} reads a table whose columns change their types, which "
                "PostgreSQL forbids; nothing was changed: save its definition, drop it, and adopt again"
            )
        self._execute(cursor, "CREATE OR REPLACE VIEW", moved)

    def _execute(self, cursor: psycopg.Cursor[Any], create: str, relation: Relation, end: str = "") -> None:
        query = self.definition.strip().removesuffix(";")
        options = f" WITH ({self.options})" if self.options else ""
        cursor.execute(f"{create} {relation.sql.as_string()}{options} AS {query} {end}".encode())


def reading(cursor: psycopg.Cursor[Any], relations: Iterable[Relation]) -> list[View]:
    """The views that read these, directly or not, each after the views that it reads; the search path is empty."""
    given = [relation.oid for relation in relations]
    rows = cursor.execute(
        "WITH RECURSIVE reads (view, relation) AS ("
        "  SELECT DISTINCT ev_class, refobjid FROM pg_rewrite r JOIN pg_depend d"
        "  ON classid = 'pg_rewrite'::regclass AND objid = r.oid AND refclassid = 'pg_class'::regclass"
        "  WHERE rulename = '_RETURN' AND refobjid <> ev_class"
        "), reached (view, depth) AS ("
        "  SELECT view, 1 FROM reads WHERE relation = ANY(%(given)s)"
        "  UNION SELECT reads.view, depth + 1 FROM reads JOIN reached ON relation = reached.view WHERE depth < 100"
        ") SELECT oid, pg_get_viewdef(oid), coalesce(array_to_string(reloptions, ', '), ''), relispopulated,"
        "  ARRAY(SELECT relation FROM reads WHERE view = oid) FROM reached JOIN pg_class ON oid = view"
        " WHERE oid <> ALL(%(given)s) GROUP BY oid ORDER BY max(depth), oid",
        {"given": given},
    ).fetchall()
    found = find(cursor, [row[0] for row in rows])
    return [
        View(relation, definition, options, filled, frozenset(reads), _after(cursor, relation))
        for relation, (_, definition, options, filled, reads) in zip(found, rows, strict=True)
    ]


def make_again(cursor: psycopg.Cursor[Any], view: View) -> str | None:
    """Recreate a moved view over the current tables; if it does not compile, return why."""
    try:
        with cursor.connection.transaction():
            view.make(cursor)
    except psycopg.errors.InsufficientPrivilege:
        raise
    except DOES_NOT_COMPILE as error:
        return error.diag.message_primary or str(error)
    return None


def functions(cursor: psycopg.Cursor[Any], relations: Iterable[Relation]) -> list[str]:
    """The functions that depend on these relations themselves rather than on their names."""
    rows = cursor.execute(
        "SELECT DISTINCT objid::regprocedure::text FROM pg_class c JOIN pg_depend d"
        " ON refclassid = 'pg_class'::regclass AND refobjid = c.oid"
        " OR refclassid = 'pg_type'::regclass AND refobjid IN (c.reltype, (SELECT typarray FROM pg_type t"
        "  WHERE t.oid = c.reltype)) WHERE c.oid = ANY(%s) AND classid = 'pg_proc'::regclass ORDER BY 1",
        [[relation.oid for relation in relations]],
    )
    return [name for (name,) in rows]


def _after(cursor: psycopg.Cursor[Any], view: Relation) -> list[str]:
    kind = "MATERIALIZED VIEW" if view.kind == MATERIALIZED else "VIEW"
    name = view.sql.as_string()
    rows = cursor.execute(
        "SELECT format('COMMENT ON %%s %%s IS %%L', %(kind)s::text, %(name)s::text, description)"
        "  FROM pg_description WHERE objoid = %(oid)s AND classoid = 'pg_class'::regclass AND objsubid = 0"
        " UNION ALL SELECT format('COMMENT ON COLUMN %%s.%%I IS %%L', %(name)s::text, attname, description)"
        "  FROM pg_description JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid"
        "  WHERE objoid = %(oid)s AND classoid = 'pg_class'::regclass AND objsubid > 0"
        " UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %(oid)s"
        " UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %(oid)s AND NOT tgisinternal"
        " UNION ALL SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_class = %(oid)s AND rulename <> '_RETURN'",
        {"oid": view.oid, "kind": kind, "name": name},
    ).fetchall()
    return [*(statement for (statement,) in rows), *permissions(cursor, view, view)]
