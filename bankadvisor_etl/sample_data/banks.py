"""The banks: real codes and names, invented sizes, one line per bank in ``banks.csv``.

Names are the stale ones of the workbooks (Deutsche Bank, not Citi México), which the regulator still uses.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

SISTEMA, TOTAL_CONSOLIDADO = "5", "21"
GRUPOS = {
    "59": "G-7",
    "60": "Bancos Cambiarios",
    "61": "Banca de Inversión y Otros Servicios",
    "62": "Comercial Mediano",
    "63": "Comercial Pequeño",
    "64": "Créditos a los Hogares",
}
CONSOLIDADOS = dict(
    zip(
        ("102", "112", "114", "130", "159", "162", "172"),
        ("040002", "040012", "040014", "040030", "040059", "040062", "040072"),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Bank:
    """One bank: ``cartera`` is MDP in its first month (0 if it does not lend); the other fields shape its figures.

    ``mezcla`` is percent of AE, EF, EG, CO, VI, ``crece`` growth per year, ``icap`` percent. It has rows from
    ``desde`` to ``hasta`` and figures from ``abre`` to ``cierra``: rows outside these months are all zero.
    """

    codigo: str
    nombre: str
    grupo: str
    cartera: int
    mezcla: tuple[int, ...]
    imor: float
    crece: float
    icap: float
    desde: int
    abre: int
    cierra: int
    hasta: int

    def opera(self, periodo: int) -> bool:
        """Whether the bank has figures that month."""
        return self.abre <= periodo <= self.cierra


def _bank(line: list[str]) -> Bank:
    codigo, nombre, grupo, cartera, *mezcla, imor, crece, icap, desde, abre, cierra, hasta = line
    shape = int(cartera), tuple(map(int, mezcla)), float(imor), float(crece), float(icap)
    return Bank(codigo, nombre, grupo, *shape, int(desde), int(abre), int(cierra), int(hasta))


with Path(__file__).with_name("banks.csv").open(encoding="utf-8", newline="") as _file:
    BANCOS = tuple(_bank(line) for line in list(csv.reader(_file))[1:])
