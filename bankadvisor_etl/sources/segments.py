"""The fifteen segments of the loan book: their code, their sheet in the bulletin and their concepts in the series.

Free of polars: tables and documents use it, too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A segment of the loan book.

    Attributes:
        code: ``segmentos_cartera.codigo``.
        name: its name in Spanish.
        sheet: the sheet of the monthly bulletin.
        balance: the concepts of the series whose sum is the loan book, in pesos.
        ratios: the concepts, as fractions, of past-due loans over loans (IMOR), reserves over past-due loans (ICOR)
            and reserves over loans; None where CNBV publishes none.
        label: the label of the first of ``balance`` in the catalogue of concepts.
    """

    code: str
    name: str
    sheet: str
    balance: tuple[int, ...]
    ratios: tuple[int, int, int] | None
    label: str


WHOLE_SHEET = "CCT"
"""The sheet of the whole portfolio."""

SEGMENTS = tuple(
    Segment(code, name, sheet, balance, ratios, label)
    for code, name, sheet, balance, ratios, label in (
        (
            "EMPRESAS",
            "Actividad empresarial o comercial",
            "CCE",
            (40100187,),
            (40200038, 40200098, 40200120),
            "Actividad empresarial o comercial",
        ),
        (
            "ENTIDADES_FINANCIERAS",
            "Entidades financieras",
            "CCEF",
            (40100196,),
            (40200039, 40200099, 40200121),
            "Entidades financieras",
        ),
        (
            "GUBERNAMENTAL_TOTAL",
            "Entidades gubernamentales",
            "CCGT",
            (40100200,),
            (40200040, 40200100, 40200122),
            "Entidades gubernamentales",
        ),
        (
            "GUB_ESTADOS_MUN",
            "Estados y municipios",
            "CCG EyM",
            (40100202,),
            None,
            "Créditos a estados y municipios",
        ),
        (
            "GUB_OTRAS",
            "Otras entidades gubernamentales",
            "CCG OG",
            (40100201, 40100203, 40100204, 40100205),
            None,
            "Créditos al gobierno federal",
        ),
        ("CONSUMO_TOTAL", "Consumo", "CCCT", (40100206,), (40200019, 40200101, 40200123), "Créditos de consumo"),
        (
            "CONSUMO_TARJETA",
            "Tarjeta de crédito",
            "CCCTC",
            (40100207,),
            (40200041, 40200102, 40200124),
            "Tarjeta de crédito",
        ),
        ("CONSUMO_NOMINA", "Nómina", "CCCN", (40100210,), (40200044, 40200105, 40200127), "Nómina"),
        (
            "CONSUMO_PERSONALES",
            "Préstamos personales",
            "CCCnrP",
            (40100209,),
            (40200043, 40200104, 40200126),
            "Personales",
        ),
        ("CONSUMO_AUTOMOTRIZ", "Automotriz", "CCCAut", (40100212,), (40200046, 40200107, 40200129), "Automotriz"),
        (
            "CONSUMO_BIENES_MUEBLES",
            "Adquisición de bienes muebles",
            "CCCAdq BiMu",
            (40100213,),
            (40200047, 40200108, 40200130),
            "Adquisición de bienes muebles",
        ),
        (
            "CONSUMO_ARRENDAMIENTO",
            "Arrendamiento financiero",
            "CCOAC",
            (40100214,),
            (40200048, 40200109, 40200131),
            "Operaciones de arrendamiento financiero",
        ),
        (
            "CONSUMO_MICROCREDITOS",
            "Microcréditos",
            "CCCMicro",
            (40100215,),
            (40200049, 40200110, 40200132),
            "Microcréditos",
        ),
        (
            "CONSUMO_OTROS",
            "Otros créditos de consumo",
            "CCCnrO",
            (40100216,),
            (40200050, 40200111, 40200133),
            "Otros créditos de consumo",
        ),
        ("VIVIENDA", "Vivienda", "CCV", (40100217,), (40200020, 40200112, 40200134), "Créditos a la vivienda"),
    )
)
