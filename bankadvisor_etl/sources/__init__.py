"""The inputs of the run, as specifications."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bankadvisor_etl.formats.sheet import Bound
from bankadvisor_etl.sources.source import Source
from bankadvisor_etl.sources.workbooks import WORKBOOKS

if TYPE_CHECKING:
    from pathlib import Path

TASAS = Source(
    "tasas",
    ("CorporateLoan_CNBVDB.csv",),
    "enhanced",
    "tasas",
    other_bounds=(("tasa", Bound(4, math.inf)),),  # portfolios only weight rates: their unit cancels out
)

SERIE = Source(
    "serie", ("sh_datos_csv_40.zip", "sh_datos_40.csv"), "base", "serie", floor=5_000, folder="cnbv", unless="cartera"
)
"""CNBV's own series: every concept of every institution from 200012 on; 12.65 million rows, one value each."""

CONCEPTOS = Source("conceptos", ("cat_conceptos_40.csv",), "base", "conceptos", folder="cnbv", only_with="serie")
ENTIDADES = Source("entidades", ("cat_instituciones_40.csv",), "base", "entidades", folder="cnbv", only_with="serie")

BOLETIN = Source(
    "boletin",
    ("BE BM YYYYMM.xlsx", *(f"be?bm*[0-9][0-9][0-9][0-9][0-9][0-9].{ending}" for ending in ("xlsx", "xlsm", "xls"))),
    "enhanced",
    "boletin",
    folder="cnbv",
    only_with="boletin",
    many=True,
)
"""CNBV's monthly bulletins, one workbook of twenty sheets per month."""

ICAP_CNBV = Source("icap_cnbv", ("040_15b_R1.xls",), "enhanced", "icap_cnbv", folder="cnbv", only_with="icap_cnbv")
"""CNBV's bulletin of capital: one month, by code."""

SOURCES = (*WORKBOOKS, TASAS, SERIE, CONCEPTOS, ENTIDADES, BOLETIN, ICAP_CNBV)
"""In the order in which a run processes them."""

BY_NAME = {source.name: source for source in SOURCES}

SAMPLE = Source("sample", ("SAMPLE-DATA.txt",), "base", None)
"""The marker that ``sample-data`` writes with its files. It is not read, but recorded, to keep sample figures apart."""


def recorded_name(source: str, path: Path) -> str:
    """The name under which a source's file is recorded: relative to the data folder."""
    folder = BY_NAME[source].folder if source in BY_NAME else ""
    return f"{folder}/{path.name}" if folder else path.name


def similar_files(folder: Path) -> dict[str, tuple[str, ...]]:
    """For each source without a file in ``folder``, the names of files there that may be intended for it."""
    found = {source.name: source.find_all(folder) for source in SOURCES}
    taken = {path for paths in found.values() for path in paths}
    return {
        source.name: source.similar(path.name for path in (folder / source.folder).glob("*") if path not in taken)
        for source in SOURCES
        if not found[source.name]
    }
