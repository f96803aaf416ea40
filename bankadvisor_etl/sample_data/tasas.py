"""CorporateLoan_CNBVDB.csv: commercial loans by month, bank, currency, state and size; pesos and percent.

Traps: Latin-1 bytes; quoted amounts with commas; codes padded with spaces; two kinds of date; a column
``Currency type`` always ``Pesos``; rates of 0 that count; one row in 800 is faulty: no rate, or above 100 %.
"""

from __future__ import annotations

from calendar import monthrange
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from bankadvisor_etl.sample_data.banks import BANCOS, Bank
from bankadvisor_etl.sample_data.series import periodos, stream
from bankadvisor_etl.sample_data.workbooks import writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

FILE = "CorporateLoan_CNBVDB.csv"
HEADER = (
    "Currency type,Corporate Size,State,State Code,Currency,Currecy Code,Institution,Institution Code,"
    "Monitoring Term,Funded,Total Portfolio,Perrformin Portfolio,Non Performing Portfolio,IMOR,"
    "Number of Customers,Number of loans,Average Rate,Average Term,Draw down Amount,Average Rate Median,"
    "Average Term Median,Etapa 1,Etapa 2,Etapa 3,Valor Razonable\r\n"
)
SIZES = ("PyME", "Grande", "Fideicomiso", '"Micro, pequeña"')
STATES = {
    "CIUDAD DE MÉXICO": 9,
    "JALISCO": 14,
    "MÉXICO": 15,
    "NUEVO LEÓN": 19,
    "QUERÉTARO": 22,
    "YUCATÁN": 31,
}
CURRENCIES = {"Moneda nacional": (14, 71, 12.4), "Moneda extranjera": (15, 28, 6.8), "UDIS": (30, 1, 5.2)}
"""Currency: its code, percent of the rows, usual rate."""
PADDED = ("{}", "{}", " {}", "{}", "{}", "{}", "{}  ", "{}", "{}", "{}", "{}")
POOL, BLOCK = 400, 50_000
"""Row endings generated per block; rows per block."""
LONG_DATE_EVERY, ZERO_SHARE, FAULT_EVERY, FIRST_FAULT = 40, 0.04, 800, 400
SCALES, FAULTS = (1, 30, 1_000, 50_000), ("", "", "", "250.5")


class Block(NamedTuple):
    """Rows of one month and currency; ``first`` counts from the start of the file."""

    periodo: int
    currency: str
    first: int
    rows: int


def write(directory: Path, seed: int, rows: int) -> Path:
    """Write ``rows`` rows, month by month; each combines the beginning of a bank and the ending of a loan group."""
    path, heads = directory / FILE, {currency: _heads(currency) for currency in CURRENCIES}
    with writing(path), path.open("wb") as file:
        file.write(HEADER.encode())
        for block in _blocks(rows):
            file.write(_lines(seed, block, heads[block.currency]))
    return path


def _blocks(rows: int) -> Iterator[Block]:
    """Distribute the rows over months and currencies, so that they add up exactly."""
    months, first = periodos(), 0
    for number, periodo in enumerate(months):
        reached = number * 100
        for currency, (_, percent, _) in CURRENCIES.items():
            reached += percent
            upto = rows * reached // (len(months) * 100)
            for start in range(first, upto, BLOCK):
                yield Block(periodo, currency, start, min(BLOCK, upto - start))
            first = upto


def _heads(currency: str) -> list[tuple[Bank, bytes]]:
    places = [f"Pesos,{size},{state},{code},{currency}" for size in SIZES for state, code in STATES.items()]
    lenders = [bank for bank in BANCOS if bank.cartera and any(bank.mezcla[:3])]
    number = CURRENCIES[currency][0]
    return [
        (bank, f"{place},{number},{bank.nombre},{padded.format(bank.codigo)},".encode("latin-1"))
        for bank in lenders
        for place, padded in zip(places, PADDED * len(places), strict=False)
    ]


def _lines(seed: int, block: Block, heads: list[tuple[Bank, bytes]]) -> bytes:
    rng, usual = stream(seed, "tasas", block.first), CURRENCIES[block.currency][2]
    pool = [_end(rng, _rate(rng, usual)) for _ in range(min(POOL, block.rows))]
    ends = pool + rng.choices(pool, k=block.rows - len(pool))
    for row in range((FIRST_FAULT - block.first) % FAULT_EVERY, block.rows, FAULT_EVERY):
        ends[row] = _end(rng, FAULTS[(block.first + row) // FAULT_EVERY % len(FAULTS)])
    starts = rng.choices([head for bank, head in heads if bank.opera(block.periodo)], k=block.rows)
    return b"".join(chain.from_iterable(zip(starts, _dates(block), ends, strict=True)))


def _dates(block: Block) -> list[bytes]:
    year, month = divmod(block.periodo, 100)
    day = monthrange(year, month)[1]
    short, long = f"{month}/{day}/{year % 100},".encode(), f"{month:02d}/{day}/{year},".encode()
    return [short if (block.first + row) % LONG_DATE_EVERY else long for row in range(block.rows)]


def _rate(rng: Random, usual: float) -> str:
    return "0" if rng.random() < ZERO_SHARE else f"{usual * rng.uniform(0.7, 1.5):.6f}"


def _end(rng: Random, rate: str) -> bytes:
    total = int(rng.choice(SCALES) * rng.uniform(200, 4_000))
    past_due, stage_2 = int(total * rng.uniform(0, 0.06)), int(total * rng.uniform(0, 0.03))
    customers, term = rng.randint(1, 90), rng.randint(3, 84)
    amounts = ",".join(map(_money, (total, total - past_due, past_due)))
    counted = f"{past_due / total:.4f},{customers},{customers + rng.randint(0, 60)}"
    stages = f"{total - past_due - stage_2},{stage_2},{past_due},0"
    middle = f"{rate},{term},{_money(total // 3)},{rate},{term}"
    return f"Sin apoyo,{amounts},{counted},{middle},{stages}\r\n".encode()


def _money(pesos: int) -> str:
    """Thousands with commas and therefore in quotes; smaller amounts with neither."""
    return f'"{pesos:,}"' if pesos >= 1_000 else str(pesos)  # noqa: PLR2004 - a thousand
