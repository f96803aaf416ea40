"""Instituciones.xlsx: code and name, capitals with accents, stale names and aggregates mixed with the banks.

Traps: recent banks and code 5 are missing. 040999 is in no catalogue but has a portfolio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data.banks import BANCOS, CONSOLIDADOS

if TYPE_CHECKING:
    from bankadvisor_etl.sample_data.workbooks import Sheets

FILE = "Instituciones.xlsx"
MISSING = {"040165", "040167", "040169", "040999"}
AGREGADOS = (("21", "TOTAL BANCA MÚLTIPLE CONSOLIDADO"), ("22", "G7"), ("23", "G7 (CONSOLIDADO)"))


def sheets() -> Sheets:
    """The catalogue: aggregates first, then by name."""
    names = {bank.codigo: bank.nombre.upper() for bank in BANCOS if bank.codigo not in MISSING}
    names |= {codigo: f"{names[bank]} CONSOLIDADO" for codigo, bank in CONSOLIDADOS.items()}
    by_name = sorted(names.items(), key=lambda item: item[1])
    return {"Instituciones": [("CLAVE", "DESCRIPCION"), *AGREGADOS, *by_name]}
