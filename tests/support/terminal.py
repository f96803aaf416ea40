"""A command at a terminal: a pseudo-terminal of a given width, and the contents of its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from dataclasses import dataclass

from support.cli import COMMAND, PATIENCE, environment

CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Shown:
    """The output at a terminal: the exit code, the raw text, and the width of the screen."""

    code: int
    raw: str
    width: int

    @property
    def states(self) -> list[str]:
        """Every state of a line of the screen, without colours, in order."""
        found = []
        for line in self.raw.replace("\r\n", "\n").split("\n"):
            found += [re.sub(CONTROL, "", part) for part in line.split("\r")]
        return found

    @property
    def lines(self) -> list[str]:
        """The final lines: what was written after each was last cleared."""
        plain = COLOUR.sub("", self.raw).replace("\r\n", "\n")
        return [line.split("\r\x1b[K")[-1].replace("\x1b[K", "") for line in plain.split("\n")]


def at_terminal(width: int, *arguments: object, **settings: object) -> Shown:
    """Run the command to its end with all its streams at a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(TERM="xterm", **settings),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    parts = []
    try:
        while block := os.read(ours, 65536):
            parts.append(block)
    except OSError:  # the last process at the terminal exited
        pass
    os.close(ours)
    return Shown(process.wait(timeout=PATIENCE), b"".join(parts).decode(), width)
