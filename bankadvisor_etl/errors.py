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


class Terminated(BaseException):
    """Raised in the main thread by SIGTERM; no ``Exception``, so that no handler for errors swallows it."""

    exit_code = 143


INTERRUPTED = 130
"""Exit code of a run stopped by Ctrl-C, as shells have it."""

MESSAGE_LENGTH = 4_000


def exit_code_of(error: BaseException) -> int:
    """The exit code that a failure owns; 1 for what should not have happened."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return error.exit_code if isinstance(error, EtlError | Terminated) else 1


def message_of(error: BaseException) -> str:
    """What went wrong, on one line and without a stack."""
    if isinstance(error, Terminated):
        return "stopped by SIGTERM"
    if isinstance(error, KeyboardInterrupt):
        return "stopped by Ctrl-C"
    text = " ".join([str(error), *getattr(error, "__notes__", ())])
    text = " ".join(text.split())[:MESSAGE_LENGTH]
    return text if isinstance(error, EtlError) else f"a bug: {type(error).__name__}: {text}; please report it"
