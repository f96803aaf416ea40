"""Finds the figures in a bulletin's sheet by headers and dates, never by position.

A sheet has a row of headers, each over the first column of its block; below it a row of dates; then the institutions.
A block ends where the next header begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bankadvisor_etl.sources.bulletin import cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from bankadvisor_etl.formats.grid import Grid

    Named = Callable[[str], str | None]

FEWEST_DATES = 3


@dataclass(frozen=True)
class Block:
    """The columns under one header.

    Attributes:
        name: the name of its figures.
        row: the row of the header.
        column: the column of the header.
        months: the month of each column of figures, in order.
    """

    name: str
    row: int
    column: int
    months: dict[int, date]


@dataclass(frozen=True)
class Layout:
    """The layout of a sheet: the row of dates, and the blocks from left to right."""

    dates: int
    blocks: tuple[Block, ...]

    @property
    def columns(self) -> dict[int, tuple[str, date]]:
        """The name and month of each column of figures."""
        return {column: (block.name, month) for block in self.blocks for column, month in block.months.items()}


def layout(
    grid: Grid,
    named: Named,
    wanted: Sequence[str] = (),
    *,
    levels: int = 1,
    others: Callable[[str], str] | None = None,
) -> Layout:
    """Find the blocks.

    Args:
        grid: the sheet.
        named: the name of a header's block, None for an unknown header.
        wanted: the names of the required blocks; if empty, all known blocks are read, and one is required.
        levels: the number of header rows; the lowest one names a block.
        others: the name of the block under an unknown header; None if there is no such block.

    Raises:
        DataError: there is no row of dates or of headers; a block is missing or appears twice, or its months are not
            in order or differ from those of the other blocks.
    """
    dates = next((row for row in range(len(grid.rows)) if _dates(grid, row) >= FEWEST_DATES), None)
    if dates is None:
        grid.refuse(f"there is no row with {FEWEST_DATES} dates")
    starts = _starts(grid, dates, named, levels)
    if not starts:
        grid.refuse("there is no known header above the dates", dates)
    first = min(starts)
    if early := [column for column, text in grid.filled(dates, 0, first) if cells.month(text)]:
        grid.refuse("a date without a header above it", dates, early[0])
    ends = [*sorted(starts), len(grid.rows[dates])]
    blocks: list[Block] = []
    for start, end in pairwise(ends):
        row = starts[start]
        header = grid.text(row, start) or ""
        name = named(header)
        if name is None:
            if others is None or not any(cells.month(text) for _, text in grid.filled(dates, start, end)):
                continue
            name = others(header)
        block = Block(name, row, start, _months(grid, dates, start, end))
        if name in (other.name for other in blocks):
            grid.refuse("the block appears twice", row, start)
        blocks.append(block)
    _check(grid, dates, blocks, wanted)
    return Layout(dates, tuple(blocks))


def _dates(grid: Grid, row: int) -> int:
    return sum(cells.month(text) is not None for _, text in grid.filled(row))


def _starts(grid: Grid, dates: int, named: Named, levels: int) -> dict[int, int]:
    """The columns in which a block begins, and the row of its header; empty without a known header."""
    rows: list[int] = []
    for row in range(dates - 1, -1, -1):
        if any(named(text) for _, text in grid.filled(row)):
            rows.append(row)
        elif rows:
            break
        if len(rows) == levels:
            break
    starts: dict[int, int] = {}
    for row in reversed(rows):
        starts |= dict.fromkeys((column for column, _ in grid.filled(row)), row)
    return starts


def _months(grid: Grid, dates: int, start: int, end: int) -> dict[int, date]:
    """The months of a block. Percentage columns in between have no date, or a percent sign instead."""
    months: dict[int, date] = {}
    for column, text in grid.filled(dates, start, end):
        month = cells.month(text)
        if month is not None:
            if months and month <= max(months.values()):
                grid.refuse("the months of the block are not in order", dates, column)
            months[column] = month
        elif "%" not in text:
            grid.refuse("is not a month", dates, column)
    return months


def _check(grid: Grid, dates: int, blocks: Sequence[Block], wanted: Sequence[str]) -> None:
    there = [block.name for block in blocks]
    if lacking := [name for name in wanted if name not in there]:
        grid.refuse(f"the block of {', '.join(lacking)} is missing; there are {', '.join(there)}", dates)
    for block in blocks:
        if not block.months:
            grid.refuse("there is no date under the header", block.row, block.column)
        if list(block.months.values()) != list(blocks[0].months.values()):
            grid.refuse("the months of the block are not those of the first block", block.row, block.column)
