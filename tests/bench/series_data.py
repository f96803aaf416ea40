"""Writes a series of CNBV's layout and size, for the benchmark: 12.65 million rows, about 550 MB, and later editions.

58 entities x 2 saldos x 637 concepts over the months of each entity, up to 306. Close to half of the values are 0, as
in the published file; the others are pesos with the noise that binary sums leave, and ratios.
``python tests/bench/series_data.py FOLDER`` writes ``first.zip`` and ``next.zip``: a month more, 5,000 values restated.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

NAME = "sh_datos_40.csv"
HEADER = b'"sector","idconcepto","entidad","periodo","saldo","valor"\n'
ENTITIES, CONCEPTS, MONTHS, RESTATED = 58, 637, 306, 5_000
FIRST = 2000 * 12 + 11
CODES = ["5", "59", "60", *(f"{40002 + 3 * number:06}" for number in range(ENTITIES - 3))]
IDS = [*range(40_100_001, 40_100_001 + 500), *range(40_200_001, 40_200_001 + CONCEPTS - 500)]
LENGTHS = [MONTHS, *(int(length) for length in np.linspace(36, MONTHS, ENTITIES - 1).round())]
SALDOS = (130, 133)


def series(entity: int, saldo: int, months: int) -> np.ndarray:
    """The values of every concept (rows) in every month (columns) of an entity."""
    rng = np.random.default_rng([entity, saldo])
    shape = (CONCEPTS, MONTHS + 2)
    size = 10 ** rng.uniform(4, 11, (CONCEPTS, 1))
    values = np.round(size * (1 + 0.01 * rng.standard_normal(shape)).cumprod(axis=1))
    noisy = rng.random(shape) < 0.1
    values[noisy] = np.nextafter(values[noisy], np.inf)
    values[500:] = (values[500:] / 10 ** np.ceil(np.log10(np.maximum(values[500:], 1)))).round(8)
    values[rng.random(CONCEPTS) < 0.42] = 0.0
    values[rng.random(shape) < 0.05] = 0.0
    return values[:, MONTHS - LENGTHS[entity] : months]


def rows(entity: int, saldo: int, months: int, restated: np.ndarray) -> bytes:
    """The rows of an entity and saldo as CNBV writes them; the values at ``restated`` are 1 % higher and not 0."""
    values = series(entity, saldo, months).copy()
    for concept, month in restated:
        values[concept, month] = values[concept, month] * 1.01 + 1
    count = values.shape[1]
    numbers = np.arange(FIRST + months - count, FIRST + months)
    periods = [f"{number // 12}{number % 12 + 1:02}" for number in numbers]
    frame = pl.DataFrame(
        {
            "sector": pl.Series(np.full(count * CONCEPTS, 40, dtype=np.int32)),
            "idconcepto": pl.Series(np.tile(np.array(IDS, dtype=np.int32), count)),
            "entidad": pl.repeat(CODES[entity], count * CONCEPTS, eager=True),
            "periodo": pl.Series(periods).gather(np.repeat(np.arange(count), CONCEPTS)),
            "saldo": pl.Series(np.full(count * CONCEPTS, saldo, dtype=np.int32)),
            "valor": pl.Series(values.T.reshape(-1)),
        }
    )
    return frame.write_csv(include_header=False, quote_style="non_numeric").encode()


def write(file: BinaryIO, months: int = MONTHS, restated: int = 0) -> int:
    """Write a whole series and return its number of rows."""
    rng = np.random.default_rng(7)
    file.write(HEADER)
    count = 0
    share = -(-restated // (ENTITIES * len(SALDOS)))
    for entity in range(ENTITIES):
        for saldo in SALDOS:
            here = min(share, restated)
            restated -= here
            places = rng.choice(CONCEPTS * LENGTHS[entity], here, replace=False)
            file.write(rows(entity, saldo, months, np.column_stack(np.divmod(places, LENGTHS[entity]))))
            count += CONCEPTS * (LENGTHS[entity] + months - MONTHS)
    return count


def write_zip(path: Path, months: int = MONTHS, restated: int = 0) -> int:
    """Write the archive as CNBV publishes it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive, archive.open(NAME, "w") as file:
        return write(file, months, restated)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, months, restated in (("first.zip", MONTHS, 0), ("next.zip", MONTHS + 1, RESTATED)):
        count = write_zip(folder / name, months, restated)
        with zipfile.ZipFile(folder / name) as archive:
            (member,) = archive.infolist()
        print(f"{name}: {count:,} rows, {member.file_size / 1e6:,.0f} MB, packed {member.compress_size / 1e6:,.0f} MB")
