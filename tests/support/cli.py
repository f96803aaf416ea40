"""Runs the command line as a shell would: in another process, with only the given environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bankadvisor_etl
from support import measured, warm

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(bankadvisor_etl.__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "bankadvisor_etl")
UNREACHABLE = "postgresql://user@127.0.0.1:1/nowhere"
PATIENCE = 60  # seconds; a run of the small files takes one


@dataclass(frozen=True)
class Result:
    """The result of a command: its exit code, its output, and the CPU time (s) of it and its children."""

    code: int
    out: str
    err: str
    cpu: float = 0.0

    @property
    def events(self) -> list[dict[str, Any]]:
        """The log lines, which are JSON without a terminal."""
        return [json.loads(line) for line in self.out.splitlines()]

    def event(self, name: str) -> dict[str, Any]:
        """The one log line of that name."""
        (found,) = (event for event in self.events if event["event"] == name)
        return found

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**settings: object) -> dict[str, str]:
    """A minimal environment, as in cron, with the settings."""
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(PACKAGE)}
    if threads := os.environ.get("POLARS_MAX_THREADS"):
        bare["POLARS_MAX_THREADS"] = threads  # as in the Makefile
    return bare | measured.passed_on() | {name: str(value) for name, value in settings.items()}


def etl(*arguments: object, cwd: Path | None = None, **settings: object) -> Result:
    """Run the command to its end; ``settings`` are its environment."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, Path(os.devnull).open() as nothing:
        streams = (nothing.fileno(), out.fileno(), err.fileno())
        code, cpu = warm.start(list(map(str, arguments)), environment(**settings), streams, cwd).wait(PATIENCE)
        out.seek(0)
        err.seek(0)
        return Result(code, out.read(), err.read(), cpu)


@dataclass
class Running:
    """A running command, in its own session."""

    process: subprocess.Popen[str]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Result:
        """Wait until it ends by itself."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return Result(self.process.returncode, out, err)

    @property
    def survivors(self) -> list[int]:
        """The processes that it started and left behind."""
        deadline = time.monotonic() + 5
        while (left := _of_session(self.process.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left


@contextmanager
def started(*arguments: object, **settings: object) -> Iterator[Running]:
    """Run the command during the block; what is left of it afterwards is killed."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield Running(process)
        finally:
            for pid in _of_session(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@contextmanager
def stopped_at(point: str, marker: Path, *arguments: object, **settings: object) -> Iterator[Running]:
    """Run the command up to a fault point; it continues when the marker is removed."""
    with started(*arguments, BANKADVISOR_FAULT=f"{point}:wait={marker}", **settings) as running:
        deadline = time.monotonic() + PATIENCE
        while not marker.exists():
            if running.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"never came to {point}: {running.end()}")
            time.sleep(0.005)
        try:
            yield running
        finally:
            marker.unlink(missing_ok=True)


def _of_session(session: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found
