"""Writes a series with CNBV's layout and size for the benchmark: 12.65 million rows, about 550 MB, and later editions.

58 entities x 2 saldos x 637 concepts over the months of each entity, up to 306. Close to half of the values are 0, as
in the published file; the others are pesos with the noise that binary sums leave, and ratios. The loan book adds up,
so that a run publishes it.
``python tests/bench/series_data.py FOLDER`` writes ``first.zip`` and ``next.zip``: one more month, 5,000 restatements.
"""

from __future__ import annotations

import sys
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from bankadvisor_etl.sources.amounts import SEGMENTS, STAGES
from bankadvisor_etl.transforms.from_series import CONCEPTS as AMOUNTS

NAME = "sh_datos_40.csv"
HEADER = b'"sector","idconcepto","entidad","periodo","saldo","valor"\n'
ENTITIES, CONCEPTS, MONTHS, RESTATED = 58, 637, 306, 5_000
FIRST = 2000 * 12 + 11
CODES = ["5", "59", "60", *(f"{40002 + 3 * number:06}" for number in range(ENTITIES - 3))]
IDS = [*range(40_100_001, 40_100_001 + 500), *range(40_200_001, 40_200_001 + CONCEPTS - 500)]
LENGTHS = [MONTHS, *(int(length) for length in np.linspace(36, MONTHS, ENTITIES - 1).round())]
SALDOS = (130, 133)
BANKS = range(3, ENTITIES)
SHARES = {"e1": 1.0, "e2": 0.03, "e3": 0.02, "vr": 0.005}
IMOR, ICOR, LOSS = 40_200_017, 40_200_096, 40_200_118
PLACES = {name: IDS.index(concept) for name, concept in AMOUNTS.items()}
FREE = [at for at, concept in enumerate(IDS) if concept not in {*AMOUNTS.values(), IMOR, ICOR, LOSS}]
"""The concepts that nothing else depends on."""


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
    _put_book(values, book(entity, saldo))
    return values[:, MONTHS - LENGTHS[entity] : months]


@lru_cache
def book(entity: int, saldo: int) -> dict[str, np.ndarray]:
    """The 35 amounts of an entity; those of the system are the sums of the banks'."""
    if entity == 0:
        banks = [book(bank, saldo) for bank in BANKS]
        return {name: np.sum([bank[name] for bank in banks], axis=0) for name in AMOUNTS}
    rng = np.random.default_rng([entity, saldo, 1])
    amounts: dict[str, np.ndarray] = {}
    there = np.arange(MONTHS + 2) >= MONTHS - LENGTHS[entity]
    for segment in SEGMENTS:
        walk = 10 ** rng.uniform(9, 11) * (1 + 0.01 * rng.standard_normal(MONTHS + 2)).cumprod() * there
        amounts |= {f"{segment}_{stage}": np.round(walk * SHARES[stage]) for stage in STAGES}
        amounts[f"res_{segment}"] = -np.round(walk * SHARES["e3"] * 1.5)
    for stage in STAGES:
        amounts[f"comercial_{stage}"] = amounts[f"ae_{stage}"] + amounts[f"ef_{stage}"] + amounts[f"eg_{stage}"]
        amounts[f"total_{stage}"] = amounts[f"comercial_{stage}"] + amounts[f"co_{stage}"] + amounts[f"vi_{stage}"]
    amounts["todas"] = np.sum([amounts[f"total_{stage}"] for stage in STAGES], axis=0)
    amounts["reservas"] = np.sum([amounts[f"res_{segment}"] for segment in SEGMENTS], axis=0)
    return amounts


def _put_book(values: np.ndarray, amounts: dict[str, np.ndarray]) -> None:
    """Overwrite the figures of the loan book and CNBV's ratios of it."""
    for name, at in PLACES.items():
        values[at] = amounts[name]
    loans = amounts["total_e1"] + amounts["total_e2"] + amounts["total_e3"]
    with np.errstate(invalid="ignore"):
        values[IDS.index(IMOR)] = amounts["total_e3"] / loans
        values[IDS.index(ICOR)] = -amounts["reservas"] / amounts["total_e3"]
        values[IDS.index(LOSS)] = -amounts["reservas"] / loans


def rows(entity: int, saldo: int, months: int, restated: np.ndarray) -> bytes:
    """The rows of an entity and saldo in CNBV's format; the values at ``restated`` are 1 % higher and not 0."""
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
            concepts, at = np.divmod(rng.choice(len(FREE) * LENGTHS[entity], here, replace=False), LENGTHS[entity])
            file.write(rows(entity, saldo, months, np.column_stack([np.array(FREE)[concepts], at])))
            count += CONCEPTS * (LENGTHS[entity] + months - MONTHS)
    return count


def write_zip(path: Path, months: int = MONTHS, restated: int = 0) -> int:
    """Write the archive in CNBV's format."""
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
