"""The source ``boletin``: any number of CNBV's monthly bulletins, as one extract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.errors import DataError, EtlError
from bankadvisor_etl.formats.extract import REJECTS, Extract
from bankadvisor_etl.sources import bulletin
from bankadvisor_etl.sources.bulletin import CELLS, Bulletin
from bankadvisor_etl.sources.bulletin.layouts import SHEETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

FRAME = pl.Schema([*CELLS.items(), ("boletin", pl.Date), ("archivo", pl.String)])
"""The figures of a bulletin (``bulletin.CELLS``), the newest month of the bulletin, and its file."""


def read(path: Path) -> Extract:
    """Read a bulletin, as ``FRAME``; a refused sheet is set aside, and the others are read.

    A reject is a sheet: its ``row`` is the bulletin's month and the sheet's position in ``SHEETS`` (``20250703``), so
    that it is unique among bulletins; its reason names the cell.

    Raises:
        InputError: the file is missing, not a workbook, damaged or too large, or has none of the sheets.
    """
    try:
        found = bulletin.read(path)
    except DataError as error:
        return Extract(pl.DataFrame(schema=FRAME), 1, _rejects(None, [error]))
    frame = found.cells.with_columns(boletin=pl.lit(found.month), archivo=pl.lit(path.name))
    rows = found.cells.select("hoja", "fila").n_unique() + len(found.refused)
    return Extract(frame, rows, _rejects(found.month, found.refused), _missing(found))


def merged(extracts: Sequence[Extract]) -> Extract:
    """Combine the extracts of the bulletins."""
    return Extract(
        pl.concat([extract.frame for extract in extracts]),
        sum(extract.rows_read for extract in extracts),
        pl.concat([extract.rejects for extract in extracts]),
        tuple(dict.fromkeys(name for extract in extracts for name in extract.ignored)),
    )


def _missing(found: Bulletin) -> tuple[str, ...]:
    return tuple(f"sheet {sheet} is missing" for sheet in found.missing)


def _rejects(month: date | None, errors: Sequence[EtlError]) -> pl.DataFrame:
    rows = [
        {
            "row": _number(month, error.place.sheet or ""),
            "reason": str(error),
            "raw": pl.DataFrame([error.place.known()]).write_ndjson().strip(),
            "fault": True,
        }
        for error in errors
    ]
    return pl.DataFrame(rows, REJECTS)


def _number(month: date | None, sheet: str) -> int:
    places = [name.casefold() for name in SHEETS]
    compared = " ".join(sheet.split()).casefold()
    place = places.index(compared) if compared in places else 99
    return (month.year * 100 + month.month) * 100 + place if month else place
