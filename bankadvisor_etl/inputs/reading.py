"""Reads the files of a run in the background, in a worker process that may die without harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from bankadvisor_etl import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bankadvisor_etl.inputs.files import File
    from bankadvisor_etl.sources.model import Reading

    Answer = errors.EtlError | tuple[Reading, float]

WORKER_MEMORY = 768 * 2**20
"""What a worker may allocate, in bytes; the real files need 360 MiB, of which half is resident."""

WORKER_THREADS = str(min(4, os.cpu_count() or 1))
"""Of polars, unless the environment says otherwise: one for each of many cores would take memory by the core."""

WORKER_SECONDS = 600


@dataclass(frozen=True)
class Read:
    """A file that was read, and how long that took in seconds."""

    file: File
    reading: Reading
    seconds: float


@contextmanager
def reader(progress: Callable[[str], None] = lambda _source: None) -> Iterator[Reader]:
    """Start a worker, which gets ready while the files are being found, and stop it on leaving."""
    reading = Reader(progress)
    try:
        yield reading
    finally:
        reading.stop()


class Reader:
    """Reads files in a worker; where it dies of one of them, the others are read again by another."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        """Start the worker; ``progress`` is called with the name of each source that was read."""
        self._progress = progress
        self._worker = _Worker()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._stopping = threading.Lock()

    def read(self, files: Sequence[File]) -> Mapping[str, Future[Read]]:
        """Begin to read, and give a future by source: the CSV first, which takes longest, then the rest as they come.

        A future raises ``InputError`` or ``DataError`` as the source's ``read`` does, and ``InputError`` where the
        worker died of the file or took too long.
        """
        longest_first = sorted(files, key=lambda file: file.path.suffix != ".csv")
        pending = {file.source: Future[Read]() for file in longest_first}
        self._thread = threading.Thread(target=self._read, args=(longest_first, pending), daemon=True)
        self._thread.start()
        return pending

    def stop(self) -> None:
        """Stop what is still being read."""
        with self._stopping:
            self._stopped = True
            self._worker.process.kill()
        if self._thread:
            self._thread.join()
        else:
            self._worker.end()

    def _read(self, files: list[File], pending: Mapping[str, Future[Read]]) -> None:
        try:
            cause = self._read_with(self._worker, files, pending)
            for file in files:
                future = pending[file.source]
                if len(files) > 1 and not future.done():  # was it this one that the worker died of?
                    cause = self._read_with(self._another_worker(), [file], pending)
                if not future.done():
                    file.assert_settled()
                    future.set_exception(errors.InputError(f"{file.name}: {cause}"))
        except BaseException as error:  # noqa: BLE001 - whoever waits must be told of it, or waits for ever
            for future in pending.values():
                if not future.done():
                    future.set_exception(error)

    def _another_worker(self) -> _Worker:
        with self._stopping:
            self._worker = _Worker()
            if self._stopped:
                self._worker.process.kill()
        return self._worker

    def _read_with(self, worker: _Worker, files: list[File], pending: Mapping[str, Future[Read]]) -> str:
        """Have ``worker`` read files until it is done or dies, and say how it ended."""
        by_source = {file.source: file for file in files}
        for source, answer in worker.read(files):
            self._progress(source)
            try:
                if isinstance(answer, errors.EtlError):
                    by_source[source].assert_settled()
                    raise answer
                by_source[source].assert_unchanged()
                pending[source].set_result(Read(by_source[source], *answer))
            except errors.EtlError as error:
                pending[source].set_exception(error)
        return worker.end()


class _Worker:
    """One worker process, for one request."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bankadvisor_etl.inputs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a crash prints its stack there; what it means is said in the error
            env={"POLARS_MAX_THREADS": WORKER_THREADS, **os.environ},
        )
        self._requests = cast("IO[bytes]", self.process.stdin)
        self._answers = cast("IO[bytes]", self.process.stdout)

    def read(self, files: Sequence[File]) -> Iterator[tuple[str, Answer]]:
        """Yield what the worker answers, by source, until it is done, dies, or its time is up."""
        job = {
            "memory": WORKER_MEMORY,
            "files": {file.source: str(file.path) for file in files},
        }
        watchdog = threading.Timer(WORKER_SECONDS, self.process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._requests.write(json.dumps(job).encode() + b"\n")
            self._requests.close()
            while line := self._answers.readline():
                head = json.loads(line)
                yield head["source"], _answer(head, self._answers)
        except (OSError, ValueError):
            return  # the pipe broke, or half an answer came: the worker died
        finally:
            watchdog.cancel()

    def end(self) -> str:
        """Say how a worker ended that has no more answers."""
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._requests.close()  # open still where no file was asked for
        self._answers.close()
        how = f"was stopped by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return (
            f"the reader {how}: the file is damaged, or takes more than {WORKER_MEMORY // 2**20:,} MiB or "
            f"{WORKER_SECONDS} seconds to read; fetch it again"
        )


def _answer(head: dict[str, Any], stream: IO[bytes]) -> Answer:
    """The reading whose Arrow streams follow its head, with its seconds; or the error."""
    if "error" in head:
        kind: type[errors.EtlError] = getattr(errors, head["error"])
        return kind(head["message"])
    import polars as pl  # noqa: PLC0415 - the run's own start does not wait for it

    from bankadvisor_etl.sources.model import Reading  # noqa: PLC0415

    parts = [stream.read(size) for size in head["sizes"]]
    if [len(part) for part in parts] != head["sizes"]:
        raise ValueError("half an answer: the worker died")
    frame, rejects = map(pl.read_ipc_stream, parts)
    return Reading(frame, head["rows_read"], rejects, tuple(head["ignored"])), head["seconds"]
