"""The regulator's own series (``sh_datos_csv_40.zip`` or the CSV in it): 12.65 million values from 200012 on.

``read`` returns it as arrays; ``encoding`` turns them into PostgreSQL's binary COPY.
Pesos; ratios as fractions. ``saldo`` 130 is the bank alone, 133 the bank with its consolidated SOFOMs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bankadvisor_etl.errors import DataError, Place
from bankadvisor_etl.sources.series import archive
from bankadvisor_etl.sources.series.archive import AGAIN
from bankadvisor_etl.sources.series.arrays import Series
from bankadvisor_etl.sources.series.cube import Cube
from bankadvisor_etl.sources.series.rows import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

FILES = ("sh_datos_csv_40.zip", archive.MEMBER)


def read(path: Path, newest: date) -> Series:
    """Read the whole series.

    Args:
        path: the archive or the CSV.
        newest: a day of the newest possible month: today.

    Raises:
        InputError: the file cannot be read, or the archive is not a plausible one.
        DataError: a row is faulty, a month is out of range, or a key appears twice.
    """
    cube = Cube(newest)
    for frame, first_row in archive.ahead(_frames(path)):  # polars also releases the GIL while it parses
        cube.add(frame, path.name, first_row)
    if not cube.rows:
        raise DataError("there is no row below the header", Place(path.name), AGAIN)
    series = Series.of(cube)
    if series.count != cube.rows:
        raise _twice(path, newest)
    return series


def _frames(path: Path) -> Iterator[tuple[pl.DataFrame, int]]:
    """The rows, and the number of the first one; a blank row ends a block, so that row numbers stay right."""
    row = 2
    for block in archive.blocks(path):
        frame = parse(block, path.name, row)
        if not frame["valor"].null_count():
            yield frame, row
        else:
            runs = frame.with_columns(blank=pl.col("valor").is_null(), row=pl.int_range(row, row + pl.len()))
            for run in runs.with_columns(run=pl.col("blank").rle_id()).filter(~pl.col("blank")).partition_by("run"):
                yield run.select(frame.columns), run["row"][0]
        row += frame.height


def _twice(path: Path, newest: date) -> DataError:
    """Read the file again to find the first key that appears twice."""
    cube = Cube(newest)
    seen = np.zeros(cube.values.size, dtype=bool)
    for frame, first_row in _frames(path):
        places = cube.places(frame, path.name, first_row)
        again = seen[places]
        again[np.setdiff1d(np.arange(len(places)), np.unique(places, return_index=True)[1])] = True
        if again.any():
            wrong = int(np.argmax(again))
            key = dict(zip(frame.columns, frame.row(wrong), strict=True))
            said = ", ".join(f"{name} {key[name]}" for name in ("entidad", "saldo", "idconcepto", "periodo"))
            return DataError("appears twice", Place(path.name, row=first_row + wrong, value=said), AGAIN)
        seen[places] = True
    return DataError("a key appears twice", Place(path.name), AGAIN)
