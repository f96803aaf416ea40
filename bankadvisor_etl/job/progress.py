"""How far another process has read a long file: the kernel has its position in each file (proc_pid_fdinfo(5)).

So the process that reads reports nothing itself, and pays nothing when nobody looks.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LONG = 20_000_000
"""Bytes; a shorter file is read within a second."""


@dataclass(frozen=True)
class Progress:
    """A file that is being read: its name, the bytes read so far, and its size in bytes."""

    name: str
    position: int
    size: int


def progress(pid: int) -> Progress | None:
    """The longest file that a process has begun to read and still has open; None if there is no long one.

    A file that is mapped into memory, as polars does with a CSV, stays at position 0 and is not found.
    """
    found: list[Progress] = []
    with suppress(OSError):  # the process is gone
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # the file was closed
                status = descriptor.stat()
                position = _position(Path(f"/proc/{pid}/fdinfo/{descriptor.name}"))
                if stat.S_ISREG(status.st_mode) and status.st_size >= LONG and position:
                    found.append(Progress(descriptor.readlink().name, position, status.st_size))
    return max(found, key=lambda file: file.size, default=None)


def _position(info: Path) -> int:
    """The position in a descriptor's ``fdinfo``: ``pos:``, its first line."""
    return int(info.read_text().split(maxsplit=2)[1])
