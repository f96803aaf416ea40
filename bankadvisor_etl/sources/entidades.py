"""The source ``entidades``: CNBV's catalogue of the institutions of its series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.sources.series.catalogues import read_entities

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> Extract:
    """Read it: ``codigo`` (canonical) and ``nombre``.

    Raises:
        InputError: the file is missing, empty, binary, or larger than any catalogue.
        DataError: another header, a row that does not fit it, an invalid number, or a code that appears twice.
    """
    rows = list(read_entities(path).items())
    return Extract(pl.DataFrame(rows, schema={"codigo": pl.String, "nombre": pl.String}, orient="row"), len(rows))
