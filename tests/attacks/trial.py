"""A run of the real command under observation: how it ended, how long it took, how much memory its processes held."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict

from support import warm
from support.cli import environment
from support.folders import age
from support.small import FLOORS

PATIENCE, MEMORY = 60, 1_000_000_000
"""Seconds and bytes that a run may take, whatever its input."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run: its exit code and output, its seconds, its largest resident size in bytes."""

    code: int
    output: str
    seconds: float
    peak: int

    @property
    def end(self) -> str:
        """The last line of its output."""
        return self.output.rstrip().rpartition("\n")[2]


def run(data_dir: Path, dsn: str, *arguments: str) -> Outcome:
    """Run the command on a folder until it ends; it is killed after ``PATIENCE``."""
    age(data_dir)
    started = time.perf_counter()
    settings = environment(BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS)
    with tempfile.TemporaryFile("w+", errors="replace") as out, Path(os.devnull).open() as nothing:
        streams = (nothing.fileno(), out.fileno(), out.fileno())
        verb = ["run", "--data-dir", str(data_dir), *arguments]
        command = warm.start(verb, settings, streams, bound_by_rights=True)
        with Watch(command.pid) as watch:
            try:
                (code, _), late = command.wait(PATIENCE), ""
            except subprocess.TimeoutExpired:
                code, late = -signal.SIGKILL, f"\nkilled after {PATIENCE} seconds"
        out.seek(0)
        return Outcome(code, out.read() + late, time.perf_counter() - started, watch.peak)


def let_everybody_in(dsn: str) -> None:
    """Open a private server's socket, so that a run without root's privileges can connect."""
    folder = Path(conninfo_to_dict(dsn).get("host") or "")
    if folder.is_absolute() and folder.stat().st_uid != os.geteuid() == 0:
        for place in (folder, *folder.glob(".s.PGSQL.*[0-9]")):
            place.chmod(0o777)


class Watch:
    """Samples, twenty times a second, the peak resident size of each living process of a tree."""

    def __init__(self, pid: int | None = None) -> None:
        """Watch ``pid`` and its children, or the children of this process."""
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(pid,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self, pid: int | None) -> None:
        while True:  # a command that refuses at once is sampled, too
            tree = _tree(pid) if pid else _tree(os.getpid())[1:]
            self.peak = max(self.peak, sum(map(_high_water, tree)))
            if self._stop.wait(0.05):
                return


def _tree(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks).split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _tree(int(child)))]


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
