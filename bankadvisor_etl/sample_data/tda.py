"""TDA.xlsx: adjusted delinquency (tasa de deterioro ajustada), percent.

Traps: the header of the values begins with a space; ``cve_periodo`` is an integer or text; ``Fecha`` is text,
on day 02 all through 2022; one code is an integer without its zero; code 5 ends at 202212; another method
from 202410; two values are missing; four blank rows at the end, four blank columns at the right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data.banks import BANCOS, CONSOLIDADOS, GRUPOS, SISTEMA
from bankadvisor_etl.sample_data.series import ULTIMO, periodos, stream, walk
from bankadvisor_etl.sample_data.workbooks import BLANK, Row, Sheets

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "TDA.xlsx"
HEADERS = ("cve_periodo", "Año", "Mes", "Fecha", "cve_institucion", " TDA Cartera total", *[BLANK] * 4)
MESES = periodos(201601)
NEWEST_FIRST_UNTIL, AGGREGATES_UNTIL = 202112, 202212
METHOD_CHANGE, METHOD_FACTOR = 202410, 0.29
TEXT_PERIODS, YEAR_IS_NUMBER_FROM = periodos(202410, 202502), 202501
DAY_02 = 2022
INTEGER_CODE = ("040126", 202403)
MISSING = {("040102", 201604), ("040102", 201605)}
BLANK_ROWS: list[Row] = [[BLANK] * len(HEADERS)] * 4


def sheets(seed: int) -> Sheets:
    """The only sheet: newest month first up to 202112, then oldest first."""
    rows = sorted(_rows(seed), key=lambda item: item[0])
    return {"Sheet1": [HEADERS, *(row for _, row in rows), *BLANK_ROWS]}


def _rows(seed: int) -> Iterator[tuple[tuple[object, ...], Row]]:
    for codigo, level, first, last, end in _reporters():
        for periodo, factor in zip(MESES, walk(stream(seed, "tda", codigo), 0.03), strict=False):
            tda = level * factor * (METHOD_FACTOR if periodo >= METHOD_CHANGE else 1)
            position = (0, -periodo, codigo) if periodo <= NEWEST_FIRST_UNTIL else (1, periodo, codigo)
            if first <= periodo <= end:
                yield position, _row(codigo, periodo, tda if periodo <= last else 0)


def _reporters() -> Iterator[tuple[str, float, int, int, int]]:
    for bank in BANCOS:
        if bank.cartera:
            yield bank.codigo, bank.imor * 280, bank.abre, bank.cierra, bank.hasta
    for codigo in (SISTEMA, *GRUPOS, *CONSOLIDADOS):
        yield codigo, 4.8, MESES[0], ULTIMO, AGGREGATES_UNTIL


def _row(codigo: str, periodo: int, tda: float) -> Row:
    year, month = divmod(periodo, 100)
    return [
        str(periodo) if periodo in TEXT_PERIODS else periodo,
        year if periodo >= YEAR_IS_NUMBER_FROM else str(year),
        f"{month:02d}",
        f"{month:02d}/{'02' if year == DAY_02 else '01'}/{year}",
        int(codigo) if (codigo, periodo) == INTEGER_CODE else codigo,
        None if (codigo, periodo) in MISSING else round(tda, 4),
    ]
