"""Commands that start with Python and the package's modules already imported.

Importing them takes 0.2 s of CPU time, and the tests run a thousand commands. So one process imports them (except
polars, as the command itself does), and each command is a fork of it, with its own arguments, environment, folder and
streams, and without state of an earlier one.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import bankadvisor_etl
from support import measured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MODULES = ("cli.run", "cli.health", "cli.runs", "cli.changes", "job.nightly", "job.child", "job.health", "log")
LARGEST = 2**20
"""Bytes of a request."""
_TURN = threading.Lock()


@dataclass
class Command:
    """A running command."""

    pid: int
    _end: socket.socket

    def wait(self, seconds: float) -> tuple[int, float]:
        """Its exit code, negative for a signal, and the CPU time (s) of it and its children.

        Raises:
            subprocess.TimeoutExpired: it took longer, and was killed.
        """
        with self._end:
            self._end.settimeout(seconds)
            try:
                status, cpu = self._end.recv(64).split()
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["bankadvisor-etl"], seconds) from None
            return os.waitstatus_to_exitcode(int(status)), float(cpu)


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
    folder: Path | None = None,
    *,
    bound_by_rights: bool = False,
) -> Command:
    """Start a command.

    Args:
        arguments: the arguments after the command's name.
        environment: the complete environment.
        streams: the descriptors for its stdin, stdout and stderr.
        folder: its working folder, by default the current one.
        bound_by_rights: whether file permissions apply to root as to any user.
    """
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = [list(arguments), dict(environment), str(folder or Path.cwd()), bound_by_rights]
    with its, _TURN:
        socket.send_fds(_server(), [json.dumps(request).encode()], [*streams, its.fileno()])
    return Command(int(ours.recv(64)), ours)


@cache
def _server() -> socket.socket:
    """The process from which all commands are forked; it ends with this one."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, its):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
    tests, package = Path(__file__).parents[1], Path(bankadvisor_etl.__file__).parents[1]
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tests}{os.pathsep}{package}"}
    command = [sys.executable, "-m", "support.warm", str(its.fileno()), *measured.passed_on().values()]
    process = subprocess.Popen(command, env=bare, pass_fds=[its.fileno()])
    its.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _serve(requests: socket.socket, measure: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes that wait for the commands
    with measured.importing(measure) if measure else nullcontext():
        for module in MODULES:
            import_module(f"bankadvisor_etl.{module}")
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, LARGEST, 4)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            _watch(json.loads(request), descriptors, measure)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(request: list[object], descriptors: list[int], measure: str) -> NoReturn:
    """Fork the command, send its pid, and then its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, end = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(end)
        _be(measure, streams, *request)  # type: ignore[arg-type]
    for stream in streams:
        os.close(stream)
    with socket.socket(fileno=end) as answer:
        answer.send(str(pid).encode())
        _, status, usage = os.wait4(pid, 0)
        answer.send(f"{status} {usage.ru_utime + usage.ru_stime}".encode())
    os._exit(0)


def _be(
    measure: str,
    streams: list[int],
    arguments: list[str],
    environment: dict[str, str],
    folder: str,
    bound_by_rights: bool,  # noqa: FBT001
) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    if measure:
        measured.start(measure)
    os.chdir(folder)
    sys.argv = [str(Path(bankadvisor_etl.__file__).with_name("__main__.py")), *arguments]
    sys.modules["__main__"].__package__ = "bankadvisor_etl"  # from which click takes the program's name
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding=old.encoding, errors=old.errors))
    code = 1
    try:
        if bound_by_rights:
            _let_rights_bind()
        import_module("bankadvisor_etl.cli").main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - shown like an uncaught exception
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _let_rights_bind() -> None:
    """Drop the two capabilities by which root can read and write every file, here and in child processes."""
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for place in range(3):
        sets[place] &= ~0b110
    assert libc.capset(header, sets) == 0
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), *sys.argv[2:] or [""])
