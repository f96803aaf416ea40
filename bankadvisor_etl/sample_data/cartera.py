"""CNBV_Cartera_Bancos_V2.xlsx: portfolio and reserves by stage and segment, MDP.

Traps: ``todas``, stages 2 and VR are 0 before 202201; aggregates are mixed with the banks, as text ``'5'`` and
later as the integer 5; 13 rows have nulls; banks that do not operate have zeros; a second sheet looks similar.
"""

from __future__ import annotations

from bankadvisor_etl.sample_data import amounts
from bankadvisor_etl.sample_data.amounts import ETAPAS, RESERVA, SEGMENTOS, SIN_SEGMENTO, Amounts, Cifras
from bankadvisor_etl.sample_data.banks import BANCOS, CONSOLIDADOS, GRUPOS, SISTEMA, TOTAL_CONSOLIDADO
from bankadvisor_etl.sample_data.series import IFRS9, ULTIMO, periodos
from bankadvisor_etl.sample_data.workbooks import Row, Sheets, Value, fecha, mdp

FILE = "CNBV_Cartera_Bancos_V2.xlsx"
KEYS = ("Institucion", "Cve_Periodo", "Año", "Mes", "Fecha")
NAMES = {
    "CT": ("Cartera Total", SEGMENTOS),
    "T": ("Cartera de Crédito Total", SEGMENTOS),
    "CC": ("Créditos Comerciales", SEGMENTOS[:3]),
    "AE": ("Actividad Empresarial o Comercial", ("AE",)),
    "EF": ("Entidades Financieras", ("EF",)),
    "EG": ("Entidades Gubernamentales", ("EG",)),
    "CO": ("Créditos de Consumo", ("CO",)),
    "VI": ("Créditos a la Vivienda", ("VI",)),
}
ORDER = (
    "CT:2 CT:VR CC:2 CO:2 VI:2 CC:VR CO:VR VI:VR AE:2 EF:2 EG:2 AE:VR EF:VR EG:VR "
    "CT:1 CC:1 AE:1 EF:1 EG:1 CO:1 VI:1 T:todas CT:3 CC:3 AE:3 EF:3 EG:3 CO:3 VI:3"
)
TODAS = "Cartera de Crédito Total Etapa todas"


def _column(spec: str) -> tuple[str, list[tuple[str, str]]]:
    short, etapa = spec.split(":")
    name, segmentos = NAMES[short]
    return f"{name} Etapa {etapa}", [(s, e) for s in segmentos for e in ETAPAS if etapa in (e, "todas")]


PARTS = dict(map(_column, ORDER.split()))
PARTS["Reservas Etapa todas"] = [(segmento, RESERVA) for segmento in (*SEGMENTOS, SIN_SEGMENTO)]
PARTS |= {f"Res {NAMES[segmento][0]} Etapa todas": [(segmento, RESERVA)] for segmento in SEGMENTOS}
"""Headers in the file's order, each with the amounts that it adds up."""

PARTLY_NULL = {("040126", p) for p in (202302, *periodos(202305, 202309), 202311, *periodos(202312, 202404))}
ALL_NULL = ("040165", 202312)
BY_MONTH_FROM = 202210
"""Rows are sorted by bank up to the month before, then by month, as the file grew."""
INTEGER_AGGREGATES_FROM, CONSOLIDATED_UNTIL = 202408, 202407
CUENTAS = ((131800103001, 40100185), (130000000000, 40100263), (130100000000, 40100264))


def sheets(cifras: Cifras) -> Sheets:
    """Every bank's rows, and the aggregates, which must never be added to them."""
    figures = cifras | _aggregates(cifras)
    keys = sorted(figures, key=lambda key: (0, *key) if key[1] < BY_MONTH_FROM else (1, key[1], key[0]))
    rows = [_row(key, figures[key]) for key in keys]
    newest: list[Row] = [(row[0], *row[len(KEYS) :]) for row in rows if row[1] == ULTIMO]
    return {
        "Sheet1": [(*KEYS, *PARTS), *rows],
        "Sheet2": [(None, *PARTS), ("entidad",), *newest],
        "MAPEO CUENTAS": [("Version Ant.", "Nuevas"), *CUENTAS],
    }


def _aggregates(cifras: Cifras) -> Cifras:
    found: Cifras = {}
    for periodo in periodos():
        banks = {bank: cifras[bank.codigo, periodo] for bank in BANCOS if (bank.codigo, periodo) in cifras}
        found[SISTEMA, periodo] = amounts.total(banks.values())
        for grupo in GRUPOS:
            found[grupo, periodo] = amounts.total(row for bank, row in banks.items() if bank.grupo == grupo)
        if periodo <= CONSOLIDATED_UNTIL:
            found[TOTAL_CONSOLIDADO, periodo] = amounts.consolidated(found[SISTEMA, periodo])
            for codigo, bank in CONSOLIDADOS.items():
                found[codigo, periodo] = amounts.consolidated(cifras[bank, periodo])
    return found


def _row(key: tuple[str, int], row: Amounts) -> list[Value]:
    codigo, periodo = key
    as_integer = periodo >= INTEGER_AGGREGATES_FROM and not codigo.startswith("04")
    year, month = divmod(periodo, 100)
    heading = [int(codigo) if as_integer else codigo, periodo, f"{year}", f"{month:02d}", fecha(periodo)]
    return [*heading, *(_cell(header, key, row) for header in PARTS)]


def _cell(header: str, key: tuple[str, int], row: Amounts) -> Value:
    kept = header.startswith(("Cartera", "Reservas")) or "Consumo" in header
    if key == ALL_NULL or (key in PARTLY_NULL and (header.endswith("VR") or not kept)):
        return None
    if header == TODAS and key[1] < IFRS9:
        return 0
    return mdp(sum(row[part] for part in PARTS[header]))
