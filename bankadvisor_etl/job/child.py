"""The process that computes, as seen by the one that keeps the record: its requests, its answers, its death."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.job import spawn
from bankadvisor_etl.job.messages import Message, receive, send
from bankadvisor_etl.sources import SERIE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from bankadvisor_etl.checks.settings import Settings
    from bankadvisor_etl.inputs.files import File

MEMORY = 768 * 2**20
"""Bytes that a child may allocate; the real files need 400 MiB, of which half is resident."""

WITH_SERIES = 1_792 * 2**20
"""The same with CNBV's series. Its cube is reserved completely (0.4 GB), and half of it is written to."""

SECONDS = 600
"""Seconds that a child may take."""

LAST_WORDS = 4_000
OUT_OF_MEMORY = ("memory allocation of", "MemoryError", "std::bad_alloc", "can't start new thread")
"""The messages of Rust, Python, C++ and threads when an allocation fails."""


@dataclass(frozen=True)
class Job:
    """A job for a child.

    Attributes:
        files: the files to read.
        settings: the settings of the checks; None to compute no figures.
        published: what is published, as CSV; None without a database.
        run_id: the run under which rejects are recorded.
        store_series: whether CNBV's series is compared with what is stored, which the child then requests.
    """

    files: Sequence[File]
    settings: Settings | None = None
    published: bytes | None = None
    run_id: int = 0
    store_series: bool = False

    @property
    def memory(self) -> int:
        """Bytes that the child may allocate."""
        return WITH_SERIES if any(file.source == SERIE.name for file in self.files) else MEMORY

    def as_message(self) -> Message:
        """The request; its block is what is published, if anything."""
        content = {
            "memory": self.memory,
            "files": [(file.source, str(file.path)) for file in self.files],
            "settings": self.settings and self.settings.as_json(),
            "run_id": self.run_id,
            "store_series": self.store_series,
        }
        return Message("request", content, () if self.published is None else (self.published,))


class DeathError(Exception):
    """Raised when a child ends before its job is done.

    Attributes:
        ready: whether it had begun to work.
        out_of_memory: whether an allocation failed.
        how: how it ended, in words.
    """

    def __init__(self, code: int, words: str, *, ready: bool, too_slow: bool) -> None:
        """Take the exit code (negative for a signal), the last output on stderr, and how far it got."""
        killed = code in (-signal.SIGKILL, os.EX_OSERR) and not too_slow  # SIGKILL comes from the kernel's OOM killer
        self.ready = ready
        self.out_of_memory = killed or any(mark in words for mark in OUT_OF_MEMORY)
        ended = f"stopped by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self.how = f"took more than {SECONDS} seconds" if too_slow else ended
        self.words = words.strip().rpartition("\n")[2]
        if code > 0 and self.words:
            self.how += f": {self.words}"
        super().__init__(self.how)


class Child:
    """One process that reads and computes, for one job; it is stopped at the end of the block."""

    def __init__(self, *, forked: bool = False, to_hash: Sequence[Path] = ()) -> None:
        """Start the process, which gets ready while the caller finds out what to ask.

        Args:
            forked: whether it may be a fork of this one.
            to_hash: files that a fork hashes before its imports. Threads of this process would take the GIL from its
                imports, and an unchanged run ends before the child needs polars: it takes 0.7 of the time.
        """
        self._errors = os.memfd_create("stderr")
        forked = forked and spawn.fork_is_safe()
        self._hashes = bool(forked and to_hash)
        process = spawn.fork(self._errors, to_hash) if forked else spawn.execute(self._errors)
        self.pid, self._requests, self._answers = process
        self._code: int | None = None
        self._too_slow = False
        self._successor: Child | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        """Stop the process."""
        self.stop()

    def work(self, job: Job) -> Iterator[Message]:
        """Send the request, and yield the answers until the job is done.

        Raises:
            DeathError: the process ended before.
        """
        self.ask(job)
        yield from self.answers()

    def ask(self, job: Job) -> None:
        """Send the request; if the child is dead, ``answers`` raises."""
        try:
            send(self._requests, job.as_message())
            if not job.store_series:
                self._requests.close()
        except OSError:
            return

    def tell(self, message: Message) -> None:
        """Send what the process waits for during its work; if it is dead, ``answers`` raises."""
        if self._successor:
            self._successor.tell(message)
            return
        try:
            send(self._requests, message)
        except OSError:
            return

    def succeed(self, successor: Child) -> None:
        """Let another child continue after this one died."""
        self._successor = successor

    def hashed(self) -> Mapping[str, str]:
        """Wait for the hashes of ``to_hash``, by path. Must be called before ``answers``."""
        message = receive(self._answers) if self._hashes else None
        return message.content if message else {}

    def answers(self) -> Iterator[Message]:
        """Yield the answers to the request, until the job is done.

        Raises:
            DeathError: the process ended before.
        """
        watchdog = threading.Timer(SECONDS, self._give_up)
        watchdog.daemon = True
        watchdog.start()
        ready = False
        try:
            while message := receive(self._answers):
                if message.kind == "done":
                    return
                if message.kind == "ready":
                    ready = True
                else:
                    yield message
        finally:
            watchdog.cancel()
        code = self._wait()
        words = os.pread(self._errors, LAST_WORDS, max(0, os.fstat(self._errors).st_size - LAST_WORDS))
        raise DeathError(code, words.decode("utf-8", "replace"), ready=ready, too_slow=self._too_slow)

    def stop(self) -> None:
        """End the process, whatever it is doing, and release its resources."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._wait()
        for stream in (self._requests, self._answers):
            try:
                stream.close()
            except OSError:  # nothing that could not be sent is needed any more
                continue
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1

    def _give_up(self) -> None:
        self._too_slow = True
        os.kill(self.pid, signal.SIGKILL)

    def _wait(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code
