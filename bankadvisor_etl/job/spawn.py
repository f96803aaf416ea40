"""Starts the process that computes.

It is forked if that is safe: before anything heavy is imported, and while this process has a single thread.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

THREADS = str(min(4, os.cpu_count() or 1))
"""Threads of polars, unless the environment sets them: on many cores, one thread each would take too much memory."""

PIPE = 2**20
"""The size of the pipe in bytes: the largest that any user may request."""

Process: TypeAlias = tuple[int, BinaryIO, BinaryIO]
"""A process: its number, the stream of requests to it, and the stream of its answers."""


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables, without those for the connection to the database."""
    return {
        name: value
        for name, value in environment.items()
        if name not in ("DATABASE_URL", "BANKADVISOR_DSN") and not name.startswith("PG")
    }


def fork_is_safe() -> bool:
    """Whether a fork of this process is safe: no other thread may hold a lock, and polars would start threads."""
    return threading.active_count() == 1 and "polars" not in sys.modules


def fork(errors: int, to_hash: Sequence[Path]) -> Process:
    """Fork a child that hashes files, then serves; ``errors`` becomes its stderr."""
    requests, request = os.pipe()
    answer, answers = os.pipe()
    with suppress(OSError):  # the kernel may refuse: then the two processes wait for each other more often
        fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, PIPE)
    pid = os.fork()
    if pid == 0:
        os.close(request)
        os.close(answer)
        _serve(requests, answers, errors, to_hash)
    os.close(requests)
    os.close(answers)
    return pid, os.fdopen(request, "wb"), os.fdopen(answer, "rb")


def _serve(requests: int, answers: int, errors: int, to_hash: Sequence[Path]) -> NoReturn:
    """Be the child: nothing of the parent's is touched, and nothing of it is cleaned up."""
    code = os.EX_SOFTWARE
    try:
        for name in set(os.environ) - _without_secrets(os.environ).keys():
            del os.environ[name]
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent, which stops this process
        nothing = os.open(os.devnull, os.O_RDWR)
        for number, descriptor in enumerate((nothing, nothing, errors)):
            os.dup2(descriptor, number)
        os.environ.setdefault("POLARS_MAX_THREADS", THREADS)
        from bankadvisor_etl.job.worker import die_with_the_parent, serve  # noqa: PLC0415 - the parent must not

        die_with_the_parent()
        with os.fdopen(requests, "rb") as incoming, os.fdopen(answers, "wb") as outgoing:
            serve(incoming, outgoing, to_hash)
        code = os.EX_OK
    except BaseException:  # noqa: BLE001 - the parent reads it
        import traceback  # noqa: PLC0415

        os.write(errors, traceback.format_exc().encode())
    finally:
        os._exit(code)


def execute(errors: int) -> Process:
    """Execute a careful child; ``errors`` becomes its stderr."""
    import subprocess  # noqa: PLC0415 - a successful run starts no other process

    process = subprocess.Popen(
        [sys.executable, "-m", "bankadvisor_etl.job.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={"POLARS_MAX_THREADS": THREADS, **_without_secrets(os.environ)},
    )
    process.returncode = 0  # the caller waits for it
    return process.pid, cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
