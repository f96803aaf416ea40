"""tda: the adjusted delinquency rate of each bank (``TDA.xlsx``), in percent, from 200012.

The header is ``' TDA Cartera total'`` with a space before it. ``Fecha`` has day 02 all through 2022, so the month is
``cve_periodo``. Code 5 ends at 202212. From 202410 the published figure follows another method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.sheet_table import Canonical, Field, figure, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading

FIELDS = (
    Field("cve_institucion", "codigo", parse.code, "an institution code"),
    Field("cve_periodo", "mes", parse.month_of_period, "a month (YYYYMM)"),
    Field("TDA Cartera total", "tda", parse.number, "a number"),
)


class Tda(Canonical):
    """The adjusted delinquency rate of the whole portfolio, percent."""

    tda = figure()


def read(path: Path) -> Reading:
    """Read the adjusted delinquency rates: one row an institution and month.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a column is missing or a key stands twice.
    """
    return read_table(path, "Sheet1", FIELDS, Tda)
