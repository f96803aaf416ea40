"""castigos: write-offs and debt reliefs of each month (``CASTIGOS.xlsx``), in MDP, from 202201.

The workbook's other sheets are pivots. ``FECHA`` has day and month swapped in 138 rows, so the month is ``periodo``.
In 202501 and 202503 the columns of single segments are permuted; the two that are read here are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.sheet_table import Canonical, Field, figure, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading

FIELDS = (
    Field("institucion", "codigo", parse.code, "an institution code"),
    Field("periodo", "mes", parse.month_of_period, "a month (YYYYMM)"),
    Field("LIB_CASTIGOS_COMERC", "castigos", parse.number, "a number"),
    Field("QUITAS_COMER", "quitas", parse.number, "a number"),
)


class Castigos(Canonical):
    """Commercial write-offs (``castigos``) and reliefs (``quitas``) of the month, MDP; null where the cell is blank."""

    castigos = figure()
    quitas = figure()


def read(path: Path) -> Reading:
    """Read the write-offs: one row an institution and month.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a column is missing or a key stands twice.
    """
    return read_table(path, "CASTIGOS", FIELDS, Castigos)
