"""The eight inputs. Here: where each one's file is looked for. In one module each: its contract and its ``read``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import ModuleType

    from bankadvisor_etl.sources.model import Reading


COPY_OF = re.compile(r"^(copia de|copy of)|\.[^.]*$", re.IGNORECASE)
"""What Windows puts before the name of a copy; and the ending."""


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
        """Return the source's file in ``folder``, whatever its case: the exact name, else the newest version."""
        for pattern in self.files:
            matches = [path for path in folder.glob("*") if _matches(path.name, pattern) and path.is_file()]
            if matches:
                return max(matches, key=lambda path: (path.name == pattern, _version(path.name)))
        return None

    def similar(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of ``names`` that may be meant for this source's file, as ``TDA (1).xlsx`` is for ``TDA.xlsx``."""
        stems = [_letters(re.split(r"[*.]", name)[0]) for name in self.files]
        return tuple(sorted(name for name in names if _resembles(_letters(COPY_OF.sub("", name)), stems)))

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


def similar_files(folder: Path) -> dict[str, tuple[str, ...]]:
    """For each source without a file in ``folder``, the names of files there that may be meant for it."""
    found = {source.name: source.find(folder) for source in SOURCES}
    others = [path.name for path in folder.glob("*") if path not in found.values()]
    return {source.name: source.similar(others) for source in SOURCES if found[source.name] is None}


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


def _version(name: str) -> list[tuple[int, str]]:
    """A key that sorts ``_V10`` after ``_V9``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name.casefold())]


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _resembles(letters: str, stems: list[str]) -> bool:
    return letters.startswith(tuple(stems)) or bool(get_close_matches(letters, stems, cutoff=0.85))


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
