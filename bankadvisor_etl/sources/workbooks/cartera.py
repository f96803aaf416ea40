"""cartera: the loan book of each bank by segment and stage, and its reserves (``CNBV_Cartera_Bancos_V2.xlsx``).

Before 202201 (before IFRS 9) "Etapa 1" is the performing portfolio and "Etapa 3" the past-due one, stages 2 and VR
are 0, and so is ``Cartera de Crédito Total Etapa todas``. ``Reservas Etapa todas`` is not the sum of the ``Res ...``
columns. The month is ``Cve_Periodo``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.sheet_table import Canonical, Field, figure, read_table
from bankadvisor_etl.sources.amounts import AMOUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading

FIELDS = (
    Field("Institucion", "codigo", parse.code, "an institution code"),
    Field("Cve_Periodo", "mes", parse.month_of_period, "a month (YYYYMM)"),
    *(Field(header, name, parse.number, "a number") for name, header in AMOUNTS.items()),
)

Cartera = type(
    "Cartera",
    (Canonical,),
    {
        "__doc__": "``codigo``, ``mes`` and the 35 amounts in MDP.",
        **{n: figure() for n in AMOUNTS},
    },
)


def read(path: Path) -> Reading:
    """Read the loan book: one row an institution and month, aggregates included.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a column is missing, a cell does not parse, or a key stands twice.
    """
    return read_table(path, "Sheet1", FIELDS, Cartera, tolerant=False)
