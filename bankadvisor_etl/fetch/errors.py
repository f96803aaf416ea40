"""The errors of a download: the server did not answer, or what it sent is not the file."""

from __future__ import annotations

from bankadvisor_etl.errors import EtlError, InputError


class UnreachableError(EtlError):
    """Raised when a server does not answer, fails verification, or asks to wait too long.

    Attributes:
        retry_after: seconds that the server asked to wait, if it did.
        permanent: a retry cannot help, as with a certificate that fails verification.
    """

    exit_code = 69

    def __init__(self, message: str, *, retry_after: float | None = None, permanent: bool = False) -> None:
        """Store the server's answer with the message."""
        super().__init__(message)
        self.retry_after = retry_after
        self.permanent = permanent


class NotTheFileError(InputError):
    """Raised when a server answered with something that is not the file."""


class MissingError(NotTheFileError):
    """Raised when a server does not have the file: it answers 404, or with a page instead of the file."""
