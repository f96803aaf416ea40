"""ICAP_Bancos.xlsx: capital ratios, percent.

Traps: months before 201701; rows without a value, without a code and with code 0; ``CCB`` of 202209 formatted as
a date; 202404 rounded to one decimal; values over 100 %; banks that do not lend; 202507 is still missing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data.banks import BANCOS, GRUPOS, SISTEMA
from bankadvisor_etl.sample_data.series import periodos, stream, walk
from bankadvisor_etl.sample_data.workbooks import Dated, Row, Sheets, Value, fecha

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "ICAP_Bancos.xlsx"
HEADERS = ("Cve_Inst", "Banco", "FECHA", "ICAP Total", "CCB", "CCF")
MESES = periodos(201601, 202506)
BY_MONTH_FROM = 202208
"""Before this month rows are sorted by bank, newest month first."""
CCB_AS_DATE, ROUNDED, INTEGER_CODES_FROM = 202209, 202404, 202410
AGREGADOS = {SISTEMA: "Total Banca Múltiple", **GRUPOS}
LOST_CODES = {202312: None, 202401: None, 202402: 0, 202403: 0}
"""CBM Banco's first months, before it had a code."""


def sheets(seed: int) -> Sheets:
    """The only sheet."""
    rows = sorted(_rows(seed), key=lambda item: item[0])
    return {"ICAP Bancos": [HEADERS, *(row for _, row in rows)]}


def _rows(seed: int) -> Iterator[tuple[tuple[object, ...], Row]]:
    for codigo, nombre, level, first, last in _reporters():
        for periodo, factor in zip(MESES, walk(stream(seed, "icap", codigo), 0.02), strict=False):
            values = _values(periodo, level * factor) if periodo <= last else [None] * 3
            position = (1, periodo, codigo) if periodo >= BY_MONTH_FROM else (0, codigo, -periodo)
            if periodo >= first:
                yield position, [_code(codigo, periodo), nombre, fecha(periodo), *values]
    for periodo, code in LOST_CODES.items():
        yield (1, periodo, "~"), [code, "CBM Banco", fecha(periodo), *_values(periodo, 520.631477)]


@cache
def exact(seed: int) -> dict[tuple[str, int], float]:
    """ICAP by code and month as published by CNBV, percent to six decimals: no month is rounded."""
    found = {}
    for codigo, _, level, _, last in _reporters():
        for periodo, factor in zip(MESES, walk(stream(seed, "icap", codigo), 0.02), strict=False):
            if periodo <= last:
                found[codigo, periodo] = round(level * factor, 6)
    return found


def _reporters() -> Iterator[tuple[str, str, float, int, int]]:
    for bank in BANCOS:
        if bank.icap:
            yield bank.codigo, bank.nombre, bank.icap, bank.abre, bank.cierra
    for number, (codigo, nombre) in enumerate(AGREGADOS.items()):
        yield codigo, nombre, 19.2 - number / 2, MESES[0], MESES[-1]


def _code(codigo: str, periodo: int) -> Value:
    return int(codigo) if codigo in {SISTEMA, "59"} and periodo >= INTEGER_CODES_FROM else codigo


def _values(periodo: int, icap: float) -> list[Value]:
    decimals = 1 if periodo == ROUNDED else 6
    total, ccb, ccf = (round(icap * share, decimals) for share in (1, 0.97, 0.9))
    return [total, Dated(ccb) if periodo == CCB_AS_DATE else ccb, ccf]
