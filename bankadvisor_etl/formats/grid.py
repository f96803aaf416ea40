"""A sheet as a rectangle of text, for sheets that are laid out for people and have no fixed columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from bankadvisor_etl.errors import DataError, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AGAIN = "fetch the file again; if it is the same, the layout is new and has to be added here"
SHOWN = 80
"""Characters of a cell that an error shows."""

LETTERS = 26


@dataclass(frozen=True)
class Grid:
    """The cells of a sheet as text; a blank cell is None.

    Attributes:
        file: the name of the file.
        sheet: the name of the sheet, as the workbook spells it.
        rows: the cells, row by row, all of the same length.
        first_row: the number of the first row, as Excel shows it.
        first_column: the number of the first column, 1 for A.
        merged: merged ranges as top, left, bottom and right: indexes in ``rows``, both ends inclusive.
    """

    file: str
    sheet: str
    rows: Sequence[Sequence[str | None]]
    first_row: int = 1
    first_column: int = 1
    merged: tuple[tuple[int, int, int, int], ...] = ()

    def text(self, row: int, column: int) -> str | None:
        """The trimmed text of a cell; None if nothing is left."""
        return (self.rows[row][column] or "").strip() or None

    def filled(self, row: int, start: int = 0, end: int | None = None) -> Iterator[tuple[int, str]]:
        """The filled cells of a row between two columns, each after its column."""
        for column in range(start, len(self.rows[row]) if end is None else end):
            if text := self.text(row, column):
                yield column, text

    def place(self, row: int | None = None, column: int | None = None) -> Place:
        """The place of a cell, with its text, or of a row, or of the sheet."""
        if row is None:
            return Place(self.file, self.sheet)
        number = row + self.first_row
        if column is None:
            return Place(self.file, self.sheet, number)
        value = self.text(row, column)
        return Place(self.file, self.sheet, number, self.letters(column), value and value[:SHOWN])

    def letters(self, column: int) -> str:
        """The letters of a column, as Excel shows them."""
        number, letters = column + self.first_column, ""
        while number:
            number, letter = divmod(number - 1, LETTERS)
            letters = chr(ord("A") + letter) + letters
        return letters

    def refuse(self, what: str, row: int | None = None, column: int | None = None) -> NoReturn:
        """Refuse the sheet.

        Raises:
            DataError: always, with the place.
        """
        raise DataError(what, self.place(row, column), AGAIN)
