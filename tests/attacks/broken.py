"""The table of attacks: every way in which a file can be broken that we know of, and what has to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CARTERA, INSTITUCIONES = "CNBV_Cartera_Bancos_V2.xlsx", "Instituciones.xlsx"
CASTIGOS, CASTIGOS_COMERCIALES = "CASTIGOS.xlsx", "Castigos Comerciales.xlsx"
ICAP, TDA, TASAS, TASA_EFECTIVA = "ICAP_Bancos.xlsx", "TDA.xlsx", "CorporateLoan_CNBVDB.csv", "TE_Invex_Sistema.xlsx"

DATA, INPUT = 65, 74
"""The exit codes of a refusal: what the file says cannot be right; the file cannot be read."""


@dataclass(frozen=True)
class Broken:
    """One broken input.

    Attributes:
        kind: of the attack, for the table.
        name: what was done, in a few words.
        file: which file it was done to.
        code: the exit code that the run has to have.
        says: what ``error_message`` has to name: the file, and the sheet, row, column and value where there is one.
        do: breaks the file at a path, in a copy of the sample data.
        kept: of how many rows of the source the rejects have to be kept.
    """

    kind: str
    name: str
    file: str
    code: int
    says: tuple[str, ...]
    do: Callable[[Path], object]
    kept: int = 0

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def table() -> list[Broken]:
    """All of them."""
    import broken_archives  # noqa: PLC0415 (they build their tables from what is above)
    import broken_cells  # noqa: PLC0415
    import broken_csv  # noqa: PLC0415
    import broken_figures  # noqa: PLC0415
    import broken_places  # noqa: PLC0415
    import broken_sheets  # noqa: PLC0415

    modules = (broken_places, broken_archives, broken_sheets, broken_cells, broken_figures, broken_csv)
    return [broken for module in modules for broken in module.TABLE]
