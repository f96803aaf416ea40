"""The files that people provide and the figures that they feed, according to the contract: written by hand, only here.

The tests compare the package, the sample data and the database with it. It imports nothing from the package, so that
they fail if a source or a figure is lost, renamed or fed by another file. A new source is a line in ``INPUTS`` and one
in ``FIGURES``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Input(NamedTuple):
    """A file.

    Attributes:
        file: its exact name.
        phase: the phase of the run that reads it.
        sheet: the sheet that is read; None for a CSV.
        code: the header of the column of codes; None if the sheet has no such column.
        month: the header of the column of months; None if the sheet has no such column.
        rejects: the rows of the small sample (``support.small``) that are set aside.
    """

    file: str
    phase: Literal["base", "enhanced"]
    sheet: str | None
    code: str | None
    month: str | None
    rejects: int = 0


INPUTS = {
    "cartera": Input("CNBV_Cartera_Bancos_V2.xlsx", "base", "Sheet1", "Institucion", "Cve_Periodo"),
    "instituciones": Input("Instituciones.xlsx", "base", "Instituciones", "CLAVE", None),
    "castigos": Input("CASTIGOS.xlsx", "base", "CASTIGOS", "institucion", "periodo"),
    "castigos_comerciales": Input("Castigos Comerciales.xlsx", "base", "Sheet 1", "Institucion1", "Fecha", rejects=1),
    "icap": Input("ICAP_Bancos.xlsx", "enhanced", "ICAP Bancos", "Cve_Inst", "FECHA", rejects=1),
    "tda": Input("TDA.xlsx", "enhanced", "Sheet1", "cve_institucion", "cve_periodo"),
    "tasa_efectiva": Input("TE_Invex_Sistema.xlsx", "enhanced", "Tasa efectiva considerando prom", None, "Fecha1"),
    "tasas": Input("CorporateLoan_CNBVDB.csv", "enhanced", None, "Institution Code", "Monitoring Term", rejects=1),
}
"""By source, in the order in which a run processes them; the first is required."""

FILES = {source: given.file for source, given in INPUTS.items()}
OPTIONAL = {source: file for source, file in FILES.items() if source != "cartera"}

FIGURES = {
    "cartera": (
        *("empresarial_total", "entidades_financieras_total", "entidades_gubernamentales_total"),
        *("cartera_consumo_total", "cartera_vivienda_total"),
        *("cartera_comercial_total", "cartera_comercial_sin_gob", "cartera_total"),
        *("cartera_total_etapa_1", "cartera_total_etapa_2", "cartera_total_etapa_3", "cartera_total_etapa_vr"),
        *("cartera_vencida", "reservas_etapa_todas", "reservas_variacion_mm", "imor", "icor"),
        *("pe_total", "pe_empresarial", "pe_consumo", "pe_vivienda"),
        *("ct_etapa_1", "ct_etapa_2", "ct_etapa_3", "ct_etapa_vr", "cvc_cc", "market_share_pct"),
    ),
    "castigos": ("imor_comercial", "quebrantos_comerciales", "quebrantos_vs_cartera_cc"),
    "icap": ("icap_total", "icap_ccb", "icap_ccf"),
    "tda": ("tda_cartera_total",),
    "tasas": ("tasa_mn", "tasa_me"),
    "tasa_efectiva": ("tasa_sistema", "tasa_invex_consumo"),
    "serie": ("imor_cnbv", "imora_cnbv", "roa_12m", "roe_12m"),
}
"""The figures of ``monthly_kpis`` by the source that is required to compute them, in the table's order."""

COUNT = sum(len(names) for names in FIGURES.values())
"""How many figures a row of ``monthly_kpis`` has, without the aliases."""
PERCENT = {"market_share_pct", "tasa_sistema", "tasa_invex_consumo"}
"""Those of them that are percentages; every other rate is a ratio."""
