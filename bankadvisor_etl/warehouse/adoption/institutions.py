"""The ids of the old ``instituciones``, by which other tables refer to a bank: banks known by name keep theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.warehouse.adoption import shapes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from bankadvisor_etl.warehouse.adoption.relations import Relation

NAMES = ("nombre_corto", "nombre_oficial")
INTEGERS = {"smallint", "integer", "bigint"}


def keep_ids(cursor: psycopg.Cursor[Any], old: Relation, new: sql.Identifier) -> list[str]:
    """Insert the institutions of ``old`` that the catalogue knows into ``new``, which is empty, with their old ids.

    No id of ``old`` is given to another institution: a join may find fewer rows than before, but no wrong ones.

    Returns:
        what was done, as sentences; none if ``old`` has no ids.
    """
    columns = shapes.read(cursor, old.oid).columns
    names = [name for name in NAMES if name in columns]
    if "id" not in columns or columns["id"].type not in INTEGERS or not names:
        return []
    rows = cursor.execute(
        sql.SQL("SELECT id, {} FROM {} WHERE id IS NOT NULL ORDER BY id").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), old.sql
        )
    ).fetchall()
    known, unknown = _recognise(rows)
    cursor.executemany(
        sql.SQL(
            "INSERT INTO {} (codigo_cnbv, banco_norm, nombre_oficial, nombre_corto, es_sistema, id)"
            " VALUES (%s, %s, %s, %s, %s, %s)"
        ).format(new),
        known,
    )
    last = max((row[0] for row in rows), default=0)
    if last > 0:
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [new.as_string(), last])
    facts = [f"{len(known)} of {len(rows)} institutions are known by name and keep their ids"]
    if unknown:
        facts.append(f"warning: not in the catalogue, so only in {old}: {', '.join(unknown)}")
    return facts


def keep_segments(cursor: psycopg.Cursor[Any], old: Relation, new: sql.Identifier) -> list[str]:
    """Give the segments of ``new`` the ids that they have in ``old``, by code; the others get higher ones.

    Nothing refers to ``new`` yet.

    Returns:
        what was done, as sentences; none if ``old`` has no ids or no codes.
    """
    columns = shapes.read(cursor, old.oid).columns
    if not {"id", "codigo"} <= columns.keys() or columns["id"].type not in INTEGERS:
        return []
    words = {"old": old.sql, "new": new}
    cursor.execute(sql.SQL("UPDATE {new} SET id = -id").format(**words))
    kept = cursor.execute(
        sql.SQL("UPDATE {new} n SET id = o.id FROM {old} o WHERE o.codigo::text = n.codigo AND o.id > 0").format(
            **words
        )
    ).rowcount
    cursor.execute(
        sql.SQL(
            "UPDATE {new} n SET id = m.last - n.id"
            " FROM (SELECT greatest(max(id), 0) AS last FROM {old}) AS m WHERE n.id < 0"
        ).format(**words)
    )
    cursor.execute(
        sql.SQL("SELECT setval(pg_get_serial_sequence(%s, 'id'), max(id)) FROM {new}").format(**words),
        [new.as_string()],
    )
    return [f"{kept} segments keep their ids"]


def _recognise(rows: Iterable[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The rows to insert, one per code, for names that the catalogue knows, and the names that it does not know."""
    from bankadvisor_etl.formats.parse import SISTEMA  # noqa: PLC0415 - the same
    from bankadvisor_etl.sources.catalogue import shipped, short_name  # noqa: PLC0415 - polars: slow to import

    entries = shipped().rows()
    by_name = {short_name(entry[2]): entry for entry in entries} | {entry[1]: entry for entry in entries}
    known: dict[str, tuple[Any, ...]] = {}
    unknown = []
    for number, *names in rows:
        texts = [str(name) for name in names if name]
        found = next(filter(None, (by_name.get(short_name(text)) for text in texts)), None)
        if found and found[0] not in known:
            code, short, official = found
            known[code] = (code, short, official, short, code == SISTEMA, number)
        else:
            unknown.append(next(iter(texts), str(number)))
    return list(known.values()), unknown
