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

SOURCES = (*WORKBOOKS, TASAS)
"""In the order in which a run takes them."""

BY_NAME = {source.name: source for source in SOURCES}

SAMPLE = Source("sample", ("SAMPLE-DATA.txt",), "base", None)
"""What ``sample-data`` leaves beside its files. Nothing reads it; it is on record, to keep invented figures apart."""


def similar_files(folder: Path) -> dict[str, tuple[str, ...]]:
    """For each source without a file in ``folder``, the names of files there that may be meant for it."""
    found = {source.name: source.find(folder) for source in SOURCES}
    others = [path.name for path in folder.glob("*") if path not in found.values()]
    return {source.name: source.similar(others) for source in SOURCES if found[source.name] is None}
