"""Reads the files of a run, two at a time, each in a worker process that may die without harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bankadvisor_etl.files import File
    from bankadvisor_etl.sources.model import Reading

WORKERS = 2
WORKER_MEMORY = 2**31
"""Address space of a worker in bytes, besides the file itself; the real files need a quarter of it."""

WORKER_SECONDS = 600


@dataclass(frozen=True)
class Read:
    """A file that was read, and how long that took in seconds."""

    file: File
    reading: Reading
    seconds: float


@contextmanager
def reading_in_background(
    files: Sequence[File], progress: Callable[[str], None] = lambda _name: None
) -> Iterator[dict[str, Future[Read]]]:
    """Start reading ``files``, the largest first, and give a future by source.

    A future raises ``InputError`` or ``DataError`` as the source's ``read`` does, and ``InputError`` where the reader
    crashed or took too long. On leaving, what is still being read is stopped.
    """
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="reading")
    workers = _Workers()
    try:
        largest_first = sorted(files, key=lambda file: -file.bytes)
        yield {file.source: pool.submit(_read, workers, file, progress) for file in largest_first}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        workers.stop()
        pool.shutdown(wait=True)


def _read(workers: _Workers, file: File, progress: Callable[[str], None]) -> Read:
    progress(file.source)
    result = workers.mine().read(file)
    file.assert_unchanged()
    return result


class _Workers:
    """One worker process for each thread of the pool, begun anew after it died."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: list[_Worker] = []
        self._stopped = False

    def mine(self) -> _Worker:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None or worker.process.poll() is not None:
            worker = self._mine.worker = _Worker()
            self._all.append(worker)
            if self._stopped:
                worker.stop()
        return worker

    def stop(self) -> None:
        self._stopped = True
        for worker in self._all:
            worker.stop()


class _Worker:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bankadvisor_etl.sources.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a crash prints its stack there; what it means is said in the error
            env={**os.environ, "POLARS_MAX_THREADS": os.environ.get("POLARS_MAX_THREADS", str(WORKERS))},
        )

    def read(self, file: File) -> Read:
        request = {"source": file.source, "path": str(file.path), "memory": WORKER_MEMORY + file.bytes}
        watchdog = threading.Timer(WORKER_SECONDS, self.process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            return self._ask(file, request)
        except (OSError, ValueError):  # the pipe broke, or half an answer came: the worker died
            raise errors.InputError(self._cause(file)) from None
        finally:
            watchdog.cancel()

    def _ask(self, file: File, request: dict[str, object]) -> Read:
        import polars as pl  # noqa: PLC0415 - the run's own start does not wait for it

        from bankadvisor_etl.sources.model import Reading  # noqa: PLC0415

        assert self.process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert self.process.stdout is not None  # noqa: S101
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        head = json.loads(self.process.stdout.readline())
        if "error" in head:
            kind: type[errors.EtlError] = getattr(errors, head["error"])
            raise kind(head["message"])
        frame, rejects = (pl.read_ipc_stream(self.process.stdout.read(size)) for size in head["sizes"])
        return Read(file, Reading(frame, head["rows_read"], rejects, tuple(head["ignored"])), head["seconds"])

    def _cause(self, file: File) -> str:
        code = self.process.wait()
        how = f"was stopped by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return (
            f"{file.name}: the reader {how}: the file is damaged, or would need more than "
            f"{WORKER_MEMORY // 2**20:,} MiB or {WORKER_SECONDS} seconds; fetch it again"
        )

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
