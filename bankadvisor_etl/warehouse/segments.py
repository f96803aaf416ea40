"""``segmentos_cartera``: the segments of the loan book, as ``sources.segments`` describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bankadvisor_etl.sources.segments import SEGMENTS, Segment

if TYPE_CHECKING:
    import psycopg


def prepare_segments(cursor: psycopg.Cursor[Any]) -> None:
    """Insert missing segments and update names; ids do not change."""
    rows = [(segment.code, segment.name, described(segment)) for segment in SEGMENTS]
    there = cursor.execute("SELECT codigo, nombre, descripcion FROM segmentos_cartera").fetchall()
    for row in rows:
        if row not in there:
            cursor.execute(
                "INSERT INTO segmentos_cartera (codigo, nombre, descripcion) VALUES (%s, %s, %s)"
                " ON CONFLICT (codigo) DO UPDATE SET nombre = excluded.nombre, descripcion = excluded.descripcion",
                row,
            )


def described(segment: Segment) -> str:
    """Where the figures of a segment come from, in Spanish."""
    concepts = " + ".join(map(str, segment.balance))
    return (
        f"Boletín, hoja {segment.sheet}; serie, {'concepto' if len(segment.balance) == 1 else 'conceptos'} {concepts}"
    )
