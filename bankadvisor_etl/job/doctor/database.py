"""Whether the database answers, has the tables, and grants what a run needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import EtlError
from bankadvisor_etl.job.doctor.diagnosis import bad, good
from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse.connection import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from bankadvisor_etl.job.doctor.diagnosis import Diagnosis

PRIVILEGES = {
    "etl_schema": "SELECT",
    "etl_runs": "SELECT INSERT UPDATE",
    "etl_run_sources": "SELECT INSERT UPDATE",
    "instituciones": "SELECT INSERT UPDATE",
    "etl_run_checks": "SELECT INSERT DELETE",
    "etl_rejects": "SELECT INSERT DELETE",
    "monthly_kpis_cambios": "SELECT INSERT",
    "monthly_kpis": "SELECT INSERT UPDATE DELETE",
    "kpis_consolidados_cambios": "SELECT INSERT",
    "kpis_consolidados": "SELECT INSERT UPDATE DELETE",
    "metricas_financieras_cambios": "SELECT INSERT",
    "metricas_financieras": "SELECT INSERT UPDATE DELETE",
    "metricas_cartera_segmentada_cambios": "SELECT INSERT",
    "metricas_cartera_segmentada": "SELECT INSERT UPDATE DELETE",
    "captacion_cambios": "SELECT INSERT",
    "captacion": "SELECT INSERT UPDATE DELETE",
    "segmentos_cartera": "SELECT",
    "conciliacion": "SELECT INSERT DELETE",
    "cnbv_series_cambios": "SELECT INSERT",
    "cnbv_series_valores": "SELECT INSERT DELETE",
    "cnbv_conceptos": "SELECT INSERT UPDATE",
}
"""The privileges that a run needs on each table; the same as the GRANTs in the manual."""


def examine_database(dsn: str) -> Iterator[Diagnosis]:
    """Connect, then look at the tables and at the privileges of the role."""
    try:
        with connect(dsn) as connection, transaction(connection) as cursor:
            yield _connection(cursor)
            yield _tables(cursor)
            yield _grants(cursor)
    except EtlError as error:
        yield bad("connection", str(error), "look at BANKADVISOR_DSN, at pgpass, and at the server")


def _connection(cursor: psycopg.Cursor[Any]) -> Diagnosis:
    info = cursor.connection.info
    answer = cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'").fetchone()
    where = (
        f"{info.dbname} on {info.host or 'the local socket'} as {info.user}, PostgreSQL {info.server_version // 10_000}"
    )
    if info.server_version < schema.OLDEST_SERVER:
        return bad("connection", where, "PostgreSQL 15 or later is needed")
    if answer and answer[0]:
        return bad(
            "connection", f"{where}, read-only", "name the primary; with two hosts, target_session_attrs=read-write"
        )
    return good("connection", where)


def _tables(cursor: psycopg.Cursor[Any]) -> Diagnosis:
    present = schema.existing(cursor, ["etl_schema"])
    if not present:
        if foreign := schema.existing(cursor):
            return bad("tables", f"of the replaced system: {', '.join(foreign)}", "bankadvisor-etl adopt --dry-run")
        return good("tables", "none yet, the first run creates them")
    # The role may lack SELECT on etl_schema; the line about the grants reports that.
    readable = cursor.execute("SELECT has_table_privilege('etl_schema', 'SELECT')").fetchone()
    if not (readable and readable[0]):
        return good("tables", "present; their version cannot be read")
    applied, known = max(schema.applied_versions(cursor)), max(schema.available())
    if applied > known:
        return bad("tables", f"version {applied}, this package knows {known}", "upgrade the package")
    return good("tables", f"version {applied}" + ("" if applied == known else f", the next run upgrades to {known}"))


def _grants(cursor: psycopg.Cursor[Any]) -> Diagnosis:
    missing = [
        f"{privilege} ON {table}"
        for table, privileges in PRIVILEGES.items()
        for privilege in privileges.split()
        if schema.existing(cursor, [table]) and not _has(cursor, "has_table_privilege(%s, %s)", table, privilege)
    ]
    if not _has(cursor, "has_database_privilege(current_database(), %s)", "TEMPORARY"):
        missing.append("TEMPORARY ON DATABASE")
    if not schema.existing(cursor, ["etl_schema"]) and not _has(
        cursor, "coalesce(has_schema_privilege(current_schema(), %s), false)", "CREATE"
    ):
        missing.append("CREATE ON SCHEMA public")
    if missing:
        return bad("grants", f"missing: {', '.join(missing)}", "GRANT them, see Roles in the manual")
    return good("grants", "all that a run needs")


def _has(cursor: psycopg.Cursor[Any], condition: str, *parameters: str) -> bool:
    row = cursor.execute("SELECT " + condition.replace("(%s, %s)", "(%s::text, %s)"), list(parameters)).fetchone()
    return bool(row and row[0])
