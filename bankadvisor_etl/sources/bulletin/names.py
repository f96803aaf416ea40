"""From the names in a bulletin to CNBV's codes: by a table of current and former names, never by similarity."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bankadvisor_etl.sources.bulletin.cells import MARK, MOST_LABELS, without_accents

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST_MARK = re.compile(r"\s*(?:[0-9]|\*+)\s*/$|\*+$")
TWO_DIGITS = re.compile(r"\s*[0-9]{2}\s*/$")
SPACED_MARK = re.compile(rf"\s+{MARK}$")
BRACKETS = re.compile(r"\s*\((?:antes )?([^)]*)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Institution:
    """An institution of a bulletin: its name without footnote marks, and its code, None for an unknown name."""

    name: str
    code: str | None

    @property
    def key(self) -> str:
        """What identifies it: the code, or the normalized name."""
        return self.code or compared(self.name)


@lru_cache(MOST_LABELS)
def institution(text: str) -> Institution:
    """Look up a name. A digit before ``/`` may be a mark or the end of a name: the table decides."""
    table = aliases()
    for name in _readings(" ".join(text.split())):
        if code := table.get(compared(name)):
            return Institution(name, code)
    name = " ".join(text.split())
    while (shorter := SPACED_MARK.sub("", LAST_MARK.sub("", name))) != name:
        name = shorter
    return Institution(name, None)


def _readings(name: str) -> Iterator[str]:
    """The name as written, then with its footnote marks removed from the end one by one."""
    waiting = [name]
    while waiting:
        name = waiting.pop(0)
        yield name
        waiting += [shorter for mark in (LAST_MARK, TWO_DIGITS) if (shorter := mark.sub("", name)) != name]


def compared(name: str) -> str:
    """A normalized name: accents, case, dots and spaces are ignored."""
    return "".join(without_accents(name).casefold().replace(".", "").split())


@cache
def aliases() -> dict[str, str]:
    """The code of each normalized name: official, short and former names, and the spellings of bulletins.

    A name that two institutions share is left out.
    """
    codes: dict[str, set[str]] = defaultdict(set)
    for code, name in _known():
        codes[compared(name)].add(code)
    return {name: next(iter(found)) for name, found in codes.items() if len(found) == 1}


def _known() -> Iterator[tuple[str, str]]:
    folder = files("bankadvisor_etl.sources")
    for line in csv.DictReader((folder / "catalogo.csv").read_text(encoding="utf-8").splitlines()):
        for name in (line["banco_norm"], line["nombre_oficial"]):
            yield line["codigo"], name
            yield line["codigo"], BRACKETS.sub("", name)
            yield from ((line["codigo"], former) for former in BRACKETS.findall(name))
    for line in csv.DictReader((folder / "bulletin" / "alias.csv").read_text(encoding="utf-8").splitlines()):
        yield line["codigo"], line["nombre"]
