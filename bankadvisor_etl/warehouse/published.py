"""What is published, as a run takes stock of it, and the names of the institutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.tables import MONTHLY_KPIS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg


def figures(cursor: psycopg.Cursor[Any]) -> bytes:
    """What is published, as CSV with headers: ``codigo``, ``mes``, ``banco_norm``, ``alertas`` (commas), figures."""
    statement = sql.SQL(
        "COPY (SELECT codigo_cnbv AS codigo, fecha AS mes, banco_norm, array_to_string(alertas, ',') AS alertas, {}"
        " FROM monthly_kpis) TO STDOUT (FORMAT csv, HEADER)"
    ).format(sql.SQL(", ").join(map(sql.Identifier, MONTHLY_KPIS.figures)))
    with cursor.copy(statement) as copy:
        return b"".join(copy)


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
