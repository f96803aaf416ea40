"""The errors of this package, one class per kind; each class has its exit code.

An error is for a person who reads it at 2 a.m.: what happened, where (file, sheet, row, column, value), what to do.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """Where in the input something is wrong; unknown parts are None.

    Attributes:
        file: the name of the file, without its folder.
        sheet: the name of the sheet.
        row: the number of the row or line, as Excel or an editor shows it.
        column: the header of the column, or the reference of the cell (``CV1048576``).
        value: the text of the cell.
    """

    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        """The known parts, as the beginning of a message."""
        parts = [self.file] if self.file else []
        parts += [f"sheet {self.sheet!r}"] if self.sheet else []
        parts += [f"row {self.row}"] if self.row is not None else []
        parts += [f"column {self.column!r}"] if self.column else []
        return ", ".join(parts)

    def known(self) -> dict[str, Any]:
        """The known parts, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


NOWHERE = Place()


class EtlError(Exception):
    """Raised only through its subclasses; anything else that escapes a run is a bug (exit 1).

    Attributes:
        what: what went wrong.
        place: where in the input.
        remedy: what to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, place: Place = NOWHERE, remedy: str = "") -> None:
        """Combine what went wrong, its place and the remedy into a message."""
        self.what, self.place, self.remedy = what, place, remedy
        where = f"{place}: " if str(place) else ""
        value = "" if place.value is None else f"{place.value!r} "
        super().__init__(f"{where}{value}{what}" + (f"; {remedy}" if remedy else ""))


class DataError(EtlError):
    """Raised when the contents of an input cannot be right."""

    exit_code = 65


class DatabaseError(EtlError):
    """Raised when PostgreSQL cannot be reached, was lost, or refused a statement."""

    exit_code = 69


class InputError(EtlError):
    """Raised when a file is missing, unreadable, or not of the type that its name says."""

    exit_code = 74


class ReaderError(InputError):
    """Raised when the process that reads the files cannot start: no file is to blame."""


class OutOfMemoryError(InputError):
    """Raised when reading or computing needs more memory than is allowed or available."""


class ChangedError(EtlError):
    """Raised when a file changed while it was read, for example because it is still being copied."""

    exit_code = 75


class LockedError(EtlError):
    """Raised when another run holds the lock of this database."""

    exit_code = 75


class ConfigurationError(EtlError):
    """Raised when a setting is missing, malformed, or contradicts another."""

    exit_code = 78


class BugError(Exception):
    """Raised for an unexpected error in the process that computes; its cause has the traceback, as text."""

    exit_code = 1

    def __init__(self, what: str, stack: str) -> None:
        """Store ``what`` happened and the ``stack``."""
        super().__init__(what)
        self.__cause__ = RuntimeError(f"in the process that computes:\n{stack}")


class Terminated(KeyboardInterrupt):
    """Raised in the main thread by SIGTERM; not an ``Exception``, so that no error handler swallows it.

    psycopg cancels the running statement only for a ``KeyboardInterrupt``; otherwise it leaves the connection busy,
    and the run's row could not be closed over it.
    """

    exit_code = 143


INTERRUPTED = 130
"""Exit code of a run stopped by Ctrl-C, as in shells."""

MESSAGE_LENGTH = 4_000


def exit_code_of(error: BaseException) -> int:
    """The exit code of an error; 1 for unexpected ones."""
    if isinstance(error, EtlError | Terminated):
        return error.exit_code
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def place_of(error: BaseException) -> dict[str, Any]:
    """The known parts of the place of an error, by name."""
    return error.place.known() if isinstance(error, EtlError) else {}


def message_of(error: BaseException) -> str:
    """What went wrong, on one line and without a traceback."""
    said = str(error)
    if isinstance(error, KeyboardInterrupt):
        said = "stopped by SIGTERM" if isinstance(error, Terminated) else "stopped by Ctrl-C"
    text = " ".join([said, *getattr(error, "__notes__", ())])
    text = " ".join(text.split())[:MESSAGE_LENGTH]
    if isinstance(error, EtlError | KeyboardInterrupt):
        return text
    kind = "" if isinstance(error, BugError) else f"{type(error).__name__}: "
    return f"a bug: {kind}{text}; please report it"
