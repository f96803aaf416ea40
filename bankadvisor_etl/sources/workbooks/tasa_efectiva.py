"""tasa_efectiva: the effective consumer rate of the system and of INVEX (``TE_Invex_Sistema.xlsx``), in percent.

Every second month, dated on the month's last day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dataframely as dy

from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.sheet_table import Field, figure, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading

SHEET = "Tasa efectiva considerando prom"
"""The only one of the published file; in a workbook without it, the first sheet is taken."""

FIELDS = (
    Field("Fecha1", "mes", parse.month_of_iso, "a date"),
    Field("Sistema", "tasa_sistema", parse.number, "a number"),
    Field("Invex Consumo", "tasa_invex_consumo", parse.number, "a number"),
)


class TasaEfectiva(dy.Schema):
    """Effective rates of a month, percent."""

    fila = dy.UInt32()
    mes = dy.Date(primary_key=True)
    tasa_sistema = figure()
    tasa_invex_consumo = figure()


def read(path: Path) -> Reading:
    """Read the effective rates: one row a month.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a column is missing or a month stands twice.
    """
    return read_table(path, SHEET, FIELDS, TasaEfectiva, else_first_sheet=True)
