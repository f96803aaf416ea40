"""The files of a run: which ones are there, and exactly which bytes they hold."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import ChangedError, InputError, Place
from bankadvisor_etl.sources import SAMPLE, SOURCES, recorded_name, similar_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future
    from pathlib import Path


SETTLED, MOMENT = 10.0, 0.5
"""Seconds: a damaged file that was written more recently than the one may be in the middle of being copied; a copy
writes more often than the other."""


@dataclass(frozen=True)
class File:
    """One file of the run, as it was when the run began.

    Attributes:
        source: short name of the input.
        name: its name on record, relative to the data folder.
        path: where it is.
        stamp: modification time (ns), inode and size: what changes when somebody writes or replaces it.
        digest: will be the hash of its bytes.
    """

    source: str
    name: str
    path: Path
    stamp: tuple[int, int, int]
    digest: Future[str]

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.stamp[2]

    @property
    def sha256(self) -> str:
        """Hash of its bytes, in hexadecimal; waits until it is known.

        Raises:
            InputError: the file cannot be read.
            ChangedError: the file changed since the run began.
        """
        digest = self.digest.result()
        self.assert_unchanged()
        return digest

    def assert_unchanged(self) -> None:
        """Raise ``ChangedError`` when the file is no longer the one that the run began with."""
        if _stamp(self.path) != self.stamp:
            raise ChangedError(
                "the file changed while it was being read", Place(self.name), "run again when it is complete"
            )

    def assert_settled(self) -> None:
        """Raise ``ChangedError`` when a file that cannot be read is still being written; waits a moment to see it."""
        self.assert_unchanged()
        if abs(time.time() - self.stamp[0] / 1e9) < SETTLED:
            time.sleep(MOMENT)
            self.assert_unchanged()


class Stock:
    """The files of a run, found and hashed in the background from the moment it is made."""

    def __init__(self, data_dir: Path) -> None:
        """Begin to look through ``data_dir``."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="stock")
        self._files = pool.submit(_take_stock, data_dir)
        pool.shutdown(wait=False)

    def files(self) -> list[File]:
        """The files, and what marks sample data; their hashes may still be under way.

        Raises:
            InputError: the folder or a required file is missing, or one of them cannot be looked at.
        """
        return self._files.result()


def _take_stock(data_dir: Path) -> list[File]:
    return hash_files([*find_files(data_dir), *((SAMPLE.name, marker) for marker in SAMPLE.find_all(data_dir))])


def hash_files(found: Iterable[tuple[str, Path]]) -> list[File]:
    """Take stock of the files, given by source; they are hashed in the background, two at a time.

    Raises:
        InputError: a file cannot be looked at.
    """
    pool = ThreadPoolExecutor(2, thread_name_prefix="hashing")  # hashlib lets go of the GIL
    files = [
        File(source, recorded_name(source, path), path, _stamp(path), pool.submit(_hash, path))
        for source, path in found
    ]
    pool.shutdown(wait=False)
    return files


def _hash(path: Path) -> str:
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
    if not stat.S_ISREG(status.st_mode):  # a pipe would never end, and a device not either
        raise InputError("not a regular file", Place(path.name), "put the published file in its place")
    return status.st_mtime_ns, status.st_ino, status.st_size


def find_files(data_dir: Path) -> list[tuple[str, Path]]:
    """The files that are there, by source.

    Raises:
        InputError: the folder or a required file is missing, or the folder or one within it cannot be read.
    """
    if not data_dir.is_dir():
        raise InputError(f"the data folder {data_dir} does not exist", remedy="set --data-dir or BANKADVISOR_DATA_DIR")
    for folder in dict.fromkeys([data_dir, *(data_dir / source.folder for source in SOURCES)]):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):  # to glob it would look empty
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
