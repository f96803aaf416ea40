"""The old ``etl_runs``: extended in place, so that its ids, its history and references to it stay valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.warehouse.adoption import shapes
from bankadvisor_etl.warehouse.adoption.relations import TABLE, Relation, find, move, rename

if TYPE_CHECKING:
    import psycopg

    from bankadvisor_etl.warehouse.adoption.shapes import Column, Shape

STATES = ["running", "success", "failure", "dry_run"]
FAILURES = ["failed", "partial"]
"""The statuses of the replaced system that become ``failure``."""


def is_record(relation: Relation, shape: Shape) -> bool:
    """Whether a table is some form of ``etl_runs`` and not an unrelated table of that name."""
    return relation.kind == TABLE and {"id", "started_at", "status"} <= shape.columns.keys()


def refuse_ids(cursor: psycopg.Cursor[Any], table: Relation) -> None:
    """Refuse ids that do not identify a row: ids are kept, and new ones continue them.

    Raises:
        DataError: an id is null, not an integer, or appears twice.
    """
    row = cursor.execute(
        sql.SQL(
            "SELECT count(*) FILTER (WHERE id IS NULL),"
            " count(*) FILTER (WHERE id::text !~ '^-?[0-9]{{1,18}}([.]0+)?$'),"
            " min(id::text) FILTER (WHERE id::text !~ '^-?[0-9]{{1,18}}([.]0+)?$'),"
            " count(id) - count(DISTINCT id::text)"
            " FROM {}"
        ).format(table.sql)
    ).fetchone()
    nulls, odd, example, repeated = row or (0, 0, None, 0)
    faults = [f"{nulls} without an id"] if nulls else []
    faults += [f"{odd} whose id is not an integer, such as {example!r}"] if odd else []
    faults += [f"{repeated} with a repeated id"] if repeated else []
    if faults:
        raise DataError(
            f"{table} has rows that cannot be kept as they are: {', '.join(faults)}. Nothing was changed: give each "
            "row a unique integer in the column id, or delete it, and adopt again"
        )


def set_aside(cursor: psycopg.Cursor[Any], table: Relation) -> Relation:
    """Rename the table until it is extended, and put a copy in its place; return the copy."""
    passing = rename(cursor, table, f"{table.name}_en_adopcion")
    # With its primary key: a view that groups by it needs one.
    cursor.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING INDEXES)").format(table.sql, passing.sql))
    cursor.execute(sql.SQL("INSERT INTO {} TABLE {}").format(table.sql, passing.sql))
    row = cursor.execute("SELECT to_regclass(%s)::oid", [table.sql.as_string()]).fetchone()
    (copy,) = find(cursor, row or ())
    return copy


def extend(cursor: psycopg.Cursor[Any], table: Relation, ours: Shape) -> list[str]:
    """Give the table our columns, types and constraints; its rows and its additional columns stay.

    No trigger fires: ALTER TABLE changes the values together with the types.

    Returns:
        what was done, as sentences.
    """
    (passing,) = find(cursor, [table.oid])
    rename(cursor, passing, table.name)
    last = _release_sequence(cursor, table)
    _loosen(cursor, table, ours)
    facts = _convert(cursor, table, ours)
    _tighten(cursor, table, ours)
    following = _continue_ids(cursor, table, last)
    return [f"{table} is extended in place, and the next run is number {following}", *facts]


def _release_sequence(cursor: psycopg.Cursor[Any], table: Relation) -> int:
    """Move the sequence of ``id`` away, if the table owns it; return the last number that it produced."""
    rows = cursor.execute(
        "SELECT s.oid, pg_sequence_last_value(s.oid::regclass),"
        "  EXISTS (SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid"
        "   AND o.refobjid = adrelid AND o.deptype = 'a')"
        " FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid"
        " JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'"
        " JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum AND attname = 'id' WHERE adrelid = %s",
        [table.oid],
    ).fetchall()
    for oid, _, its_own in rows:
        if its_own:
            (sequence,) = find(cursor, [oid])
            cursor.execute(sql.SQL("ALTER SEQUENCE {} OWNED BY NONE").format(sequence.sql))
            move(cursor, sequence)
    return max((value or 0 for _, value, _ in rows), default=0)


def _loosen(cursor: psycopg.Cursor[Any], table: Relation, ours: Shape) -> None:
    """Remove what prevents the change, and add the missing columns."""
    checks = cursor.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %(oid)s AND contype = 'c' AND conkey && ARRAY("
        " SELECT attnum FROM pg_attribute WHERE attrelid = %(oid)s AND attname = ANY(%(ours)s))",
        {"oid": table.oid, "ours": list(ours.columns)},
    ).fetchall()
    actions = [sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)) for (name,) in checks]
    found = shapes.read(cursor, table.oid).columns
    for name, column in found.items():
        if name not in ours.columns:
            actions += [_column(name, "DROP NOT NULL")] if column.must_be_given else []
        elif column.default is not None:
            actions.append(_column(name, "DROP EXPRESSION" if column.generated else "DROP DEFAULT"))
    for name, column in ours.columns.items():
        if name not in found:
            actions.append(sql.SQL("ADD COLUMN {} {}").format(sql.Identifier(name), sql.SQL(column.type)))
    _change(cursor, table, actions)


def _convert(cursor: psycopg.Cursor[Any], table: Relation, ours: Shape) -> list[str]:
    """Give each column our type; what our columns cannot hold is appended to the row's ``error_message``."""
    found = shapes.read(cursor, table.oid).columns
    values = {name: _read_as(name, found[name], column) for name, column in ours.columns.items()}
    values["status"] = sql.SQL("lower(btrim({}))").format(values["status"])
    note = sql.SQL(
        "concat_ws('; ', CASE WHEN {completed_at} < {started_at} THEN 'completed_at was ' || {completed_at} END,"
        " CASE WHEN {started_at} IS NULL THEN 'started_at was null' END,"
        " CASE WHEN {status} = ANY({known}) THEN NULL ELSE 'status was ' || coalesce({status}, 'null') END)"
    ).format(**values, known=sql.Literal(STATES + FAILURES))
    facts = _facts(cursor, table, values["status"], note)
    actions = [
        sql.SQL("ALTER COLUMN {} TYPE {} USING {}").format(
            sql.Identifier(name), sql.SQL(ours.columns[name].type), value
        )
        for name, value in (values | _mended(values, note)).items()
    ]
    _change(cursor, table, actions)
    return facts


