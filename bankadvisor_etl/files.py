"""The files of a run: which ones are there, and exactly which bytes they hold."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class File:
    """One file of the run, as it was when it was hashed.

    Attributes:
        source: short name of the input.
        path: where it is.
        sha256: hash of its bytes, in hexadecimal.
        bytes: its size.
        stamp: modification time (ns), inode and size: what changes when somebody writes or replaces it.
    """

    source: str
    path: Path
    sha256: str
    bytes: int
    stamp: tuple[int, int, int]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name

    def assert_unchanged(self) -> None:
        """Raise ``InputError`` when the file is no longer the one that was hashed."""
        if _stamp(self.path) != self.stamp:
            raise InputError(f"{self.name}: the file changed while it was being read; run again when it is complete")


def hash_files(found: Iterable[tuple[str, Path]]) -> list[File]:
    """Hash the files, given by source, two at a time.

    Raises:
        InputError: a file cannot be read.
    """
    with ThreadPoolExecutor(2) as pool:  # hashlib lets go of the GIL
        return list(pool.map(lambda pair: _hash(*pair), found))


def _hash(source: str, path: Path) -> File:
    stamp = _stamp(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    return File(source, path, digest, stamp[2], stamp)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    return status.st_mtime_ns, status.st_ino, status.st_size
