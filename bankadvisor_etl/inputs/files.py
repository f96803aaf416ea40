"""The files of a run: which ones exist, and a hash of their bytes."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import ChangedError, InputError, Place
from bankadvisor_etl.sources import SAMPLE, SOURCES, recorded_name, similar_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


SETTLED, MOMENT = 10.0, 0.5
"""Seconds. A damaged file that was written less than ``SETTLED`` ago may still be being copied; a copy writes at
least once per ``MOMENT``."""

LONG = 512 * 2**20
"""Bytes. A longer file is hashed while it is read, not before."""


@dataclass(frozen=True)
class File:
    """One file of the run, as it was when the run began.

    Attributes:
        source: short name of the input.
        name: its recorded name, relative to the data folder.
        path: its path.
        stamp: modification time (ns), inode and size, which change when the file is written or replaced.
        sha256: hash of its bytes, in hexadecimal; empty before ``hashed``.
    """

    source: str
    name: str
    path: Path
    stamp: tuple[int, int, int]
    sha256: str = ""

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.stamp[2]

    def assert_unchanged(self) -> None:
        """Raise ``ChangedError`` if the file is no longer the one that the run began with."""
        if _stamp(self.path) != self.stamp:
            raise ChangedError(
                "the file changed while it was being read", Place(self.name), "run again when it is complete"
            )

    def assert_settled(self) -> None:
        """Raise ``ChangedError`` if an unreadable file is still being written; waits a moment to find out."""
        self.assert_unchanged()
        if abs(time.time() - self.stamp[0] / 1e9) < SETTLED:
            time.sleep(MOMENT)
            self.assert_unchanged()


class Stock:
    """The files of a run, listed on creation; an error is raised by ``files``, so that the run can record it."""

    def __init__(self, data_dir: Path) -> None:
        """List the files in ``data_dir``."""
        self._files: list[File] = []
        self._error: Exception | None = None
        try:
            markers = ((SAMPLE.name, marker) for marker in SAMPLE.find_all(data_dir))
            self._files = list_files([*find_files(data_dir), *markers])
        except Exception as error:  # noqa: BLE001 - raised by ``files``
            self._error = error

    @property
    def short(self) -> list[Path]:
        """The paths of the files that take less than half a second to hash; empty after an error."""
        return [file.path for file in self._files if file.bytes <= LONG]

    def files(self) -> list[File]:
        """The files, including the marker of sample data; not hashed yet.

        Raises:
            InputError: the folder or a required file is missing, or one of them cannot be examined.
        """
        if self._error:
            raise self._error
        return self._files


def list_files(found: Iterable[tuple[str, Path]]) -> list[File]:
    """Examine the given files, by source; they are not hashed yet.

    Raises:
        InputError: a file cannot be examined.
    """
    return [File(source, recorded_name(source, path), path, _stamp(path)) for source, path in found]


def hashed(files: Sequence[File], known: Mapping[str, str] | None = None) -> list[File]:
    """The files with their hashes.

    Args:
        files: from ``list_files``.
        known: hashes from another process, by path (``hash_all``); the others are computed here.

    Raises:
        InputError: a file cannot be read.
        ChangedError: a file changed since it was listed.
    """
    digests = [(known or {}).get(str(file.path)) or hash_of(file.path) for file in files]
    for file in files:
        file.assert_unchanged()
    return [replace(file, sha256=digest) for file, digest in zip(files, digests, strict=True)]


def hash_all(paths: Iterable[Path]) -> dict[str, str]:
    """The hashes of the files that can be read, by path."""
    digests = {}
    for path in paths:
        with suppress(InputError):  # ``hashed`` raises it
            digests[str(path)] = hash_of(path)
    return digests


def hash_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", Place(path.name)) from error


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", Place(path.name)) from error
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device would never end
        raise InputError("not a regular file", Place(path.name), "replace it with the published file")
    return status.st_mtime_ns, status.st_ino, status.st_size


def find_files(data_dir: Path) -> list[tuple[str, Path]]:
    """The existing files, by source.

    Raises:
        InputError: the folder or a required file is missing, or the folder or one within it cannot be read.
    """
    if not data_dir.is_dir():
        raise InputError(f"the data folder {data_dir} does not exist", remedy="set --data-dir or BANKADVISOR_DATA_DIR")
    for folder in dict.fromkeys([data_dir, *(data_dir / source.folder for source in SOURCES)]):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):  # glob would find it empty
            remedy = f"chgrp bankadvisor-etl {folder}, then chmod g+rx"
            raise InputError(f"the data folder {folder} cannot be read", remedy=remedy)
    found = [(source.name, path) for source in SOURCES for path in source.find_all(data_dir)]
    there = {source for source, _ in found}
    for source in SOURCES:
        if source.required and source.is_missed(there):
            names = " or ".join(source.files)
            similar = similar_files(data_dir)[source.name]
            remedy = f"rename {' or '.join(map(repr, similar))} if it is the one" if similar else "put it there"
            what = f"the file is missing: there is no {names} in {data_dir}"
            raise InputError(what, Place(source.files[0]), f"{remedy} and run again")
    return found
