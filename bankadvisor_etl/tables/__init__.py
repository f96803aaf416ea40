"""The single description of what is published, for tables, views, comments, the dictionary and lists of figures."""

from __future__ import annotations

from bankadvisor_etl.tables.metricas import CAPTACION, METRICAS, SEGMENTADA
from bankadvisor_etl.tables.model import Column, PublishedTable, View
from bankadvisor_etl.tables.monthly_kpis import KPIS_CONSOLIDADOS, MONTHLY_KPIS
from bankadvisor_etl.tables.views import VIEWS

TABLES = (MONTHLY_KPIS, KPIS_CONSOLIDADOS, METRICAS, SEGMENTADA, CAPTACION)
BY_NAME = {table.name: table for table in TABLES}

__all__ = [
    "BY_NAME",
    "CAPTACION",
    "KPIS_CONSOLIDADOS",
    "METRICAS",
    "MONTHLY_KPIS",
    "SEGMENTADA",
    "TABLES",
    "VIEWS",
    "Column",
    "PublishedTable",
    "View",
]
