"""The figures of ``monthly_kpis`` by the source that feeds them, as described in ``tables``."""

from __future__ import annotations

from bankadvisor_etl.tables import MONTHLY_KPIS

FED_BY = MONTHLY_KPIS.fed_by
"""The figures of ``monthly_kpis`` by the source without which they cannot be computed."""

METRICS = MONTHLY_KPIS.figures
