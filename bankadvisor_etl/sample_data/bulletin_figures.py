"""The figures of the series and the bulletins besides the 35 amounts, by concept number.

Pesos, and ratios as fractions. The parts of the loan book add up to the invented amounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data.amounts import ETAPAS, RESERVA, SEGMENTOS, SIN_SEGMENTO
from bankadvisor_etl.sample_data.series import stream

if TYPE_CHECKING:
    from bankadvisor_etl.sample_data.amounts import Amounts

WHOLE = 40100185
TOTALES = {
    40100187: ("AE", 40200038, 40200098, 40200120),
    40100196: ("EF", 40200039, 40200099, 40200121),
    40100200: ("EG", 40200040, 40200100, 40200122),
    40100206: ("CO", 40200019, 40200101, 40200123),
    40100217: ("VI", 40200020, 40200112, 40200134),
}
"""Loan book of a segment: the segment, and the concepts of IMOR, ICOR and reserves."""

PARTES = {
    40100207: (40100206, 0.4, (40200041, 40200102, 40200124)),
    40100210: (40100206, 0.25, (40200044, 40200105, 40200127)),
    40100209: (40100206, 0.15, (40200043, 40200104, 40200126)),
    40100212: (40100206, 0.1, (40200046, 40200107, 40200129)),
    40100213: (40100206, 0.04, (40200047, 40200108, 40200130)),
    40100214: (40100206, 0.01, (40200048, 40200109, 40200131)),
    40100215: (40100206, 0.02, (40200049, 40200110, 40200132)),
    40100216: (40100206, 0.03, (40200050, 40200111, 40200133)),
    40100201: (40100200, 0.2, None),
    40100202: (40100200, 0.5, None),
    40100203: (40100200, 0.15, None),
    40100204: (40100200, 0.1, None),
    40100205: (40100200, 0.05, None),
}
"""A part of a segment: the whole, its share, and the concepts of its ratios."""

BALANCE = {40100001: 1.9, 40100051: 0.35, 40100042: 1.1, 40100002: 0.2}
"""Assets, investments, funding and equity as multiples of the loan book."""
RESULTADO, ROA, ROE = 40100013, 40200001, 40200002

LABELS = {
    40100001: "Activo",
    40100002: "Capital contable",
    40100013: "Resultado neto",
    40100042: "Captación total",
    40100051: "Inversiones en instrumentos financieros",
    40100185: "Cartera de crédito con riesgo de crédito",
    40100187: "Actividad empresarial o comercial",
    40100196: "Entidades financieras",
    40100200: "Entidades gubernamentales",
    40100201: "Créditos al gobierno federal",
    40100202: "Créditos a estados y municipios",
    40100203: "Créditos a empresas productivas del estado",
    40100204: "Créditos a organismos descentralizados o desconcentrados",
    40100205: "Otros",
    40100206: "Créditos de consumo",
    40100207: "Tarjeta de crédito",
    40100209: "Personales",
    40100210: "Nómina",
    40100212: "Automotriz",
    40100213: "Adquisición de bienes muebles",
    40100214: "Operaciones de arrendamiento financiero",
    40100215: "Microcréditos",
    40100216: "Otros créditos de consumo",
    40100217: "Créditos a la vivienda",
    40200001: "ROA",
    40200002: "ROE",
    40200017: "Índice de morosidad (IMOR) cartera de crédito total",
    40200096: "Índice de cobertura (ICOR) cartera de crédito total",
    40200118: "EPRC / (cartera etapa 1 + etapa 2 + etapa 3) de cartera de crédito total",
}
LABELS |= {concept: LABELS[amount] for amount, (_, *ratios) in TOTALES.items() for concept in ratios}
LABELS |= {concept: LABELS[amount] for amount, (_, _, ratios) in PARTES.items() for concept in ratios or ()}
"""Their labels in the catalogue of concepts."""


def figures(amounts: Amounts, codigo: str, periodo: int, seed: int) -> dict[int, float]:
    """The value of each concept; a ratio without a denominator has none."""
    found: dict[int, float] = {}
    for concept, (segmento, *ratios) in TOTALES.items():
        found[concept] = float(sum(amounts[segmento, etapa] for etapa in ETAPAS))
        found |= _ratios(amounts, (segmento,), tuple(ratios))
    for concept, (whole, share, ratios_of_part) in PARTES.items():
        found[concept] = float(int(found[whole] * share))
        if ratios_of_part and found[concept]:
            rng = stream(seed, "parte", codigo, periodo, concept)
            values = (rng.uniform(0, 0.1), rng.uniform(0.8, 3), rng.uniform(0, 0.1))
            found |= dict(zip(ratios_of_part, values, strict=True))
    found[WHOLE] = sum(found[concept] for concept in TOTALES)
    found |= _ratios(amounts, (*SEGMENTOS, SIN_SEGMENTO), (40200017, 40200096, 40200118))
    found |= {concept: float(int(found[WHOLE] * share)) for concept, share in BALANCE.items()}
    rng = stream(seed, "resultado", codigo, periodo)
    found[RESULTADO] = float(int(found[WHOLE] * rng.uniform(-0.002, 0.02)))
    found |= dict(zip((ROA, ROE), returns(codigo, periodo, seed), strict=True))
    return found


def returns(codigo: str, periodo: int, seed: int) -> tuple[float, float]:
    """ROA and ROE over twelve months, as fractions."""
    rng = stream(seed, "rendimiento", codigo, periodo)
    return rng.uniform(-0.01, 0.03), rng.uniform(-0.1, 0.25)


def _ratios(amounts: Amounts, segmentos: tuple[str, ...], concepts: tuple[int, ...]) -> dict[int, float]:
    """IMOR, ICOR and reserves over loans, without stage VR, as CNBV computes them."""
    loans, past_due = (
        sum(amounts[segmento, etapa] for segmento in segmentos for etapa in stages) for stages in (("1", "2", "3"), "3")
    )
    reserves = -sum(amounts[segmento, RESERVA] for segmento in segmentos)
    pairs = ((past_due, loans), (reserves, past_due), (reserves, loans))
    return {concept: over / under for concept, (over, under) in zip(concepts, pairs, strict=True) if under}
