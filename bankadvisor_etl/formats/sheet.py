"""What a sheet of a workbook has to look like, as data: its named columns and how strict it is about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Form = Literal["code", "period", "iso date", "american date", "number", "number or serial", "text"]
"""The forms of a cell; ``formats.parse`` has the function of each."""


class Bound(NamedTuple):
    """How far a column may honestly move from a month to those around it; ``checks.scale`` holds it to that.

    Attributes:
        banks: the largest honest factor of the median over the banks, in either direction; infinite where too few
            banks have the figure for a median to mean anything.
        sistema: the same for the system's figure.
        least: the fewest banks that make a median.
    """

    banks: float
    sistema: float
    least: int = 5


@dataclass(frozen=True)
class Column:
    """A named column of a file.

    Attributes:
        header: the text of the header, without the spaces around it.
        name: the column of the canonical frame.
        form: what the text of a cell has to be.
        key: whether it is part of the key of a row.
        required: whether a row without it is set aside; a key always is.
        bound: how far it may honestly move; None where nothing is held against it.
    """

    header: str
    name: str
    form: Form = "number"
    key: bool = False
    required: bool = False
    bound: Bound | None = None


@dataclass(frozen=True)
class Sheet:
    """A sheet with one row of headers and, under it, one row per key.

    Attributes:
        name: the name of the sheet.
        columns: the columns that are read; others are ignored.
        strict: whether the first fault refuses the file. Otherwise a row without a key is set aside, and of a row with
            a faulty figure that cell alone: the other figures of the row are good.
        else_first: whether the first sheet is taken where none has that name.
        repeated_keys: whether a key that appears twice refuses the file, or its later rows are set aside.
    """

    name: str
    columns: tuple[Column, ...]
    strict: bool = False
    else_first: bool = False
    repeated_keys: Literal["refuse", "set aside"] = "refuse"

    @property
    def headers(self) -> list[str]:
        """The headers of the named columns."""
        return [column.header for column in self.columns]

    @property
    def key(self) -> list[str]:
        """The names of the columns that make the key."""
        return [column.name for column in self.columns if column.key]
