"""CNBV's catalogues of its series: concepts (``cat_conceptos_40.csv``), institutions (``cat_instituciones_40.csv``).

Latin-1 with CRLF in some months and UTF-8 in others, with a BOM or without. Labels repeat: the number is the key.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import DataError, InputError, Place
from bankadvisor_etl.sources.series.archive import AGAIN, BOM
from bankadvisor_etl.sources.series.arrays import code
from bankadvisor_etl.sources.series.rows import LARGEST_CONCEPT, LARGEST_ENTITY

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.series.arrays import Series

CONCEPTS_FILE, ENTITIES_FILE = "cat_conceptos_40.csv", "cat_instituciones_40.csv"
CONCEPTS_HEADER = ("sector", "idtema", "idconcepto", "descripcion", "nivel", "indicador", "orden")
ENTITIES_HEADER = ("sector", "entidad", "nombre_entidad", "grupo", "nombre_grupo", "orden")
MAX_SIZE = 10 * 2**20
"""Bytes; the published ones have 35,000."""

MAX_SMALLINT = 32_767


@dataclass(frozen=True)
class Concept:
    """One line of the catalogue of concepts: its number, label, level in the tree (from 1) and place in the order."""

    id: int
    label: str
    level: int
    order: int


@dataclass(frozen=True)
class Unknown:
    """What the series has and a catalogue lacks, kept under its number; entities as canonical codes."""

    entities: tuple[str, ...]
    concepts: tuple[int, ...]


def read_concepts(path: Path) -> list[Concept]:
    """Read the catalogue of concepts, in the file's order.

    Raises:
        InputError: the file is missing, empty, binary, or larger than any catalogue.
        DataError: another header, a row that does not fit it, an invalid number, or a concept that appears twice.
    """
    concepts = {}
    for row, cells in _rows(path, CONCEPTS_HEADER):
        _, _, number, label, level, _, order = cells
        where = Place(path.name, row=row)
        concept = Concept(
            _number(where, "idconcepto", number, LARGEST_CONCEPT),
            label.strip(),
            _number(where, "nivel", level, MAX_SMALLINT),
            _number(where, "orden", order, LARGEST_CONCEPT),
        )
        if concept.id in concepts:
            raise DataError("appears twice", replace(where, column="idconcepto", value=number), AGAIN)
        concepts[concept.id] = concept
    return list(concepts.values())


def read_entities(path: Path) -> dict[str, str]:
    """Read the names of the institutions by canonical code.

    Raises:
        InputError: the file is missing, empty, binary, or larger than any catalogue.
        DataError: another header, a row that does not fit it, an invalid number, or a code that appears twice.
    """
    names: dict[str, str] = {}
    for row, cells in _rows(path, ENTITIES_HEADER):
        where = Place(path.name, row=row)
        codigo = code(_number(where, "entidad", cells[1], LARGEST_ENTITY))
        if codigo in names:
            raise DataError("appears twice", replace(where, column="entidad", value=cells[1]), AGAIN)
        names[codigo] = cells[2].strip()
    return names


def unknown(series: Series, concepts: list[Concept], entities: dict[str, str]) -> Unknown:
    """What the series has and the catalogues lack, for a warning: the files are replaced at different times."""
    known = {concept.id for concept in concepts}
    return Unknown(
        tuple(sorted({code(entity) for entity, _, _ in series.keys} - entities.keys())),
        tuple(sorted({concept for _, _, concept in series.keys} - known)),
    )


def _rows(path: Path, header: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """The rows below the header, with their numbers; blank ones are left out."""
    lines = _text(path).splitlines()
    rows = list(csv.reader(lines, strict=False))
    if not rows or tuple(cell.strip() for cell in rows[0]) != header:
        found = lines[0][:120] if lines else ""
        raise DataError(f"is not the header {','.join(header)}", Place(path.name, row=1, value=found), AGAIN)
    filled = [(number, cells) for number, cells in enumerate(rows[1:], 2) if any(cell.strip() for cell in cells)]
    for number, cells in filled:
        if len(cells) != len(header):
            what = f"{len(cells)} cells instead of {len(header)}: the file is truncated or was edited"
            raise DataError(what, Place(path.name, row=number), AGAIN)
    if not filled:
        raise DataError("there is no row below the header", Place(path.name), AGAIN)
    return filled


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SIZE + 1)
    except FileNotFoundError as error:
        raise InputError("the file is missing", Place(path.name)) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", Place(path.name)) from error
    if not content.strip():
        raise InputError("the file is empty", Place(path.name), AGAIN)
    if len(content) > MAX_SIZE or b"\0" in content:
        raise InputError(f"larger than {MAX_SIZE:,} bytes, or not text", Place(path.name), AGAIN)
    content = content.removeprefix(BOM)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # Latin-1 text with an accent is not valid UTF-8, and Latin-1 itself accepts any byte.
        return content.decode("latin-1")


def _number(where: Place, column: str, text: str, largest: int) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or int(digits) > largest:
        place = replace(where, column=column, value=text[:80])
        raise DataError(f"is not a number up to {largest:,}", place, AGAIN)
    return int(digits)
