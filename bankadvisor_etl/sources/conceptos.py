"""The source ``conceptos``: CNBV's catalogue of the concepts of its series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.sources.series.catalogues import read_concepts

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> Extract:
    """Read it: ``id``, ``concepto`` (the label), ``nivel``, ``orden``.

    Raises:
        InputError: the file is missing, empty, binary, or larger than any catalogue.
        DataError: another header, a row that does not fit it, an invalid number, or a concept that appears twice.
    """
    rows = [(concept.id, concept.label, concept.level, concept.order) for concept in read_concepts(path)]
    schema = {"id": pl.Int64, "concepto": pl.String, "nivel": pl.Int64, "orden": pl.Int64}
    return Extract(pl.DataFrame(rows, schema=schema, orient="row"), len(rows))
