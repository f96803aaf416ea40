"""What the report reads from the database: the figures, the last changes, and the findings of the last success."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.warehouse.queries import reading
from bankadvisor_etl.warehouse.tables import missing_views

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import psycopg

SEGMENTS = (
    "empresarial_total",
    "entidades_financieras_total",
    "entidades_gubernamentales_total",
    "cartera_consumo_total",
    "cartera_vivienda_total",
)
FIGURES = ("cartera_total", *SEGMENTS, "imor", "icap_total")

LAST_SUCCESS = "(SELECT max(id) FROM etl_runs WHERE status = 'success')"
CHANGES = 12
"""How many changes are listed one by one, the largest first."""


@dataclass(frozen=True)
class Row:
    """A bank-month: the figures by name, and the alerts."""

    month: date
    code: str
    bank: str
    figures: dict[str, float | None]
    alerts: Sequence[str]


@dataclass(frozen=True)
class Change:
    """A published figure changed by the last run that changed any; ``percent`` is of the old figure."""

    month: date
    bank: str
    column: str
    old: float
    new: float | None
    percent: float | None


@dataclass(frozen=True)
class Facts:
    """What is published and what is known about it.

    Attributes:
        rows: the figures, by month and code.
        month: the newest complete month that is not a copy of the one before, or None.
        run_id: the newest success.
        completed_at: when it ended.
        findings: its failed checks: name and what was observed.
        invented: whether the figures are sample data.
        changed_at: when the last run that changed figures ended; None if no run did.
        changed_figures: how many it changed; ``changed_banks``: of how many banks.
        changes: the largest of them.
    """

    rows: Sequence[Row]
    month: date | None
    run_id: int
    completed_at: datetime
    findings: Sequence[tuple[str, str]]
    invented: bool
    changed_at: datetime | None = None
    changed_figures: int = 0
    changed_banks: int = 0
    changes: Sequence[Change] = field(default_factory=tuple)


def facts(dsn: str) -> Facts:
    """Everything, in one snapshot.

    Raises:
        ConfigurationError: nothing was published yet, or a view is missing.
        DatabaseError: the database is unreachable.
    """
    with reading(dsn) as cursor:
        if "ultimo_mes" in missing_views(cursor):
            raise ConfigurationError(
                "the view ultimo_mes is missing: the owner of the tables has to run 'bankadvisor-etl adopt'"
            )
        last = cursor.execute(
            f"SELECT id, completed_at FROM etl_runs WHERE id = {LAST_SUCCESS}"  # noqa: S608 - a constant
        ).fetchone()
        rows = _rows(cursor)
        if last is None or not rows:
            raise ConfigurationError("nothing is published yet; start with: bankadvisor-etl run")
        month = cursor.execute("SELECT max(fecha) FROM ultimo_mes").fetchone()
        findings = cursor.execute(
            "SELECT check_name, observed FROM etl_run_checks WHERE run_id = %s AND NOT passed"
            " ORDER BY severity, check_name",
            [last[0]],
        ).fetchall()
        sample = cursor.execute(
            "SELECT EXISTS (SELECT FROM etl_run_sources WHERE run_id = %s AND source = 'sample')", [last[0]]
        ).fetchone()
        return Facts(
            rows=rows,
            month=month and month[0],
            run_id=last[0],
            completed_at=last[1],
            findings=findings,
            invented=bool(sample and sample[0]),
            **_changes(cursor),
        )


def _rows(cursor: psycopg.Cursor[Any]) -> list[Row]:
    figures = sql.SQL(", ").join(sql.SQL("{}::float8").format(sql.Identifier(name)) for name in FIGURES)
    found = cursor.execute(
        sql.SQL("SELECT fecha, codigo_cnbv, banco_norm, alertas, {} FROM monthly_kpis ORDER BY 1, 2").format(figures)
    )
    return [
        Row(month, code, bank, dict(zip(FIGURES, values, strict=True)), alerts)
        for month, code, bank, alerts, *values in found
    ]


def _changes(cursor: psycopg.Cursor[Any]) -> dict[str, Any]:
    summary = cursor.execute(
        "SELECT r.completed_at, count(*), count(DISTINCT c.banco_norm), c.run_id FROM monthly_kpis_cambios c"
        " JOIN etl_runs r ON r.id = c.run_id WHERE c.run_id = (SELECT max(run_id) FROM monthly_kpis_cambios)"
        " GROUP BY c.run_id, r.completed_at"
    ).fetchone()
    if summary is None:
        return {}
    *counts, run_id = summary
    with cursor.connection.cursor(row_factory=dict_row) as named:
        largest = named.execute(
            "SELECT fecha AS month, banco_norm AS bank, columna AS column, valor_anterior::float8 AS old,"
            " valor_nuevo::float8 AS new, cambio_pct::float8 AS percent FROM"
            " (SELECT *, 100 * (valor_nuevo - valor_anterior) / nullif(abs(valor_anterior), 0) AS cambio_pct"
            "  FROM monthly_kpis_cambios WHERE run_id = %s) AS c"
            " ORDER BY abs(cambio_pct) DESC NULLS LAST, fecha DESC, banco_norm, columna LIMIT %s",
            [run_id, CHANGES],
        ).fetchall()
    names = ("changed_at", "changed_figures", "changed_banks")
    return {**dict(zip(names, counts, strict=True)), "changes": [Change(**row) for row in largest]}
