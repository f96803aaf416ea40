"""The queries of the verbs that only read, each in a read-only transaction."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse.connection import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import psycopg

RUN_COLUMNS = (
    "id",
    "started_at",
    "status",
    "duration_seconds",
    "rows_processed_base",
    "rows_inserted",
    "rows_updated",
    "rows_rejected",
    "warnings",
    "triggered_by",
    "error_message",
)

Table = tuple[list[str], list[tuple[Any, ...]]]
"""Names of columns, and rows."""


def last_runs(dsn: str, limit: int, status: str | None) -> Table:
    """The newest runs, the latest first: ``RUN_COLUMNS``."""
    statement = sql.SQL(
        "SELECT {} FROM etl_runs WHERE %s::text IS NULL OR status = %s ORDER BY id DESC LIMIT %s"
    ).format(sql.SQL(", ").join(map(sql.Identifier, RUN_COLUMNS)))
    with reading(dsn) as cursor:
        return _table(cursor.execute(statement, [status, status, limit]))


def one_run(dsn: str, run_id: int, rejects: int) -> dict[str, Any]:
    """One run: its row, ``sources``, ``checks`` (failed ones first), ``rejects`` (the first ones), ``changes``.

    Raises:
        ConfigurationError: there is no such run.
    """
    details = {
        "sources": "SELECT source, file_name, sha256, bytes, rows_read, rows_accepted, rows_rejected, seconds"
        " FROM etl_run_sources WHERE run_id = %(run)s ORDER BY source",
        "checks": "SELECT check_name, severity, passed, observed, expected, detail FROM etl_run_checks"
        " WHERE run_id = %(run)s ORDER BY passed, severity, check_name",
        "rejects": "SELECT source, row_number, reason, raw FROM etl_rejects WHERE run_id = %(run)s"
        " ORDER BY source, row_number LIMIT %(rejects)s",
        "changes": "SELECT columna, count(*) AS figures, min(fecha) AS first, max(fecha) AS last"
        " FROM monthly_kpis_cambios WHERE run_id = %(run)s GROUP BY columna ORDER BY figures DESC, columna",
    }
    wanted = {"run": run_id, "rejects": rejects}
    with reading(dsn) as plain, plain.connection.cursor(row_factory=dict_row) as cursor:
        run = cursor.execute("SELECT * FROM etl_runs WHERE id = %(run)s", wanted).fetchone()
        if run is None:
            raise ConfigurationError(f"there is no run {run_id}; see: bankadvisor-etl runs")
        return {
            **run,
            **{name: cursor.execute(query, wanted).fetchall() for name, query in details.items()},
        }


def changes(dsn: str, run_id: int | None, banco: str | None, since: date | None) -> Table:
    """Figures that runs changed, newest run first: old, new, and the relative change in percent."""
    with reading(dsn) as cursor:
        return _table(
            cursor.execute(
                "SELECT run_id, fecha, banco_norm, columna, valor_anterior, valor_nuevo,"
                " round(100 * (valor_nuevo - valor_anterior) / nullif(abs(valor_anterior), 0), 4) AS cambio_pct"
                " FROM monthly_kpis_cambios WHERE (%(run)s::bigint IS NULL OR run_id = %(run)s)"
                " AND (%(banco)s::text IS NULL OR banco_norm = upper(%(banco)s))"
                " AND (%(since)s::date IS NULL OR fecha >= %(since)s)"
                " ORDER BY run_id DESC, banco_norm, fecha, columna",
                {"run": run_id, "banco": banco, "since": since},
            )
        )


def state_after(dsn: str) -> dict[str, Any]:
    """The state after the newest run: counts, the newest month, the largest change, the new warnings."""
    with reading(dsn) as plain, plain.connection.cursor(row_factory=dict_row) as cursor:
        state = cursor.execute(
            "SELECT id AS run_id, status, coalesce(duration_seconds, 0) AS seconds,"
            " coalesce(rows_processed_base, 0) AS rows, coalesce(rows_inserted, 0) AS inserted,"
            " coalesce(rows_updated, 0) AS updated, phase = 'unchanged' AS unchanged,"
            " (SELECT count(*) FROM monthly_kpis_cambios WHERE run_id = r.id) AS figures,"
            " ARRAY(SELECT check_name FROM etl_run_checks WHERE run_id = r.id AND NOT passed AND NOT known"
            "  AND severity = 'warning' ORDER BY check_name) AS new_warnings"
            " FROM etl_runs r ORDER BY id DESC LIMIT 1"
        ).fetchone()
        months = cursor.execute(
            "SELECT fecha AS newest, count(*) FILTER (WHERE codigo_cnbv <> '5') AS banks,"
            " bool_or('mes_repetido' = ANY (alertas)) AS copied, (SELECT max(fecha) FROM monthly_kpis"
            "  WHERE NOT 'mes_repetido' = ANY (alertas)) AS whole"
            " FROM monthly_kpis GROUP BY fecha ORDER BY fecha DESC LIMIT 1"
        ).fetchone()
        largest = plain.execute(
            "SELECT banco_norm, columna, fecha, valor_anterior, valor_nuevo,"
            " 100 * (valor_nuevo - valor_anterior) / nullif(abs(valor_anterior), 0) AS pct FROM monthly_kpis_cambios"
            " WHERE run_id = (SELECT max(id) FROM etl_runs) ORDER BY abs(100 * (valor_nuevo - valor_anterior)"
            " / nullif(abs(valor_anterior), 0)) DESC NULLS LAST, fecha DESC, banco_norm, columna LIMIT 1"
        ).fetchone()
    nothing = {"newest": None, "banks": 0, "copied": False, "whole": None}
    return {**(state or {}), **(months or nothing), "largest": largest}


@contextmanager
def reading(dsn: str) -> Iterator[psycopg.Cursor[Any]]:
    """A read-only transaction in a database that has our tables.

    Raises:
        ConfigurationError: it has none.
        DatabaseError: the database is unreachable.
    """
    with connect(dsn) as connection:
        connection.read_only = True
        with transaction(connection) as cursor:
            if not schema.existing(cursor, ["etl_schema"]):
                raise ConfigurationError(
                    "the database has no tables of bankadvisor-etl; start with: bankadvisor-etl run"
                )
            yield cursor


def _table(cursor: psycopg.Cursor[Any]) -> Table:
    return [column.name for column in cursor.description or ()], cursor.fetchall()
