"""What can go wrong, one class a kind; each class owns the exit code of the process.

The message is for the person who reads it at 2 a.m.: what, where (file, sheet, row, column, value), what to do.
"""

from __future__ import annotations


class EtlError(Exception):
    """Raised only through its subclasses; anything else that escapes a run is a bug (exit 1)."""

    exit_code = 1


class DataError(EtlError):
    """Raised when an input was read and what it says cannot be right."""

    exit_code = 65


class DatabaseError(EtlError):
    """Raised when PostgreSQL cannot be reached, was lost, or refused a statement."""

    exit_code = 69


class InputError(EtlError):
    """Raised when a file is missing, unreadable, or not of the kind that its name says."""

    exit_code = 74


class ChangedError(EtlError):
    """Raised when a file changed while it was read, as one does that is still being copied."""

    exit_code = 75


class LockedError(EtlError):
    """Raised when another run holds the lock of this database."""

    exit_code = 75


class ConfigurationError(EtlError):
    """Raised when a setting is missing, malformed, or contradicts another."""

    exit_code = 78


class Terminated(KeyboardInterrupt):
    """Raised in the main thread by SIGTERM; no ``Exception``, so that no handler for errors swallows it.

    psycopg cancels the statement that is under way for a ``KeyboardInterrupt`` only; for anything else it leaves the
    connection busy, and the run's row could not be closed over it.
    """

    exit_code = 143


INTERRUPTED = 130
"""Exit code of a run stopped by Ctrl-C, as shells have it."""

MESSAGE_LENGTH = 4_000


def exit_code_of(error: BaseException) -> int:
    """The exit code that a failure owns; 1 for what should not have happened."""
    if isinstance(error, EtlError | Terminated):
        return error.exit_code
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def message_of(error: BaseException) -> str:
    """What went wrong, on one line and without a stack."""
    said = str(error)
    if isinstance(error, KeyboardInterrupt):
        said = "stopped by SIGTERM" if isinstance(error, Terminated) else "stopped by Ctrl-C"
    text = " ".join([said, *getattr(error, "__notes__", ())])
    text = " ".join(text.split())[:MESSAGE_LENGTH]
    if isinstance(error, EtlError | KeyboardInterrupt):
        return text
    return f"a bug: {type(error).__name__}: {text}; please report it"
