"""What can go wrong with a download: the server did not answer, or what it sent is not the file."""

from __future__ import annotations

from bankadvisor_etl.errors import EtlError, InputError


class UnreachableError(EtlError):
    """Raised when a server does not answer, fails verification, or asks for more patience than there is.

    Attributes:
        retry_after: seconds that the server asked to wait, where it did.
        permanent: trying again cannot help, as with a certificate that does not verify.
    """

    exit_code = 69

    def __init__(self, message: str, *, retry_after: float | None = None, permanent: bool = False) -> None:
        """Keep what the server said beside the message."""
        super().__init__(message)
        self.retry_after = retry_after
        self.permanent = permanent


class NotTheFileError(InputError):
    """Raised when a server answered with something that is not the file."""


class MissingError(NotTheFileError):
    """Raised when a server says that it has no such file: a 404, or a page where the file should be."""
