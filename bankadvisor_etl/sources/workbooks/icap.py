"""icap: the capital ratios of each bank (``ICAP_Bancos.xlsx``), in percent, from 200601.

63 CCB cells of 202209 are formatted as dates; their serial is the value. 202404 is rounded to one decimal for most
banks. Small new banks really exceed 100 %. Code 5 is the official figure of the system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.sheet_table import Canonical, Field, figure, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading

FIELDS = (
    Field("Cve_Inst", "codigo", parse.code, "an institution code"),
    Field("FECHA", "mes", parse.month_of_iso, "a date"),
    Field("ICAP Total", "icap_total", parse.number_or_serial, "a number"),
    Field("CCB", "icap_ccb", parse.number_or_serial, "a number"),
    Field("CCF", "icap_ccf", parse.number_or_serial, "a number"),
)


class Icap(Canonical):
    """Capital ratios in percent: total, basic (``icap_ccb``) and fundamental (``icap_ccf``)."""

    icap_total = figure()
    icap_ccb = figure()
    icap_ccf = figure()


def read(path: Path) -> Reading:
    """Read the capital ratios: one row an institution and month.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a column is missing or a key stands twice.
    """
    return read_table(path, "ICAP Bancos", FIELDS, Icap)