def _mended(values: dict[str, sql.Composed], note: sql.Composed) -> dict[str, sql.Composed]:
    """Values for the columns that have constraints, changed so that every row satisfies them."""
    parts = {
        **values,
        "note": note,
        "told": values["error_message"],
        "states": sql.Literal(STATES),
        "started": sql.SQL("coalesce({started_at}, {completed_at}, 'epoch')").format(**values),
    }
    return {
        name: sql.SQL(expression).format(**parts)
        for name, expression in {
            "status": "CASE WHEN {status} = ANY({states}) THEN {status} ELSE 'failure' END",
            "started_at": "{started}",
            "completed_at": "CASE WHEN {completed_at} < {started} THEN {started} ELSE {completed_at} END",
            "error_message": "CASE {note} WHEN '' THEN {told} ELSE concat_ws('; ', {told}, {note}) END",
        }.items()
    }


def _read_as(name: str, found: Column, ours: Column) -> sql.Composed:
    if (found.type, ours.type) == ("timestamp without time zone", "timestamp with time zone"):
        return sql.SQL("({} AT TIME ZONE 'UTC')").format(sql.Identifier(name))
    return sql.SQL("({}::{})").format(sql.Identifier(name), sql.SQL(ours.type))


def _facts(cursor: psycopg.Cursor[Any], table: Relation, status: sql.Composed, note: sql.Composed) -> list[str]:
    row = cursor.execute(
        sql.SQL(
            "SELECT count(*), count(*) FILTER (WHERE {status} = ANY({failures})), count(*) FILTER (WHERE {note} <> '')"
            " FROM {table}"
        ).format(status=status, failures=sql.Literal(FAILURES), note=note, table=table.sql)
    ).fetchone()
    rows, failures, noted = row or (0, 0, 0)
    facts = [f"its {rows} rows keep their ids, times are read as UTC, {failures} failed or partial become failure"]
    if noted:
        facts.append(
            f"warning: {noted} of them end before they begin, or have an unknown status; the error_message of each "
            "contains the old values"
        )
    return facts


def _tighten(cursor: psycopg.Cursor[Any], table: Relation, ours: Shape) -> None:
    """Add our defaults and constraints, and make way for our indexes."""
    found = shapes.read(cursor, table.oid)
    actions = []
    for name, column in ours.columns.items():
        actions.append(_column(name, "SET NOT NULL" if column.not_null else "DROP NOT NULL"))
        if column.default is not None:
            actions.append(_column(name, f"SET DEFAULT {column.default}"))
    _change(cursor, table, actions)
    identity = "SET GENERATED BY DEFAULT" if found.columns["id"].identity else "ADD GENERATED BY DEFAULT AS IDENTITY"
    actions = [_column("id", identity)]
    for name, text in ours.constraints.items():
        if text not in found.constraints.values():
            actions.append(sql.SQL("ADD CONSTRAINT {} {}").format(sql.Identifier(name), sql.SQL(text)))
    _change(cursor, table, actions)
    for name, text in ours.indexes.items():
        if found.indexes.get(name, text) != text:
            index = sql.Identifier(table.schema, name)
            cursor.execute(sql.SQL("ALTER INDEX {} RENAME TO {}").format(index, sql.Identifier(f"{name}_anterior")))


def _continue_ids(cursor: psycopg.Cursor[Any], table: Relation, last: int) -> int:
    """Make ``id`` continue after the highest number ever used; return the next one."""
    row = cursor.execute(
        sql.SQL(
            "SELECT sequence, greatest(%s, pg_sequence_last_value(sequence::regclass), (SELECT max(id) FROM {}))"
            " FROM pg_get_serial_sequence(%s, 'id') AS sequence"
        ).format(table.sql),
        [last, table.sql.as_string()],
    ).fetchone()
    assert row is not None  # noqa: S101 - a function always returns a row
    sequence, last = row
    if last:
        cursor.execute("SELECT setval(%s, %s)", [sequence, last])
    return last + 1


def _column(name: str, action: str) -> sql.Composed:
    return sql.SQL("ALTER COLUMN {} {}").format(sql.Identifier(name), sql.SQL(action))


def _change(cursor: psycopg.Cursor[Any], table: Relation, actions: list[sql.Composed]) -> None:
    if actions:
        cursor.execute(sql.SQL("ALTER TABLE {} {}").format(table.sql, sql.SQL(", ").join(actions)))
