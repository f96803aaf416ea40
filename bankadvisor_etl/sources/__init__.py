"""The eight inputs. Here: where each one's file is looked for. In one module each: its contract and its ``read``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from bankadvisor_etl.sources.model import Reading


@dataclass(frozen=True)
class Source:
    """One input of the run.

    Attributes:
        name: the short name in logs and tables, and of the module that reads it.
        files: the exact file name first, then the other names and patterns that are accepted.
        phase: the phase of the run that uses it.
        floor: the fewest rows that the file can honestly have.
        required: whether a run without it is an error.
    """

    name: str
    files: tuple[str, ...]
    phase: Literal["base", "enhanced"]
    floor: int = 1
    required: bool = False

    def find(self, folder: Path) -> Path | None:
        """Return the source's file in ``folder``: the exact name, else the last one that a pattern matches."""
        for pattern in self.files:
            matches = sorted(path for path in folder.glob(pattern) if path.is_file())
            if matches:
                return matches[-1]
        return None

    def read(self, path: Path) -> Reading:
        """Read the file as the source's module does.

        Raises:
            InputError: the file cannot be read.
            DataError: what it says cannot be right.
        """
        return cast("Reading", self.prepare().read(path))

    def prepare(self) -> ModuleType:
        """Import the source's module, and polars with it: only those who read need them."""
        folder = "" if self.name == "tasas" else "workbooks."
        return import_module(f"{__name__}.{folder}{self.name}")


SOURCES = (
    Source(
        "cartera",
        ("CNBV_Cartera_Bancos_V2.xlsx", "CNBV_Cartera_Bancos*.xlsx", "CNBV_Datos.xlsx"),
        "base",
        floor=5_000,
        required=True,
    ),
    Source("instituciones", ("Instituciones.xlsx",), "base"),
    Source("castigos", ("CASTIGOS.xlsx",), "base", floor=40),
    Source("castigos_comerciales", ("Castigos Comerciales.xlsx",), "base"),
    Source("icap", ("ICAP_Bancos.xlsx",), "enhanced", floor=500),
    Source("tda", ("TDA.xlsx",), "enhanced", floor=500),
    Source("tasas", ("CorporateLoan_CNBVDB.csv",), "enhanced"),
    Source("tasa_efectiva", ("TE_Invex_Sistema.xlsx",), "enhanced"),
)
"""In the order in which a run takes them."""

SAMPLE = Source("sample", ("SAMPLE-DATA.txt",), "base")
"""What ``sample-data`` leaves beside its files. Nothing reads it; it is on record, to keep invented figures apart."""
