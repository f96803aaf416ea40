"""The specification of a sheet, as data: its named columns and how strictly they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Form = Literal["code", "period", "iso date", "american date", "number", "number or serial", "text"]
"""The forms of a cell; ``formats.parse`` has the function for each."""


class Bound(NamedTuple):
    """How far a column may move from one month to those around it; ``checks.scale`` checks that.

    Attributes:
        banks: the largest legitimate factor of the median over the banks, in either direction; infinite if too few
            banks have the figure for a meaningful median.
        sistema: the same for the system's figure.
        least: the fewest banks for a median.
    """

    banks: float
    sistema: float
    least: int = 5


@dataclass(frozen=True)
class Column:
    """A named column of a file.

    Attributes:
        header: the trimmed text of the header.
        name: the column of the canonical frame.
        form: the form of its cells.
        key: whether it is part of the key of a row.
        required: whether a row without it is set aside; a key always is required.
        bound: how far it may move; None if that is not checked.
    """

    header: str
    name: str
    form: Form = "number"
    key: bool = False
    required: bool = False
    bound: Bound | None = None


@dataclass(frozen=True)
class Sheet:
    """A sheet with one row of headers and, below it, one row per key.

    Attributes:
        name: the name of the sheet.
        columns: the columns that are read; others are ignored.
        strict: whether the first fault refuses the file. Otherwise a row without a key is set aside, and a faulty
            figure sets aside only its cell: the other figures of the row are good.
        else_first: whether the first sheet is used if none has that name.
        repeated_keys: whether a repeated key refuses the file or sets aside its later rows.
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
        """The names of the key columns."""
        return [column.name for column in self.columns if column.key]
