"""The institutions of a bulletin's sheet: the rows below the headers in which a cell of figures is filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.sources.bulletin import cells
from bankadvisor_etl.sources.bulletin.names import Institution, institution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bankadvisor_etl.formats.grid import Grid


@dataclass(frozen=True)
class Row:
    """One institution: its row number in the sheet, its identity, and its figures by column."""

    number: int
    institution: Institution
    figures: dict[int, float | None]


def rows(grid: Grid, headers: int, columns: Collection[int]) -> Iterator[Row]:
    """Read the institutions.

    Args:
        grid: the sheet.
        headers: the last row of headers.
        columns: the columns of figures.

    Raises:
        DataError: a filled row has no name or two, names are in different columns, an institution appears twice, a
            cell is neither a figure nor a missing marker, or cells of figures are merged.
    """
    left = min(columns)
    seen: dict[str, int] = {}
    names: int | None = None
    for number in range(headers + 1, len(grid.rows)):
        filled = [column for column in sorted(columns) if grid.text(number, column)]
        if not filled:
            continue
        texts = [column for column, text in grid.filled(number, 0, left) if not cells.is_figure(text)]
        if not texts and names is None and not any(cells.is_figure(grid.text(number, column)) for column in filled):
            continue  # a second row of headers
        if len(texts) != 1:
            what = "a row of figures with two names" if texts else "a row of figures without a name"
            grid.refuse(what, number, texts[1] if texts else filled[0])
        names = texts[0] if names is None else names
        if texts[0] != names:
            grid.refuse(f"a name that is not in column {grid.letters(names)} like those above it", number, texts[0])
        who = institution(grid.text(number, names) or "")
        if who.key in seen:
            grid.refuse(f"the institution appears twice, first in row {seen[who.key]}", number, names)
        seen[who.key] = number + grid.first_row
        yield Row(number + grid.first_row, who, _figures(grid, number, columns))
    if names is None:
        grid.refuse("there is no institution below the headers", headers)


def _figures(grid: Grid, number: int, columns: Collection[int]) -> dict[int, float | None]:
    figures: dict[int, float | None] = {}
    for column in columns:
        try:
            figures[column] = cells.figure(grid.text(number, column))
        except ValueError:
            grid.refuse("is neither a figure nor a missing marker", number, column)
        for top, first, bottom, last in grid.merged:
            if top <= number <= bottom and first <= column <= last:
                grid.refuse("cells of figures are merged: the figure belongs to no single row", top, max(first, 0))
    return figures
