"""Months, and repeatable series over them.

A month is an integer such as 202507 (CNBV's ``periodo``). Noise uses only sums and products: the last digit of
``exp`` and ``log`` differs between C libraries, which would change the bytes of the sample.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIMERO, ULTIMO, IFRS9 = 201701, 202507, 202201


def periodos(first: int = PRIMERO, last: int = ULTIMO) -> list[int]:
    """Every month from ``first`` to ``last``, both included."""
    start, stop = (p // 100 * 12 + p % 100 - 1 for p in (first, last))
    return [m // 12 * 100 + m % 12 + 1 for m in range(start, stop + 1)]


def stream(seed: int, *names: object) -> Random:
    """A separate generator for each purpose, so that the draws of one file never affect another."""
    return Random(" ".join(map(str, (seed, *names))))  # noqa: S311 - invented figures, not secrets


def walk(rng: Random, step: float) -> Iterator[float]:
    """Factors around 1 that drift by at most ``step`` a month and are pulled back: a smooth series."""
    drift = 0.0
    while True:
        drift = 0.92 * drift + rng.uniform(-step, step)
        yield 1 + drift
