"""A source: an input of the run, as a specification. Free of polars, which only those who read need."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.formats.sheet import Sheet


@dataclass(frozen=True)
class Source:
    """One input of the run.

    Attributes:
        name: the short name in logs and tables.
        files: the exact file name first, then the other names and patterns that are accepted.
        phase: the phase of the run that uses it.
        content: what its sheet has to look like, or the module of this package whose ``read(path)`` reads the
            file; None for a file that nothing reads.
        floor: the fewest rows that the file can honestly have.
        required: whether a run without it is an error.
    """

    name: str
    files: tuple[str, ...]
    phase: Literal["base", "enhanced"]
    content: Sheet | str | None
    floor: int = 1
    required: bool = False

    def find(self, folder: Path) -> Path | None:
        """Return the source's file in ``folder``: the exact name, else the last one that a pattern matches."""
        for pattern in self.files:
            matches = sorted(path for path in folder.glob(pattern) if path.is_file())
            if matches:
                return matches[-1]
        return None

    def read(self, path: Path, *, careful: bool = False) -> Extract:
        """Read the file; ``careful``, look for what could kill this process before parsing.

        Raises:
            InputError: the file cannot be read.
            DataError: what it says cannot be right.
        """
        if not self.content or isinstance(self.content, str):
            module = import_module(f"bankadvisor_etl.sources.{self.content}")
            return cast("Extract", module.read(path))
        from bankadvisor_etl.formats.sheet_table import read_table  # noqa: PLC0415 - and polars with it

        return read_table(path, self.content, careful=careful)
