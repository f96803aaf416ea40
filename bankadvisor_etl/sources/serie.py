"""The source ``serie``: CNBV's own series, as an extract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.sources import series
from bankadvisor_etl.sources.series.cube import FIRST_MONTH

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.series.arrays import Series


@dataclass(frozen=True, kw_only=True)
class SeriesExtract(Extract):
    """The whole series; ``frame`` has the months (``mes``) with any value."""

    series: Series


def read(path: Path) -> SeriesExtract:
    """Read the archive or the CSV.

    Raises:
        InputError: the file cannot be read, or the archive is not a plausible one.
        DataError: a row is faulty, a month has not begun, or a key appears twice.
    """
    found = series.read(path, datetime.now(UTC).date())
    months = np.flatnonzero(~np.isnan(found.values).all(axis=0)) + FIRST_MONTH
    frame = pl.DataFrame({"year": months // 12, "month": months % 12 + 1})
    return SeriesExtract(frame.select(mes=pl.date("year", "month", 1)), found.count, series=found)
