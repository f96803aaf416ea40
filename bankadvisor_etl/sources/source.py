"""A source: an input of the run, as a specification. Free of polars, which only readers need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

from bankadvisor_etl.formats.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.formats.sheet import Bound


COPY_OF = re.compile(r"^(copia de|copy of)|\.[^.]*$", re.IGNORECASE)
"""The prefix that Windows gives the name of a copy; and the extension."""


@dataclass(frozen=True)
class Source:
    """One input of the run.

    Attributes:
        name: the short name in logs and tables.
        files: the exact file name first, then other accepted names and patterns.
        phase: the phase of the run that uses it.
        content: the specification of its sheet, or the module of this package whose ``read(path)`` reads the file;
            None for a file that nothing reads.
        floor: the fewest rows that a valid file can have.
        required: whether a run without it is an error.
        folder: the subfolder of its files in the data folder; empty for the data folder itself.
        unless: the source that replaces it when it is missing.
        only_with: the source without which it is of no use, and then not reported as missing.
        many: whether every file that matches is read, as with bulletins, rather than one. Its module then has
            ``merged(extracts)``, which combines the extracts of the files.
        other_bounds: the bounds of columns that its sheet does not name.
    """

    name: str
    files: tuple[str, ...]
    phase: Literal["base", "enhanced"]
    content: Sheet | str | None
    floor: int = 1
    required: bool = False
    folder: str = ""
    unless: str = ""
    only_with: str = ""
    many: bool = False
    other_bounds: tuple[tuple[str, Bound], ...] = ()

    @property
    def bounds(self) -> Mapping[str, Bound]:
        """The bound of each column of the canonical frame."""
        columns = self.content.columns if isinstance(self.content, Sheet) else ()
        return {**{column.name: column.bound for column in columns if column.bound}, **dict(self.other_bounds)}

    def find(self, data_dir: Path) -> Path | None:
        """Return the source's file in ``data_dir``, ignoring case: the exact name, otherwise the newest version."""
        return next(iter(self.find_all(data_dir)), None)

    def find_all(self, data_dir: Path) -> list[Path]:
        """The source's file; for a source with ``many`` files all of them, sorted by name."""
        there = [path for path in (data_dir / self.folder).glob("*") if path.is_file()]
        if self.many:
            return sorted(path for path in there if any(_matches(path.name, pattern) for pattern in self.files))
        for pattern in self.files:
            matches = [path for path in there if _matches(path.name, pattern)]
            if matches:
                return [max(matches, key=lambda path: (path.name == pattern, _version(path.name)))]
        return []

    def similar(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of ``names`` that may be intended as this source's file, as ``TDA (1).xlsx`` for ``TDA.xlsx``."""
        stems = [_letters(re.split(r"[*.]", name)[0]) for name in self.files]
        return tuple(sorted(name for name in names if _resembles(_letters(COPY_OF.sub("", name)), stems)))

    def is_missed(self, there: Container[str]) -> bool:
        """Whether it is not among the sources that are ``there`` but would be of use with them."""
        made_up_for = self.unless and self.unless in there
        useless = self.only_with and self.only_with not in there
        return self.name not in there and not made_up_for and not useless

    def read(self, path: Path, *, careful: bool = False) -> Extract:
        """Read the file; if ``careful``, first look for contents that could kill this process.

        Raises:
            InputError: the file cannot be read.
            DataError: its contents cannot be right.
        """
        if not self.content or isinstance(self.content, str):
            module = import_module(f"bankadvisor_etl.sources.{self.content}")
            return cast("Extract", module.read(path))
        from bankadvisor_etl.formats.sheet_table import read_table  # noqa: PLC0415 - and polars with it

        return read_table(path, self.content, careful=careful)

    def merged(self, extracts: Sequence[Extract]) -> Extract:
        """Combine the extracts of its files, in the order of ``find_all``."""
        if not self.many:
            (extract,) = extracts
            return extract
        module = import_module(f"bankadvisor_etl.sources.{self.content}")
        return cast("Extract", module.merged(extracts))


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


def _version(name: str) -> list[tuple[int, str]]:
    """A key that sorts ``_V10`` after ``_V9``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name.casefold())]


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _resembles(letters: str, stems: list[str]) -> bool:
    return letters.startswith(tuple(stems)) or bool(get_close_matches(letters, stems, cutoff=0.85))
