"""castigos_comerciales: commercial write-offs again (``Castigos Comerciales.xlsx``), to hold against castigos.

In MDP; accumulated within the year up to 202409, the month's flow from 202410. The header is spelt as CNBV spells it.
One key (040165, 202402) stands twice: the second row is set aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.sheet_table import Canonical, Field, figure, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading

FIELDS = (
    Field("Institucion1", "codigo", parse.code, "an institution code"),
    Field("Fecha", "mes", parse.month_of_iso, "a date"),
    Field("CASTIGOS ACMULUADOS COMERCIAL", "castigos", parse.number, "a number"),
)


class CastigosComerciales(Canonical):
    """Commercial write-offs, MDP: of the year so far up to 202409, of the month from 202410."""

    castigos = figure()


def read(path: Path) -> Reading:
    """Read the write-offs: one row an institution and month.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a column is missing.
    """
    return read_table(path, "Sheet 1", FIELDS, CastigosComerciales, repeated_keys="set aside")
