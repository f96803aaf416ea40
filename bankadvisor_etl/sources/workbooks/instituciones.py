"""instituciones: the names that CNBV gives its codes (``Instituciones.xlsx``); some of them are stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dataframely as dy

from bankadvisor_etl.formats import parse
from bankadvisor_etl.formats.sheet_table import Field, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading

FIELDS = (
    Field("CLAVE", "codigo", parse.code, "an institution code"),
    Field("DESCRIPCION", "nombre", parse.words, "a name"),
)


class Instituciones(dy.Schema):
    """``codigo`` and its ``nombre``, as written."""

    fila = dy.UInt32()
    codigo = dy.String(primary_key=True)
    nombre = dy.String()


def read(path: Path) -> Reading:
    """Read the catalogue: one row an institution, aggregates included.

    Raises:
        InputError: the workbook cannot be read.
        DataError: a column is missing or a code stands twice.
    """
    return read_table(path, "Instituciones", FIELDS, Instituciones)
