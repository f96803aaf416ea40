"""TE_Invex_Sistema.xlsx: effective rates, percent.

Traps: every second month only, on its last day; blank columns at the right.
"""

from __future__ import annotations

from calendar import monthrange

from bankadvisor_etl.sample_data.series import periodos, stream, walk
from bankadvisor_etl.sample_data.workbooks import BLANK, Row, Sheets, fecha

FILE = "TE_Invex_Sistema.xlsx"
HEADERS = ("Fecha1", "Sistema", "Invex Consumo", *[BLANK] * 5)


def sheets(seed: int) -> Sheets:
    """The only sheet, 32 rows."""
    rng = stream(seed, "tasa_efectiva")
    sistema, invex = walk(rng, 0.02), walk(rng, 0.05)
    rows: list[Row] = [
        (
            fecha(p, monthrange(p // 100, p % 100)[1]),
            round(36.4 * next(sistema), 2),
            round(36 * next(invex), 2),
        )
        for p in periodos(201910, 202412)[::2]
    ]
    return {"Tasa efectiva considerando prom": [HEADERS, *rows]}
