"""CASTIGOS.xlsx: write-offs (castigos) and reliefs (quitas) of the month, MDP.

Traps: three pivots precede the sheet ``CASTIGOS``; two columns have no header; ``FECHA`` is text, but a
date with day and month swapped in 202410-202412; segments are permuted in 202501 and 202503; 5 is an integer.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from bankadvisor_etl.sample_data.amounts import ETAPAS, Amounts, Cifras
from bankadvisor_etl.sample_data.banks import BANCOS, SISTEMA
from bankadvisor_etl.sample_data.series import IFRS9, ULTIMO, periodos, stream
from bankadvisor_etl.sample_data.workbooks import Row, Sheets, fecha, mdp

if TYPE_CHECKING:
    from random import Random

FILE = "CASTIGOS.xlsx"
FLOWS = {
    "LIB_CASTIGOS_ACT_EMP": ("AE", 0.0009, 0.7),
    "LIB_CASTIGOS_ENT_FIN": ("EF", 0.0002, 0.3),
    "LIB_CASTIGOS_CONSUMO": ("CO", 0.008, 0.95),
    "LIB_CASTIGOS_VIVIENDA": ("VI", 0.0005, 0.8),
    "LIB_OTROS_CASTIGOS": ("AE", 0.00003, 0.1),
    "QUITAS_ACT_EM": ("AE", 0.00005, 0.3),
    "QUITAS_ENT_FIN": ("EF", 0.00005, 0.05),
    "QUITAS_ENT_GUB": ("EG", 0.00001, 0.05),
    "QUITAS_CONSUMO": ("CO", 0.0004, 0.4),
    "QUITAS_VIVIENDA": ("VI", 0.0003, 0.4),
    "QUITAS_OTROS": ("CO", 0.00002, 0.05),
}
"""By column: its segment, its usual share of the segment in a month, the probability that a month has any."""
NAMES = tuple(FLOWS)
SUMS = {"LIB_CASTIGOS_COMERC": NAMES[:2], "QUITAS_COMER": NAMES[5:8]}
COLUMNS = ("LIB_CASTIGOS_COMERC", *NAMES[:5], "QUITAS_COMER", *NAMES[5:])
HEADERS = ("AÑO", "MES", "FECHA", "periodo", "institucion", *COLUMNS, None, None, "SUMA")
ADDED = (0, 3, 4)
"""The columns that ``SUMA`` adds up."""
PERMUTED, PERMUTATION = (202501, 202503), (0, 3, 4, 1, 2, 5, 6, 7, 10, 11, 8, 9, 12)
SWAPPED, YEAR_IS_NUMBER_FROM = (202410, 202411, 202412), 202301
FIRST_MONTH = {"040160": 202210, "040165": 202401}
WITHOUT = {"040124", "040167", "040169"}

Flujos: TypeAlias = "dict[tuple[str, int], Counter[str]]"
"""Pesos by column, by code (5 included) and month."""


def simulate(seed: int, cifras: Cifras) -> Flujos:
    """Flows since 202201 of the banks that lend, and code 5 as their sum, month by month."""
    codes = [b.codigo for b in BANCOS if b.cartera and b.hasta == ULTIMO and b.codigo not in WITHOUT]
    flujos: Flujos = {}
    for periodo in periodos(IFRS9):
        rng, system = stream(seed, "castigos", periodo), flujos.setdefault((SISTEMA, periodo), Counter())
        for codigo in codes:
            if periodo >= FIRST_MONTH.get(codigo, IFRS9):
                flujos[codigo, periodo] = _flows(rng, cifras[codigo, periodo])
                system.update(flujos[codigo, periodo])
    return flujos


def sheets(flujos: Flujos) -> Sheets:
    """The pivots and, last, the sheet that is read."""
    return {**_pivots(flujos), "CASTIGOS": [HEADERS, *(_row(key, flows) for key, flows in flujos.items())]}


def _flows(rng: Random, row: Amounts) -> Counter[str]:
    flows: Counter[str] = Counter()
    for name, (segmento, share, chance) in FLOWS.items():
        size = sum(row[segmento, etapa] for etapa in ETAPAS) * share * rng.uniform(0.5, 1.5)
        flows[name] = int(size) if rng.random() < chance else 0
    flows.update({name: sum(flows[part] for part in parts) for name, parts in SUMS.items()})
    return flows


def _row(key: tuple[str, int], flows: Counter[str]) -> Row:
    codigo, periodo = key
    year, month = divmod(periodo, 100)
    values = _values(flows)
    shown = [values[i] for i in PERMUTATION] if periodo in PERMUTED else values
    return [
        year if periodo >= YEAR_IS_NUMBER_FROM else str(year),
        month if periodo in SWAPPED else f"{month:02d}",
        fecha(year * 100 + 1, day=month) if periodo in SWAPPED else f"{month:02d}/01/{year}",
        periodo,
        int(codigo) if codigo == SISTEMA else codigo,
        *(*shown, None, f"{codigo}{periodo}", sum(shown[i] for i in ADDED)),
    ]


def _values(flows: Counter[str]) -> list[float]:
    return [mdp(flows[name]) for name in COLUMNS]


def _pivots(flujos: Flujos) -> Sheets:
    """Sums over the banks *and* code 5, so twice the real amount, below two empty rows."""
    titles, months = [f"Sum of {name}" for name in COLUMNS], periodos(IFRS9)
    newest: list[Row] = [(key[0], None, *_values(flows)) for key, flows in flujos.items() if key[1] == ULTIMO]
    by_bank: list[Row] = [(key[1], *_values(flujos[key])) for key in sorted(flujos)]
    system = [_values(flujos[SISTEMA, month]) for month in months]
    by_month: list[Row] = [(title, *(2 * row[i] for row in system)) for i, title in enumerate(titles)]
    return {
        "ACUMULADO": [(), (), (None, None, "Values"), ("institucion", "periodo", *titles), *newest],
        "Sheet1": [(), (), (None, "Etiquetas de columna"), ("Values", *months), *by_month],
        "Sheet2": [(), (), ("Etiquetas de fila", *titles), *by_bank],
    }
