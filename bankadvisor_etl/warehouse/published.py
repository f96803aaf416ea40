"""Reads what is published, for a run, and updates the names of the institutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.tables import MONTHLY_KPIS

MOVED = MONTHLY_KPIS.fed_by["cartera"]
"""The figures that come from the loan book alone."""

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg


def figures(cursor: psycopg.Cursor[Any]) -> bytes:
    """What is published, as CSV with headers.

    ``codigo``, ``mes``, ``banco_norm``, ``alertas`` (between commas), ``fuente``, and the figures.
    """
    statement = sql.SQL(
        "COPY (SELECT codigo_cnbv AS codigo, fecha AS mes, banco_norm, array_to_string(alertas, ',') AS alertas,"
        " fuente, {}"
        " FROM monthly_kpis) TO STDOUT (FORMAT csv, HEADER)"
    ).format(sql.SQL(", ").join(map(sql.Identifier, MONTHLY_KPIS.figures)))
    with cursor.copy(statement) as copy:
        return b"".join(copy)


@dataclass(frozen=True)
class Moved:
    """Published bank-months whose loan book comes from another source than before.

    Attributes:
        rows: how many.
        figures: how many of their figures change.
        largest: the largest relative change.
        where: its bank, month and column.
    """

    rows: int
    figures: int
    largest: float
    where: str


def moved(cursor: psycopg.Cursor[Any]) -> Moved:
    """The staged rows of ``monthly_kpis`` that change from one source to the other."""
    pairs = sql.SQL(", ").join(
        sql.SQL("({}, m.{name}, e.{name})").format(name, name=sql.Identifier(name)) for name in MOVED
    )
    row = cursor.execute(
        sql.SQL(
            "SELECT count(DISTINCT (fecha, codigo_cnbv)), count(columna) FILTER (WHERE anterior <> nuevo),"
            " coalesce(max(cambio), 0), (array_agg(concat_ws(' ', banco_norm, to_char(fecha, 'YYYYMM'), columna)"
            " ORDER BY cambio DESC NULLS LAST))[1] FROM (SELECT e.fecha, e.codigo_cnbv, e.banco_norm, v.*,"
            " abs(v.nuevo - v.anterior) / nullif(abs(v.anterior), 0) AS cambio"
            " FROM monthly_kpis_diferencias e JOIN monthly_kpis m USING (fecha, codigo_cnbv)"
            " CROSS JOIN LATERAL (VALUES {pairs}) AS v (columna, anterior, nuevo) WHERE m.fuente <> e.fuente) AS c"
        ).format(pairs=pairs)
    ).fetchone()
    assert row is not None  # noqa: S101 - count gives a row
    return Moved(int(row[0]), int(row[1]), float(row[2]), row[3] or "")


def count(cursor: psycopg.Cursor[Any]) -> int:
    """How many rows are published."""
    row = cursor.execute("SELECT count(*) FROM monthly_kpis").fetchone()
    assert row is not None  # noqa: S101 - count gives a row
    return int(row[0])


def withdraw_all(cursor: psycopg.Cursor[Any]) -> int:
    """Delete every published row, and return how many there were."""
    return cursor.execute("DELETE FROM monthly_kpis").rowcount


def publish_names(cursor: psycopg.Cursor[Any], rows: Iterable[tuple[str, str, str, bool]]) -> None:
    """Bring ``instituciones`` up to date: code, short name, official name, whether it is the system."""
    cursor.executemany(
        "INSERT INTO instituciones AS i (codigo_cnbv, banco_norm, nombre_oficial, nombre_corto, es_sistema)"
        " VALUES (%(code)s, %(short)s, %(official)s, %(short)s, %(system)s) ON CONFLICT (codigo_cnbv) DO UPDATE"
        " SET banco_norm = excluded.banco_norm, nombre_oficial = excluded.nombre_oficial,"
        " nombre_corto = excluded.nombre_corto, es_sistema = excluded.es_sistema"
        " WHERE (i.banco_norm, i.nombre_oficial, i.nombre_corto, i.es_sistema)"
        " IS DISTINCT FROM (excluded.banco_norm, excluded.nombre_oficial, excluded.nombre_corto, excluded.es_sistema)",
        [dict(zip(("code", "short", "official", "system"), row, strict=True)) for row in rows],
    )
