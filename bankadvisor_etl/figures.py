"""The figures of ``monthly_kpis``, by the source that feeds them."""

from __future__ import annotations

CARTERA = (
    "empresarial_total",
    "entidades_financieras_total",
    "entidades_gubernamentales_total",
    "cartera_consumo_total",
    "cartera_vivienda_total",
    "cartera_comercial_total",
    "cartera_comercial_sin_gob",
    "cartera_total",
    "cartera_total_etapa_1",
    "cartera_total_etapa_2",
    "cartera_total_etapa_3",
    "cartera_total_etapa_vr",
    "cartera_vencida",
    "reservas_etapa_todas",
    "reservas_variacion_mm",
    "imor",
    "icor",
    "pe_total",
    "pe_empresarial",
    "pe_consumo",
    "pe_vivienda",
    "ct_etapa_1",
    "ct_etapa_2",
    "ct_etapa_3",
    "ct_etapa_vr",
    "cvc_cc",
    "market_share_pct",
)
FED_BY = {
    "cartera": CARTERA,
    "castigos": ("imor_comercial", "quebrantos_comerciales", "quebrantos_vs_cartera_cc"),
    "icap": ("icap_total", "icap_ccb", "icap_ccf"),
    "tda": ("tda_cartera_total",),
    "tasas": ("tasa_mn", "tasa_me"),
    "tasa_efectiva": ("tasa_sistema", "tasa_invex_consumo"),
}
"""The figures of ``monthly_kpis`` by the source without which they cannot be computed."""

METRICS = tuple(name for names in FED_BY.values() for name in names)
