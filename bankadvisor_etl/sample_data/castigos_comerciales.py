"""Castigos Comerciales.xlsx: commercial write-offs, MDP, as ``LIB_CASTIGOS_COMERC`` of CASTIGOS.xlsx.

Traps: accumulated within the year up to 202409 and of the month from 202410, under a misspelt header; dates are
text ``2022/1/01``, real dates or text ``2024/08/01``; 5 is text, later an integer; a key appears twice; nulls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data.banks import SISTEMA
from bankadvisor_etl.sample_data.series import IFRS9, periodos
from bankadvisor_etl.sample_data.workbooks import BLANK, Row, Sheets, Value, fecha, mdp

if TYPE_CHECKING:
    from bankadvisor_etl.sample_data.castigos import Flujos

FILE = "Castigos Comerciales.xlsx"
HEADERS = ("Institucion1", "Fecha", "CASTIGOS ACMULUADOS COMERCIAL", BLANK)
TEXT_2022, LAST_ACCUMULATED = 202212, 202409
REAL_DATES = {*periodos(202301, 202407), 202411, 202412}
DUPLICATED = ("040165", 202402)
NULLS = [("040160", periodo) for periodo in periodos(IFRS9, 202209)]


def sheets(flujos: Flujos) -> Sheets:
    """The sheet: 2022 bank by bank, then month by month, code 5 first."""
    keys = sorted([*flujos, *NULLS, DUPLICATED], key=_position)
    return {"Sheet 1": [HEADERS, *(_row(key, flujos) for key in keys)]}


def _position(key: tuple[str, int]) -> tuple[object, ...]:
    codigo, periodo = key
    bank = "" if codigo == SISTEMA else codigo
    return (0, bank, periodo) if periodo <= TEXT_2022 else (1, periodo, bank)


def _row(key: tuple[str, int], flujos: Flujos) -> Row:
    codigo, periodo = key
    first = periodo // 100 * 100 + 1 if periodo <= LAST_ACCUMULATED else periodo
    flows = [flujos[codigo, p]["LIB_CASTIGOS_COMERC"] for p in periodos(first, periodo) if (codigo, p) in flujos]
    number = codigo == SISTEMA and periodo > TEXT_2022
    return [int(codigo) if number else codigo, _fecha(periodo), None if key in NULLS else mdp(sum(flows))]


def _fecha(periodo: int) -> Value:
    year, month = divmod(periodo, 100)
    if periodo in REAL_DATES:
        return fecha(periodo)
    return f"{year}/{month}/01" if periodo <= TEXT_2022 else f"{year}/{month:02d}/01"
