"""The rows of the old ``metricas_financieras`` and ``metricas_cartera_segmentada``, kept until a run replaces them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.tables import METRICAS, SEGMENTADA
from bankadvisor_etl.warehouse.adoption import shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from bankadvisor_etl.tables import PublishedTable
    from bankadvisor_etl.warehouse.adoption.relations import Relation

FILLED = {METRICAS.name: METRICAS, SEGMENTADA.name: SEGMENTADA}
SOURCE = "anterior"
"""``fuente`` of rows published by the replaced system."""

NUMBERS = ("numeric", "double precision", "real", "integer", "bigint", "smallint")


def keep_rows(cursor: psycopg.Cursor[Any], old: Mapping[str, Relation], home: str) -> list[str]:
    """Copy the figures of known institutions and segments from the old tables into the new ones, which are empty.

    Args:
        cursor: in the transaction of the takeover.
        old: the old tables, where they are now, by name; their ids mean the same as in the new tables.
        home: the schema of the new tables.

    Returns:
        what was done, as sentences.
    """
    steps = []
    for name, table in FILLED.items():
        if name in old and "instituciones" in old:
            steps += _copy(cursor, old[name], table, home)
    return steps


def _copy(cursor: psycopg.Cursor[Any], old: Relation, table: PublishedTable, home: str) -> list[str]:
    columns = shapes.read(cursor, old.oid).columns
    figures = [name for name in table.figures if name in columns and columns[name].type.startswith(NUMBERS)]
    keyed = {*table.match} <= columns.keys() and columns["fecha_corte"].type.startswith(("date", "time"))
    if not keyed or not figures:
        return [f"warning: {old} lacks key columns of {table.name}: its rows stay there"]
    known = (
        sql.SQL("{column} IN (SELECT id FROM {parent})").format(
            column=sql.Identifier("o", column), parent=sql.Identifier(home, parent)
        )
        for column, (parent, _) in table.lookups.items()
    )
    keys = [sql.Identifier("o", name) for name in table.match if name != "fecha_corte"]
    month = sql.SQL("date_trunc('month', o.fecha_corte)::date")
    statement = sql.SQL(
        "INSERT INTO {new} ({columns}) SELECT DISTINCT ON ({keys}) {keys}, {figures}, {source} FROM {old} o"
        " WHERE {known} AND o.fecha_corte IS NOT NULL ORDER BY {keys}, o.fecha_corte DESC"
    )
    names = [name for name in table.match if name != "fecha_corte"]
    copied = cursor.execute(
        statement.format(
            new=sql.Identifier(home, table.name),
            columns=sql.SQL(", ").join(map(sql.Identifier, [*names, "fecha_corte", *figures, "fuente"])),
            keys=sql.SQL(", ").join([*keys, month]),
            figures=sql.SQL(", ").join(
                sql.SQL("{}::{}").format(sql.Identifier("o", name), sql.SQL(table[name].type)) for name in figures
            ),
            source=sql.Literal(SOURCE),
            old=old.sql,
            known=sql.SQL(" AND ").join(known),
        )
    ).rowcount
    return [f"{copied} rows of {old} are also in {home}.{table.name}, until a run has them from CNBV"]
