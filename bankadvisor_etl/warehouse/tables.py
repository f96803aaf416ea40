"""Creates the published tables and views as ``bankadvisor_etl.tables`` describes them, and keeps them up to date.

If nothing differs, only the catalogue is read. A change can only be made by the owner of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.tables import TABLES, VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from bankadvisor_etl.tables import PublishedTable, View


def prepare_tables(cursor: psycopg.Cursor[Any]) -> None:
    """Create missing tables, each with the table that records its changes, add missing columns, update comments.

    A role that does not own a table leaves its comments as they are.

    Raises:
        psycopg.errors.InsufficientPrivilege: a column is missing, and the role does not own the table.
    """
    for table in TABLES:
        _prepare_table(cursor, table)
        if not _comments(cursor, table.changes):
            cursor.execute(table.changes_sql.encode())
            _renew_comments(cursor, "TABLE", table.changes, table.changes_comments, {})


def constrain(cursor: psycopg.Cursor[Any]) -> None:
    """Add missing late constraints; a role that does not own the table leaves that to the owner."""
    for table in TABLES:
        if not table.late:
            continue
        present = cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s)", [table.name])
        missing = table.late.keys() - {name for (name,) in present}
        if missing and _owns(cursor, table.name):
            added = ", ".join(f"ADD CONSTRAINT {name} {table.late[name]}" for name in sorted(missing))
            cursor.execute(f"ALTER TABLE {table.name} {added}".encode())


def prepare_views(cursor: psycopg.Cursor[Any]) -> None:
    """Create or update the views; roles that may read the table may read the view.

    If another object has the name, no view is created, and a role that may not create views leaves them to the owner:
    a run needs none of them, and ``missing_views`` reports them.
    """
    for view in VIEWS:
        _prepare_view(cursor, view)


def missing_views(cursor: psycopg.Cursor[Any]) -> list[str]:
    """The views that do not exist, or whose name another object has."""
    return [view.name for view in VIEWS if not _is_ours(cursor, view)]


def _prepare_table(cursor: psycopg.Cursor[Any], table: PublishedTable) -> None:
    comments = _comments(cursor, table.name)
    if not comments:
        cursor.execute(table.sql.encode())
        for name, columns in table.indexes.items():
            cursor.execute(f"CREATE INDEX {name} ON {table.name} {columns}".encode())
        comments = _comments(cursor, table.name)
    for column in table.columns:
        if column.name not in comments:
            cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.sql}".encode())
    if _owns(cursor, table.name):
        wanted = {"": table.description, **{column.name: column.comment for column in table.columns}}
        _renew_comments(cursor, "TABLE", table.name, wanted, comments)


def _prepare_view(cursor: psycopg.Cursor[Any], view: View) -> None:
    comments = _comments(cursor, view.name)
    wanted = {"": view.description, **{name: comment for name, (_, comment) in view.columns.items()}}
    if comments == wanted or not _may_make(cursor, view):
        return
    existing = tuple(name for name in comments if name)
    if existing and (not _is_ours(cursor, view) or not set(existing) <= view.columns.keys()):
        return
    cursor.execute(view.sql(existing).encode())
    _renew_comments(cursor, "VIEW", view.name, wanted, comments)
    if not existing:
        _let_in(cursor, view)


def _comments(cursor: psycopg.Cursor[Any], relation: str) -> dict[str, str | None]:
    """The comments of a relation's columns, in order, and its own under ""; empty if the relation is missing."""
    return dict(
        cursor.execute(
            "SELECT coalesce(attname, ''), d.description FROM pg_class c CROSS JOIN LATERAL (SELECT NULL AS attname,"
            " 0 AS attnum UNION ALL SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0"
            " AND NOT attisdropped) AS a LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = a.attnum"
            " AND d.classoid = 'pg_class'::regclass WHERE c.oid = to_regclass(%s) ORDER BY a.attnum",
            [relation],
        ).fetchall()
    )


def _renew_comments(
    cursor: psycopg.Cursor[Any], kind: str, relation: str, wanted: Mapping[str, str], present: Mapping[str, str | None]
) -> None:
    for name, text in wanted.items():
        if present.get(name) != text:
            what = sql.SQL("COLUMN {}").format(sql.Identifier(relation, name)) if name else None
            what = what or sql.SQL(kind + " {}").format(sql.Identifier(relation))
            cursor.execute(sql.SQL("COMMENT ON {} IS {}").format(what, text))


def _owns(cursor: psycopg.Cursor[Any], relation: str) -> bool:
    row = cursor.execute(
        "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(%s)", [relation]
    ).fetchone()
    return bool(row and row[0])


def _may_make(cursor: psycopg.Cursor[Any], view: View) -> bool:
    """Whether the role owns the table that the view reads and may create objects in its schema."""
    row = cursor.execute(
        "SELECT has_schema_privilege(relnamespace, 'CREATE') FROM pg_class WHERE oid = to_regclass(%s)", [view.reads]
    ).fetchone()
    return bool(row and row[0]) and _owns(cursor, view.reads)


def _is_ours(cursor: psycopg.Cursor[Any], view: View) -> bool:
    """Whether a view of that name exists and reads the same table as ours."""
    row = cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid"
        " AND d.classid = 'pg_rewrite'::regclass WHERE r.ev_class = to_regclass(%s) AND d.refobjid = to_regclass(%s))",
        [view.name, view.reads],
    ).fetchone()
    return bool(row and row[0])


def _let_in(cursor: psycopg.Cursor[Any], view: View) -> None:
    """Grant SELECT on the view to the roles that may read the table."""
    readers = cursor.execute(
        "SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(grantee::regrole::text) END"
        " FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(%s) AND privilege_type = 'SELECT'"
        " AND grantee <> relowner",
        [view.reads],
    ).fetchall()
    for (reader,) in readers:
        cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(view.name), sql.SQL(reader)))
