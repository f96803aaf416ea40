"""The table of attacks: every known way in which a file can be broken, and what the refusal has to say."""

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
"""The exit codes of a refusal: the contents of the file cannot be right; the file cannot be read."""


@dataclass(frozen=True)
class Broken:
    """One broken input.

    Attributes:
        kind: the kind of attack, for the table.
        name: what was done, in a few words.
        file: the file that is broken.
        code: the expected exit code.
        says: what ``error_message`` has to name: the file, and the sheet, row, column and value if there is one.
        do: breaks the file at a path, in a copy of the sample data.
        kept: the number of rows of the source whose rejects have to be kept.
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
    import broken_archives  # noqa: PLC0415 (they use the definitions above)
    import broken_cells  # noqa: PLC0415
    import broken_csv  # noqa: PLC0415
    import broken_figures  # noqa: PLC0415
    import broken_places  # noqa: PLC0415
    import broken_sheets  # noqa: PLC0415

    modules = (broken_places, broken_archives, broken_sheets, broken_cells, broken_figures, broken_csv)
    return [broken for module in modules for broken in module.TABLE]
