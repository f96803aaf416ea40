"""How far another process has read a long file: the kernel knows where it is in each (proc_pid_fdinfo(5)).

So the process that reads tells nothing of it, and pays nothing for it when nobody looks.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LONG = 20_000_000
"""Bytes; what is shorter is read within a second."""


@dataclass(frozen=True)
class Progress:
    """A file that is being read: its name, how many bytes of it were read, and how many it has."""

    name: str
    position: int
    size: int


def progress(pid: int) -> Progress | None:
    """The longest file that a process has begun to read and still has open; None where there is no long one.

    A file that is mapped into memory, as polars does with a CSV, stays at its beginning and is not found.
    """
    found: list[Progress] = []
    with suppress(OSError):  # the process is gone
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed in the meantime
                status = descriptor.stat()
                position = _position(Path(f"/proc/{pid}/fdinfo/{descriptor.name}"))
                if stat.S_ISREG(status.st_mode) and status.st_size >= LONG and position:
                    found.append(Progress(descriptor.readlink().name, position, status.st_size))
    return max(found, key=lambda file: file.size, default=None)


def _position(info: Path) -> int:
    """The line ``pos:`` of a descriptor, the first one."""
    return int(info.read_text().split(maxsplit=2)[1])
