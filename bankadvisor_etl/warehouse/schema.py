"""The tables, as numbered SQL files; applied under the lock, and recorded when applied."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bankadvisor_etl import __version__
from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.warehouse.segments import prepare_segments
from bankadvisor_etl.warehouse.tables import prepare_tables, prepare_views

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

OLDEST_SERVER = 150_000
"""PostgreSQL 15, as libpq numbers it."""

TABLES = (
    "etl_runs",
    "monthly_kpis",
    "instituciones",
    "etl_run_sources",
    "etl_run_checks",
    "etl_rejects",
    "monthly_kpis_cambios",
    "cnbv_conceptos",
    "cnbv_series_valores",
    "cnbv_series_cambios",
    "conciliacion",
    "segmentos_cartera",
    "metricas_financieras",
    "metricas_financieras_cambios",
    "metricas_cartera_segmentada",
    "metricas_cartera_segmentada_cambios",
    "captacion",
    "captacion_cambios",
    "kpis_consolidados",
    "kpis_consolidados_cambios",
)

MARKS = {
    "monthly_kpis": "etl_run_id",
    "instituciones": "codigo_cnbv",
    "etl_runs": "invocation_id",
    "metricas_financieras": "fuente",
    "metricas_cartera_segmentada": "fuente",
    "captacion": "fuente",
}
"""For each table, a column that ours has and the replaced system's lacks."""


def prepare(cursor: psycopg.Cursor[Any]) -> None:
    """Apply the versions that this database lacks, and update tables and views; the lock has to be held.

    Raises:
        ConfigurationError: the database holds tables of another system, or was made by a newer version; or the
            server is too old.
        DatabaseError: a statement failed.
    """
    if (server := cursor.connection.info.server_version) < OLDEST_SERVER:
        raise ConfigurationError(f"PostgreSQL 15 or later is needed; this server is {server // 10_000}")
    applied = applied_versions(cursor)
    foreign = replaced(cursor) if applied else existing(cursor)
    if foreign:
        raise ConfigurationError(
            f"the database holds tables of the replaced system ({', '.join(foreign)}); nothing was touched: "
            "look at 'bankadvisor-etl adopt --dry-run', then run 'bankadvisor-etl adopt'"
        )
    versions = available()
    if unknown := applied - versions.keys():
        raise ConfigurationError(
            f"the database has version {max(unknown)} of the tables and this package knows {max(versions)}: upgrade it"
        )
    for version in sorted(versions.keys() - applied):
        apply(cursor, version)
    prepare_tables(cursor)
    prepare_segments(cursor)
    prepare_views(cursor)


def create(cursor: psycopg.Cursor[Any]) -> None:
    """Create our tables as in a new database, in the schema of the search path; nothing is recorded."""
    for statements in available().values():
        cursor.execute(statements)
    prepare_tables(cursor)


def replaced(cursor: psycopg.Cursor[Any]) -> list[str]:
    """Those of our tables that were replaced by another one: by the old job, if it still runs."""
    names = cursor.execute(
        "SELECT name FROM unnest(%s::text[], %s::text[]) AS ours (name, mark) WHERE to_regclass(name) IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(name) AND attname = mark)",
        [list(MARKS), list(MARKS.values())],
    )
    return [name for (name,) in names]


def apply(cursor: psycopg.Cursor[Any], version: int) -> None:
    """Apply one version and record it; applying it again changes nothing."""
    cursor.execute(available()[version])
    cursor.execute(
        "INSERT INTO etl_schema (version, etl_version) VALUES (%s, %s) ON CONFLICT (version) DO NOTHING",
        [version, __version__],
    )


def available() -> dict[int, bytes]:
    """The SQL of each version."""
    folder = files("bankadvisor_etl.warehouse") / "sql"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {int(name.split("_")[0]): (folder / name).read_bytes() for name in names}


def applied_versions(cursor: psycopg.Cursor[Any]) -> set[int]:
    """The versions that this database has; none if it has none of our tables."""
    row = cursor.execute("SELECT to_regclass('etl_schema')").fetchone()
    if row is None or row[0] is None:
        return set()
    return {version for (version,) in cursor.execute("SELECT version FROM etl_schema")}


def existing(cursor: psycopg.Cursor[Any], tables: Sequence[str] = TABLES) -> list[str]:
    """The names among ``tables`` that exist in the search path."""
    names = cursor.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL",
        [list(tables)],
    )
    return [name for (name,) in names]
