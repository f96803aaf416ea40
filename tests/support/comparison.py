"""Compares the published table with the oracle's, cell by cell."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

AMOUNTS = {
    "cartera_comercial_sin_gob",
    "quebrantos_comerciales",
    "reservas_etapa_todas",
    "reservas_variacion_mm",
}
NOT_FIGURES = (
    "id",
    "fecha",
    "codigo_cnbv",
    "institucion",
    "banco_norm",
    "alertas",
    "etl_run_id",
    "updated_at",
    "fuente",
    "fuente_icap",
)
GENERATED = ("pct_etapa_1", "pct_etapa_2", "pct_etapa_3", "quebrantos_cc")


def differences(
    published: Mapping[tuple[str, str], Mapping[str, Any]],
    expected: Mapping[tuple[dt.date, str], Mapping[str, Any]],
) -> tuple[int, list[str]]:
    """Compare the tables: the number of cells, and those that differ by more than one unit in the last digit."""
    oracle = {(f"{month:%Y%m}", code): row for (month, code), row in expected.items()}
    wrong = [f"only one table has {key}" for key in sorted(published.keys() ^ oracle.keys())]
    cells = 0
    for key in published.keys() & oracle.keys():
        row, right = published[key], oracle[key]
        columns = [name for name in row if name not in NOT_FIGURES + GENERATED]
        wrong += [f"{key} has no {name}" for name in right.keys() - row.keys()]
        wrong += [
            f"{key} {name}: {row[name]}, should be {right.get(name)}"
            for name in columns
            if not _same(row[name], right.get(name), _last_digit(name))
        ]
        if row["alertas"] != right["alertas"]:
            wrong.append(f"{key} alertas: {row['alertas']}, should be {right['alertas']}")
        if right.get("banco_norm", row["banco_norm"]) != row["banco_norm"]:
            wrong.append(f"{key} banco_norm: {row['banco_norm']}, should be {right['banco_norm']}")
        cells += len(columns) + 1
    return cells, wrong


def _last_digit(column: str) -> Decimal:
    amount = column in AMOUNTS or column.endswith("_total") or column.startswith("cartera_")
    ratio = column in {"pe_total", "icap_total", "tda_cartera_total"}
    return Decimal("1e-6") if amount and not ratio else Decimal("1e-8")


def _same(value: Decimal | None, right: float | None, tolerance: Decimal) -> bool:
    if value is None or right is None:
        return value is right is None
    return abs(value - Decimal(right)) <= tolerance
