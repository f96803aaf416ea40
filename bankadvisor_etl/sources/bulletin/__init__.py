"""CNBV's monthly bulletin (``BE BM YYYYMM.xlsx``): the most recent figures, by bank name, read by header.

Amounts are MDP and ratios percent, of the bank with its consolidated SOFOMs. Each sheet repeats two older months.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.errors import DataError, EtlError, InputError, Place
from bankadvisor_etl.formats.book import Book
from bankadvisor_etl.sources.bulletin.blocks import layout
from bankadvisor_etl.sources.bulletin.capital import capital
from bankadvisor_etl.sources.bulletin.cells import shown
from bankadvisor_etl.sources.bulletin.layouts import CAPITAL, LAYOUTS, SHEETS, Layout
from bankadvisor_etl.sources.bulletin.rows import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from bankadvisor_etl.formats.grid import Grid

CELLS = pl.Schema(
    {
        "hoja": pl.String,
        "fila": pl.UInt32,
        "institucion": pl.String,
        "codigo": pl.String,
        "mes": pl.Date,
        "tema": pl.String,
        "grupo": pl.String,
        "columna": pl.String,
        "valor": pl.Float64,
    }
)
"""One row per figure: its sheet and row, the institution's name there and its code (null if the name is unknown), the
month, its kind (``tema``: ``metrica``, ``segmento``, ``producto`` or ``capital``), the segment's code or the product
(``grupo``), the name of the figure, and its value in MDP or percent, null if the bulletin has none."""


@dataclass(frozen=True)
class Bulletin:
    """What was read of a bulletin.

    Attributes:
        file: its name.
        month: its newest month.
        cells: the figures, as ``CELLS``.
        refused: why sheets could not be read.
        missing: the sheets that it lacks, as older bulletins do.
    """

    file: str
    month: date
    cells: pl.DataFrame
    refused: tuple[EtlError, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def unknown(self) -> list[str]:
        """The names that are not in the alias table."""
        return sorted(self.cells.filter(pl.col("codigo").is_null())["institucion"].unique())


def read(path: Path) -> Bulletin:
    """Read a bulletin as far as possible: a missing or refused sheet does not affect the others.

    Raises:
        InputError: the file is missing, not a workbook, damaged or too large, or has none of the sheets.
        DataError: every sheet that it has was refused.
    """
    book = Book(path)
    return of_grids(path.name, {_compared(sheet): sheet for sheet in book.sheets}, book.grid, book.sheets)


def of_grids(file: str, spelt: Mapping[str, str], grid: Callable[[str], Grid], there: Sequence[str]) -> Bulletin:
    """Read the sheets of a bulletin.

    Args:
        file: the name of the file.
        spelt: the workbook's spelling of each sheet's name, by its normalized name.
        grid: returns the cells of a sheet.
        there: the names of all sheets, as the workbook spells them.

    Raises:
        InputError: none of the sheets is present.
        DataError: every sheet was refused.
    """
    cells: list[pl.DataFrame] = []
    refused: list[EtlError] = []
    missing: list[str] = []
    for sheet in SHEETS:
        name = spelt.get(_compared(sheet))
        if name is None:
            missing.append(sheet)
            continue
        try:
            if [_compared(other) for other in there].count(_compared(sheet)) > 1:
                raise DataError("two sheets have this name", Place(file, sheet), "delete the one that is not CNBV's")
            cells.append(cells_of(sheet, grid(name)))
        except EtlError as error:
            refused.append(error)
    if not cells:
        if refused:
            raise refused[0]
        raise InputError(f"none of the sheets {', '.join(SHEETS)} is present", Place(file), "fetch the file again")
    frame = pl.concat(cells)
    newest = cast("date", frame["mes"].max())
    return Bulletin(file, newest, frame, tuple(refused), tuple(missing))


def cells_of(sheet: str, grid: Grid) -> pl.DataFrame:
    """The figures of one sheet, as ``CELLS``.

    Args:
        sheet: the name of the sheet in ``SHEETS``.
        grid: its cells.

    Raises:
        DataError: the sheet has an unexpected layout, or a cell is faulty.
    """
    if sheet == CAPITAL:
        month, found = capital(grid)
        records: list[tuple[object, ...]] = [
            (sheet, row.number, row.institution.name, row.institution.code, month, "capital", None, name, value)
            for row, ratios in found
            for name, value in ratios.items()
        ]
    else:
        records = list(_records(next(item for item in LAYOUTS if item.sheet == sheet), grid))
    return pl.DataFrame(records, CELLS, orient="row")


def _records(item: Layout, grid: Grid) -> Iterator[tuple[object, ...]]:
    _refuse_other_units(grid)
    found = layout(grid, item.named, item.wanted, levels=item.levels, others=shown if item.open else None)
    columns = found.columns
    for row in rows(grid, found.dates, columns):
        who = row.institution
        for column, value in row.figures.items():
            name, month = columns[column]
            group, figure = (name, "saldo") if item.kind == "producto" else (item.group, name)
            yield item.sheet, row.number, who.name, who.code, month, item.kind, group, figure, value


_THOUSANDS = re.compile(r"\bmiles de pesos\b|\bpesos corrientes\b", re.IGNORECASE)


def _refuse_other_units(grid: Grid) -> None:
    """Refuse a sheet that names another unit than millions of pesos."""
    for row in range(min(len(grid.rows), 15)):
        for column, text in grid.filled(row):
            if _THOUSANDS.search(text) and "mill" not in text.casefold():
                grid.refuse("amounts have to be millions of pesos", row, column)


def _compared(sheet: str) -> str:
    return " ".join(sheet.split()).casefold()
