"""The bulletin of capital (``040_15b_R1.xls``) of one month: percent, by code.

Traps: code 5 first and groups last; codes as integers and text; blanks for banks that no longer exist; a notes sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data.banks import BANCOS, GRUPOS, SISTEMA
from bankadvisor_etl.sample_data.bulletins import capital_ratio
from bankadvisor_etl.sample_data.xls import xls

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sample_data.workbooks import Row, Sheets, Value

FILE = "040_15b_R1.xls"


def write(folder: Path, seed: int, month: int) -> Path:
    """Write the bulletin of a month into ``folder``, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_bytes(xls(sheets(seed, month)))
    return path


def sheets(seed: int, month: int) -> Sheets:
    """The sheets of a month."""
    rows: list[Row] = [[None, 5, "Total Banca Múltiple", *_ratios(seed, SISTEMA, month)]]
    for bank in BANCOS:
        there = bank.icap and bank.opera(month)
        figures = _ratios(seed, bank.codigo, month) if there else [None] * 3
        rows.append([None, bank.codigo, bank.nombre, *figures])
    rows += [[None, int(code), name, *_ratios(seed, code, month)] for code, name in GRUPOS.items()]
    notes = ["Notas", f"Cifras preliminares de {month}.", "Bankaool 202501: el ICAP pasa de 14.05 a 8.79."]
    return {
        "MINFO": [
            [None, "Índice de capitalización"],
            [],
            [None, "Instituciones", None, month],
            [None, None, None, "ICAP Total", "CCB", "CCF"],
            *rows,
        ],
        "Notas": [[note] for note in notes],
    }


def _ratios(seed: int, code: str, month: int) -> list[Value]:
    total = capital_ratio(seed, code, month)
    return [total, round(total * 0.97, 6), round(total * 0.9, 6)]
