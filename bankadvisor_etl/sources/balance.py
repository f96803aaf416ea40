"""The figures of an institution's balance and of its segments: CNBV's concepts and their labels in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.errors import DataError, Place
from bankadvisor_etl.sources.bulletin.cells import label
from bankadvisor_etl.sources.segments import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOLE = 40100185
"""The whole loan book; it has no rows before 202201, but the stages do."""

AMOUNTS = {
    "activo_total": 40100001,
    "inversiones_financieras": 40100051,
    "cartera_total": WHOLE,
    "captacion_total": 40100042,
    "capital_contable": 40100002,
    "resultado_neto": 40100013,
}
RATIOS = {
    "roa_12m": 40200001,
    "roe_12m": 40200002,
    "imor": 40200017,
    "icor": 40200096,
    "perdida_esperada": 40200118,
}
SEGMENT_RATIOS = ("imor", "icor", "perdida_esperada")

LABELS = {
    40100001: "Activo",
    40100051: "Inversiones en instrumentos financieros",
    WHOLE: "Cartera de crédito con riesgo de crédito",
    40100042: "Captación total",
    40100002: "Capital contable",
    40100013: "Resultado neto",
    40200001: "ROA",
    40200002: "ROE",
    40200017: "Índice de morosidad (IMOR) cartera de crédito total",
    40200096: "Índice de cobertura (ICOR) cartera de crédito total",
    40200118: "EPRC / (cartera etapa 1 + etapa 2 + etapa 3) de cartera de crédito total",
    **{concept: segment.label for segment in SEGMENTS for concept in (segment.balance[0], *(segment.ratios or ()))},
    40100203: "Créditos a empresas productivas del estado",
    40100204: "Créditos a organismos descentralizados o desconcentrados",
    40100205: "Otros",
}
"""The labels in CNBV's catalogue of the concepts that these tables use, including ratios of segments."""


def check_labels(catalogue: Mapping[int, str], file: str) -> None:
    """Compare the concepts with CNBV's catalogue; a missing one is no error, since the files are replaced separately.

    Args:
        catalogue: the label of each concept.
        file: the name of the catalogue's file.

    Raises:
        DataError: a concept has another label: its number may mean something else now.
    """
    for concept, expected in LABELS.items():
        found = catalogue.get(concept)
        if found is not None and label(found) != label(expected):
            place = Place(file, column=str(concept), value=found)
            remedy = "look up what the number means now, and correct sources/balance.py"
            raise DataError(f"is not {expected!r}, as concept {concept} was called", place, remedy)
