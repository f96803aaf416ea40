"""The contents of a database, for comparisons, and copies of a database that is filled once."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    Kpis = Mapping[tuple[str, str], dict[str, Any]]

OUR_TABLES = (
    "etl_schema",
    "etl_runs",
    "instituciones",
    "etl_run_sources",
    "etl_run_checks",
    "etl_rejects",
    "monthly_kpis_cambios",
    "cnbv_conceptos",
    "cnbv_series_valores",
    "cnbv_series_cambios",
    "segmentos_cartera",
    "conciliacion",
    "monthly_kpis",
    "kpis_consolidados",
    "kpis_consolidados_cambios",
    "metricas_financieras",
    "metricas_financieras_cambios",
    "metricas_cartera_segmentada",
    "metricas_cartera_segmentada_cambios",
    "captacion",
    "captacion_cambios",
)


def ask(dsn: str, query: LiteralString, values: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def one(dsn: str, query: LiteralString, values: Sequence[object] | Mapping[str, object] = ()) -> Any:
    """The only value of a statement."""
    ((value,),) = ask(dsn, query, values)
    return value


def runs(dsn: str) -> list[dict[str, Any]]:
    """The rows of ``etl_runs``, the first run first."""
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM etl_runs ORDER BY id").fetchall()


def last_run(dsn: str) -> dict[str, Any]:
    """The newest row of ``etl_runs``."""
    return runs(dsn)[-1]


def kpis(dsn: str) -> dict[tuple[str, str], dict[str, Any]]:
    """``monthly_kpis`` by month (``202507``) and code."""
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        rows = connection.execute("SELECT * FROM monthly_kpis").fetchall()
    table = {(f"{row['fecha']:%Y%m}", row["codigo_cnbv"]): row for row in rows}
    assert len(table) == len(rows)
    return table


def changes(dsn: str, run_id: int) -> dict[tuple[str, str, str], tuple[Decimal | None, Decimal | None]]:
    """The figures that a run changed, by month, bank and column: old and new."""
    rows = ask(
        dsn,
        "SELECT to_char(fecha, 'YYYYMM'), banco_norm, columna, valor_anterior, valor_nuevo"
        " FROM monthly_kpis_cambios WHERE run_id = %s",
        [run_id],
    )
    return {(month, bank, column): (old, new) for month, bank, column, old, new in rows}


def figures(dsn: str) -> str:
    """A checksum of ``monthly_kpis``, without the run and the time of its rows."""
    return str(
        one(
            dsn,
            "SELECT count(*) || ' rows, ' || coalesce(md5(string_agg((to_jsonb(m) - 'id' - 'etl_run_id' - 'updated_at')"
            "::text, E'\n' ORDER BY fecha, codigo_cnbv)), 'empty') FROM monthly_kpis m",
        )
    )


def everything(dsn: str) -> dict[str, str]:
    """A checksum of each table in the search path, with all columns."""
    query = sql.SQL(
        "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\n' ORDER BY t::text)), '') FROM {} t"
    )
    with psycopg.connect(dsn) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
            )
        ]
        sums = [connection.execute(query.format(sql.Identifier(name))).fetchone() for name in names]
    return {name: str(row[0]) for name, row in zip(names, sums, strict=True) if row}


@contextmanager
def copy_of(template: str) -> Iterator[str]:
    """Copy a database without connections, yield the connection string of the copy, and drop it."""
    server = make_conninfo(template, dbname="postgres")
    name = sql.Identifier(f"test_{uuid.uuid4().hex}")
    source = sql.Identifier(conninfo_to_dict(template)["dbname"])
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(name, source))
    try:
        yield make_conninfo(template, dbname=name.as_string().strip('"'))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def changed_rows(before: Kpis, after: Kpis) -> dict[tuple[str, str], set[str]]:
    """For each row that differs, the columns that differ; the keys have to be the same."""
    assert before.keys() == after.keys()
    apart = {key: {name for name in row if row[name] != before[key][name]} for key, row in after.items()}
    return {key: names for key, names in apart.items() if names}
