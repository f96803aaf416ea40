"""What is published, described once: tables, views, comments, dictionary and lists of figures come from here."""

from __future__ import annotations

from bankadvisor_etl.tables.metricas import CAPTACION, METRICAS, SEGMENTADA
from bankadvisor_etl.tables.model import Column, PublishedTable, View
from bankadvisor_etl.tables.monthly_kpis import MONTHLY_KPIS
from bankadvisor_etl.tables.views import VIEWS

TABLES = (MONTHLY_KPIS, METRICAS, SEGMENTADA, CAPTACION)

__all__ = [
    "CAPTACION",
    "METRICAS",
    "MONTHLY_KPIS",
    "SEGMENTADA",
    "TABLES",
    "VIEWS",
    "Column",
    "PublishedTable",
    "View",
]
