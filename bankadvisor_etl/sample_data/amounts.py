"""The portfolios and reserves behind every file, in whole pesos, so that sums are exact."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from bankadvisor_etl.sample_data.banks import BANCOS, Bank
from bankadvisor_etl.sample_data.series import IFRS9, periodos, stream, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

SEGMENTOS, ETAPAS, RESERVA = ("AE", "EF", "EG", "CO", "VI"), ("1", "2", "3", "VR"), "Res"
SIN_SEGMENTO = "-"
"""Reserves outside the segments: they make ``Reservas Etapa todas`` differ from the sum of the ``Res ...`` columns."""
A_VALOR_RAZONABLE = {
    ("040012", "AE"): 0.007,
    ("040012", "EF"): 0.02,
    ("040012", "CO"): 0.005,
    ("040002", "EG"): 0.1,
}
"""Share of a segment in stage VR: hardly any bank has loans in it."""

Amounts: TypeAlias = "Counter[tuple[str, str]]"
"""Pesos by (segment, stage), reserves by (segment, ``RESERVA``)."""
Cifras: TypeAlias = dict[tuple[str, int], Amounts]
"""Amounts by bank code and month."""


def simulate(seed: int) -> Cifras:
    """Amounts of every bank in every month in which it has a row; all zero if it does not operate."""
    return {key: amounts for bank in BANCOS for key, amounts in _bank(bank, seed).items()}


def total(many: Iterable[Amounts]) -> Amounts:
    """The exact sum of the given amounts."""
    result: Amounts = Counter()
    for amounts in many:
        result.update(amounts)
    return result


def consolidated(amounts: Amounts) -> Amounts:
    """The bank with its subsidiaries: 3 % more of everything."""
    return Counter({key: pesos * 103 // 100 for key, pesos in amounts.items()})


def _bank(bank: Bank, seed: int) -> Cifras:
    rng, trend, cifras = stream(seed, "cartera", bank.codigo), bank.cartera * 1_000_000.0, {}
    sizes, imors, *mixes = (walk(rng, step) for step in (0.012, 0.03, *[0.01] * len(SEGMENTOS)))
    for periodo in periodos(last=bank.hasta):
        active = bank.opera(periodo)
        size, imor = trend * next(sizes) * active, bank.imor * next(imors)
        shares = [size * percent / 100 * next(mix) for percent, mix in zip(bank.mezcla, mixes, strict=True)]
        trend *= 1 + bank.crece / 12 * active
        if periodo >= bank.desde:
            cifras[bank.codigo, periodo] = _amounts(bank.codigo, periodo, shares, imor)
    return cifras


def _amounts(codigo: str, periodo: int, shares: list[float], imor: float) -> Amounts:
    amounts: Amounts = Counter()
    staged = periodo >= IFRS9
    for segmento, size in zip(SEGMENTOS, shares, strict=True):
        e2, e3 = int(size * 0.019) * staged, int(size * imor)
        vr = int(size * A_VALOR_RAZONABLE.get((codigo, segmento), 0)) * staged
        stages = zip(ETAPAS, (int(size) - e2 - e3 - vr, e2, e3, vr), strict=True)
        amounts.update({(segmento, etapa): pesos for etapa, pesos in stages})
        amounts[segmento, RESERVA] = -int(size * 0.011 + e3 * 0.75)
    amounts[SIN_SEGMENTO, RESERVA] = -int(sum(shares) * 0.0007)
    return amounts
