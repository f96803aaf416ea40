"""The views over ``monthly_kpis``: each answers a question that is easy to get wrong on the table itself."""

from __future__ import annotations

from bankadvisor_etl.tables.model import View
from bankadvisor_etl.tables.monthly_kpis import MONTHLY_KPIS

_PLAIN = {column.name: (f"m.{column.name}", column.comment) for column in MONTHLY_KPIS.plain}

_FLOAT = {
    column.name: (
        f"m.{column.name}::double precision"
        if column.is_figure
        else "array_to_string(m.alertas, ',')"
        if column.kind == "list"
        else f"m.{column.name}",
        column.comment,
    )
    for column in MONTHLY_KPIS.plain
}

# A month is complete if SISTEMA has a loan book and so do nine of ten banks of the month before.
_MONTHS = """WITH conteo AS (
    SELECT fecha, bool_or('mes_repetido' = ANY (alertas)) AS repetido,
           count(*) FILTER (WHERE codigo_cnbv <> '5' AND cartera_total > 0) AS bancos,
           coalesce(bool_or(codigo_cnbv = '5' AND cartera_total > 0), false) AS hay_sistema
    FROM monthly_kpis GROUP BY fecha
), meses AS (
    SELECT fecha, hay_sistema AND NOT repetido
           AND bancos >= 0.9 * coalesce(lag(bancos) OVER (ORDER BY fecha), 0) AS completo
    FROM conteo
)"""

_CHANGES = {
    "run_id": ("c.run_id", "Corrida que cambió la cifra"),
    "cuando": ("r.completed_at", "Cuándo terminó esa corrida"),
    "fecha": ("c.fecha", "Mes de la cifra"),
    "banco_norm": ("c.banco_norm", "Banco de la cifra"),
    "columna": ("c.columna", "Columna de monthly_kpis"),
    "valor_anterior": ("c.valor_anterior", "La cifra como estaba publicada, en la unidad de su columna"),
    "valor_nuevo": ("c.valor_nuevo", "La cifra nueva; nula si se retiró"),
    "cambio_pct": (
        "round(100 * (c.valor_nuevo - c.valor_anterior) / nullif(abs(c.valor_anterior), 0), 4)",
        "Cambio relativo. Fórmula: 100 * (valor_nuevo - valor_anterior) / |valor_anterior|. Unidad: porcentaje",
    ),
}

VIEWS = (
    View(
        "bancos",
        "Cifras de cada banco y mes, sin SISTEMA: lo que se suma o se ordena por banco",
        _PLAIN,
        "FROM monthly_kpis m WHERE m.codigo_cnbv <> '5'",
        reads="monthly_kpis",
    ),
    View(
        "sistema",
        "Cifras del sistema completo, un renglón por mes",
        _PLAIN,
        "FROM monthly_kpis m WHERE m.codigo_cnbv = '5'",
        reads="monthly_kpis",
    ),
    View(
        "ultimo_mes",
        "Los bancos, sin SISTEMA, en el mes más reciente que está completo y no es copia del anterior (mes_repetido)",
        _PLAIN,
        "FROM monthly_kpis m WHERE m.codigo_cnbv <> '5' AND m.fecha = (SELECT max(fecha) FROM meses WHERE completo)",
        reads="monthly_kpis",
        before=_MONTHS,
    ),
    View(
        "cambios_recientes",
        "Cifras publicadas que cambiaron en los 31 días anteriores al último cambio, inclusive",
        _CHANGES,
        "FROM monthly_kpis_cambios c JOIN etl_runs r ON r.id = c.run_id WHERE r.started_at >= (SELECT max(started_at)"
        " FROM etl_runs WHERE id IN (SELECT run_id FROM monthly_kpis_cambios)) - interval '31 days'",
        reads="monthly_kpis_cambios",
    ),
    View(
        "monthly_kpis_float",
        "monthly_kpis en double precision, para pandas, polars y tableros; las alertas, separadas por comas",
        _FLOAT,
        "FROM monthly_kpis m",
        reads="monthly_kpis",
    ),
)
