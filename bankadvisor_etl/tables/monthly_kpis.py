"""``monthly_kpis``: one row per bank and month. The formulas are those of ``transforms``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bankadvisor_etl.tables.model import Column, PublishedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from bankadvisor_etl.tables.model import Kind


def _kind(kind: Kind, source: str) -> Callable[..., Column]:
    """A function from name, title, description and formula to a column."""

    def column(name: str, title: str, description: str, formula: str = "") -> Column:
        return Column(name, kind, title, description, formula, source)

    return column


_amount, _ratio, _percent = _kind("amount", "cartera"), _kind("ratio", "cartera"), _kind("percent", "cartera")
_lost, _lost_ratio = _kind("amount", "castigos"), _kind("ratio", "castigos")
_capital, _tda, _rate = (_kind("ratio", source) for source in ("icap", "tda", "tasas"))
_effective = _kind("percent", "tasa_efectiva")
_official = _kind("ratio", "serie")

_STAGES = "suma de etapas 1, 2, 3 y VR"
_TO_IFRS9 = "antes de 202201"

HEAD = (
    Column("id", "number", "Renglón", "Número de renglón, sin significado", constraint="GENERATED ALWAYS AS IDENTITY"),
    Column("fecha", "date", "Mes", "Primer día del mes", constraint="NOT NULL CHECK (extract(day FROM fecha) = 1)"),
    Column("codigo_cnbv", "text", "Código CNBV", "Código de la CNBV: seis cifras; 5 es SISTEMA", constraint="NOT NULL"),
    Column(
        "institucion",
        "text",
        "Institución",
        "Para lectores anteriores; el nombre oficial está en instituciones",
        alias_of="banco_norm",
        constraint="NOT NULL",
    ),
    Column(
        "banco_norm",
        "text",
        "Banco",
        "Nombre corto, en mayúsculas y sin acentos; SISTEMA es la suma de todos los bancos",
        constraint="NOT NULL",
    ),
)

BOOK = (
    _amount("empresarial_total", "Empresarial", "Cartera empresarial o comercial", _STAGES),
    _amount("entidades_financieras_total", "Entidades financieras", "Cartera de entidades financieras", _STAGES),
    _amount("entidades_gubernamentales_total", "Gobierno", "Cartera de entidades gubernamentales", _STAGES),
    _amount("cartera_consumo_total", "Consumo", "Cartera de consumo", _STAGES),
    _amount("cartera_vivienda_total", "Vivienda", "Cartera de vivienda", _STAGES),
    _amount(
        "cartera_comercial_total",
        "Comercial",
        "Cartera comercial, con gobierno",
        "empresarial_total + entidades_financieras_total + entidades_gubernamentales_total",
    ),
    _amount(
        "cartera_comercial_sin_gob",
        "Comercial sin gobierno",
        "Cartera comercial sin entidades gubernamentales",
        "empresarial_total + entidades_financieras_total",
    ),
    _amount(
        "cartera_total",
        "Cartera total",
        "Cartera de crédito total; correcta en todos los meses, a diferencia de la columna del archivo",
        "cartera_comercial_total + cartera_consumo_total + cartera_vivienda_total",
    ),
    _amount("cartera_total_etapa_1", "Etapa 1", f"Cartera en etapa 1; {_TO_IFRS9}, la cartera vigente"),
    _amount("cartera_total_etapa_2", "Etapa 2", f"Cartera en etapa 2; 0 {_TO_IFRS9}"),
    _amount("cartera_total_etapa_3", "Etapa 3", f"Cartera en etapa 3; {_TO_IFRS9}, la cartera vencida"),
    _amount("cartera_total_etapa_vr", "A valor razonable", f"Cartera valuada a valor razonable (VR); 0 {_TO_IFRS9}"),
    _amount("cartera_vencida", "Cartera vencida", "Cartera vencida", "cartera_total_etapa_3"),
    _amount("reservas_etapa_todas", "Reservas", "Estimaciones preventivas, negativas como en el archivo"),
    _amount(
        "reservas_variacion_mm",
        "Variación de reservas",
        "Reservas creadas en el mes; nula sin mes anterior",
        "reservas_etapa_todas del mes anterior - reservas_etapa_todas del mes",
    ),
    _ratio(
        "imor",
        "IMOR",
        "Índice de morosidad, con la cartera a valor razonable en el denominador",
        "cartera_vencida / cartera_total",
    ),
    _ratio(
        "icor",
        "ICOR",
        "Índice de cobertura: reservas por peso vencido; sin tope",
        "-reservas_etapa_todas / cartera_vencida",
    ),
    _ratio("pe_total", "Pérdida esperada", "Reservas por peso de cartera", "-reservas_etapa_todas / cartera_total"),
    _ratio(
        "pe_empresarial",
        "Pérdida esperada, empresarial",
        "Reservas por peso de cartera empresarial",
        "-reservas de actividad empresarial / empresarial_total",
    ),
    _ratio(
        "pe_consumo",
        "Pérdida esperada, consumo",
        "Reservas por peso de cartera de consumo",
        "-reservas de consumo / cartera_consumo_total",
    ),
    _ratio(
        "pe_vivienda",
        "Pérdida esperada, vivienda",
        "Reservas por peso de cartera de vivienda",
        "-reservas de vivienda / cartera_vivienda_total",
    ),
    _ratio("ct_etapa_1", "Parte en etapa 1", "Parte de la cartera en etapa 1", "cartera_total_etapa_1 / cartera_total"),
    _ratio("ct_etapa_2", "Parte en etapa 2", "Parte de la cartera en etapa 2", "cartera_total_etapa_2 / cartera_total"),
    _ratio("ct_etapa_3", "Parte en etapa 3", "Parte de la cartera en etapa 3", "cartera_total_etapa_3 / cartera_total"),
    _ratio(
        "ct_etapa_vr",
        "Parte a valor razonable",
        "Parte de la cartera valuada a valor razonable",
        "cartera_total_etapa_vr / cartera_total",
    ),
    _ratio(
        "cvc_cc",
        "Morosidad comercial",
        "Morosidad comercial sin gobierno ni valor razonable",
        "etapa 3 / etapas 1, 2 y 3, ambas de empresarial y entidades financieras",
    ),
    _percent(
        "market_share_pct",
        "Participación de mercado",
        "Parte de la cartera del sistema",
        "100 * cartera_total / cartera_total de SISTEMA",
    ),
)

ENHANCED = (
    _lost_ratio(
        "imor_comercial",
        "IMOR comercial ajustado",
        "Morosidad comercial sin gobierno que cuenta los castigos del año en curso; nula sin castigos del mes",
        "(etapa 3 + LIB_CASTIGOS_COMERC desde enero) / etapas 1, 2 y 3, de empresarial y entidades financieras",
    ),
    _lost(
        "quebrantos_comerciales",
        "Quebrantos comerciales",
        "Castigos y quitas comerciales del mes",
        "LIB_CASTIGOS_COMERC + QUITAS_COMER; sin renglón ahí, el concepto 40100039 de la serie",
    ),
    _lost_ratio(
        "quebrantos_vs_cartera_cc",
        "Quebrantos sobre cartera comercial",
        "Quebrantos del mes por peso de cartera comercial",
        "quebrantos_comerciales / cartera_comercial_total",
    ),
    _capital("icap_total", "ICAP", "Índice de capitalización; el mínimo con suplemento es 0.105", "ICAP Total / 100"),
    _capital("icap_ccb", "CCB", "Coeficiente de capital básico", "CCB / 100"),
    _capital("icap_ccf", "CCF", "Coeficiente de capital fundamental", "CCF / 100"),
    _tda(
        "tda_cartera_total",
        "TDA",
        "Tasa de deterioro ajustada; otra metodología desde 202410",
        "TDA Cartera total / 100; sin valor ahí, el concepto 40200074 de la serie; sin ninguno, para SISTEMA, media de "
        "los bancos ponderada con cartera_total",
    ),
    _rate(
        "tasa_mn",
        "Tasa en moneda nacional",
        "Tasa media de créditos comerciales en moneda nacional",
        "suma(Total Portfolio * Average Rate) / suma(Total Portfolio) / 100",
    ),
    _rate(
        "tasa_me",
        "Tasa en moneda extranjera",
        "Tasa media de créditos comerciales en moneda extranjera",
        "suma(Total Portfolio * Average Rate) / suma(Total Portfolio) / 100",
    ),
    _effective(
        "tasa_sistema",
        "Tasa efectiva, sistema",
        "Tasa efectiva de consumo del sistema, igual en todos los renglones del mes; cada dos meses",
    ),
    _effective(
        "tasa_invex_consumo",
        "Tasa efectiva, INVEX",
        "Tasa efectiva de consumo de INVEX, igual en todos los renglones del mes; cada dos meses",
    ),
    _official(
        "imor_cnbv",
        "IMOR de la CNBV",
        "Índice de morosidad como lo publica la CNBV, sin la cartera a valor razonable (concepto 40200017)",
    ),
    _official(
        "imora_cnbv",
        "IMORA de la CNBV",
        "Índice de morosidad ajustado con los castigos de doce meses, como lo publica la CNBV (concepto 40200033)",
    ),
    _official("roa_12m", "ROA", "Resultado de doce meses sobre activo total (concepto 40200001)"),
    _official("roe_12m", "ROE", "Resultado de doce meses sobre capital contable (concepto 40200002)"),
)

SOURCES = (
    Column(
        "fuente",
        "text",
        "Fuente",
        "De dónde viene la cartera del renglón: serie (de la CNBV) o libro",
        constraint="NOT NULL DEFAULT 'libro'",
    ),
    Column("fuente_icap", "text", "Fuente del ICAP", "De dónde viene el ICAP del renglón: libro, icap_cnbv o boletin"),
)

_OLDER = {
    "pct_etapa_1": "ct_etapa_1",
    "pct_etapa_2": "ct_etapa_2",
    "pct_etapa_3": "ct_etapa_3",
    "quebrantos_cc": "quebrantos_comerciales",
}

ALIASES = tuple(
    Column(name, of.kind, of.title, "Para lectores anteriores", alias_of=of.name)
    for name, of in ((name, next(c for c in (*BOOK, *ENHANCED) if c.name == of)) for name, of in _OLDER.items())
)

ALERTAS = {
    "mes_repetido": "todas las cifras de cartera de todos los bancos son las del mes anterior",
    "tda_metodologia_202410": "la TDA sigue otra metodología desde octubre de 2024",
    "tda_sistema_ponderada": "la TDA de SISTEMA se calculó, no se leyó",
    "icap_redondeado": "los ICAP del mes tienen un solo decimal",
    "quitas_en_cero": "el archivo trae en cero las quitas del mes",
    "cifra_conservada": "una cifra que los archivos ya no dan se conserva como se publicó",
}
"""The possible alerts of a row, with their meaning in Spanish."""

TAIL = (
    Column(
        "alertas",
        "list",
        "Alertas",
        "Defectos conocidos de las fuentes del renglón: "
        + "; ".join(f"{name}: {text}" for name, text in ALERTAS.items()),
        constraint="NOT NULL DEFAULT '{}'",
    ),
    Column("etl_run_id", "number", "Corrida", "Corrida de etl_runs que cambió el renglón", constraint="NOT NULL"),
    Column("updated_at", "moment", "Actualizado", "Cuándo cambió el renglón", constraint="NOT NULL DEFAULT now()"),
)

MONTHLY_KPIS = PublishedTable(
    name="monthly_kpis",
    description="Cifras de cada banco y mes; SISTEMA es la suma de los bancos: no se suma con ellos (vista bancos)",
    key=("fecha", "banco_norm"),
    columns=(*HEAD, *BOOK, *ENHANCED, *ALIASES, *SOURCES, *TAIL),
    match=("fecha", "codigo_cnbv"),
    changes="monthly_kpis_cambios",
    recorded=("fecha", "banco_norm"),
    constraints=("CONSTRAINT monthly_kpis_codigo UNIQUE (fecha, codigo_cnbv)",),
    indexes={"monthly_kpis_banco": "(banco_norm, fecha DESC)", "monthly_kpis_fecha": "(fecha)"},
)

KPIS_CONSOLIDADOS = replace(
    MONTHLY_KPIS,
    name="kpis_consolidados",
    description="Cifras de cada banco con las SOFOMes que consolida (saldo 133 de la serie de la CNBV), por mes; nulas "
    "las que la serie no da",
    changes="kpis_consolidados_cambios",
    constraints=("CONSTRAINT kpis_consolidados_codigo UNIQUE (fecha, codigo_cnbv)",),
    indexes={"kpis_consolidados_banco": "(banco_norm, fecha DESC)", "kpis_consolidados_fecha": "(fecha)"},
)
