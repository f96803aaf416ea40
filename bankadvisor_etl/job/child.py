"""The process that computes, as seen by the one that keeps the record: its start, its requests, its death.

It is forked if that is safe: before anything heavy is imported, and while this process has a single thread.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from bankadvisor_etl.job.messages import Message, receive, send
from bankadvisor_etl.sources import SERIE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

    from bankadvisor_etl.checks.settings import Settings
    from bankadvisor_etl.inputs.files import File

MEMORY = 768 * 2**20
"""Bytes that a child may allocate; the real files need 400 MiB, of which half is resident."""

WITH_SERIES = 1_792 * 2**20
"""The same with CNBV's series. Its cube is reserved completely (0.4 GB), and half of it is written to."""

SECONDS = 600
"""Seconds that a child may take."""

THREADS = str(min(4, os.cpu_count() or 1))
"""Threads of polars, unless the environment sets them: on many cores, one thread each would take too much memory."""

PIPE = 2**20
"""The size of the pipe in bytes: the largest that any user may request."""

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
                imports, and an unchanged run ends before the child needs polars: 0.4 s instead of 0.6 s.
        """
        self._errors = os.memfd_create("stderr")
        self._requests: BinaryIO
        self._answers: BinaryIO
        if forked and _is_safe():
            self._to_hash = to_hash
            self.pid, self._requests, self._answers = _fork(self._errors, to_hash)
        else:
            self._to_hash = ()
            self.pid, self._requests, self._answers = _exec(self._errors)
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
        message = receive(self._answers) if self._to_hash else None
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


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables, without those for the connection to the database."""
    return {
        name: value
        for name, value in environment.items()
        if name not in ("DATABASE_URL", "BANKADVISOR_DSN") and not name.startswith("PG")
    }


def _is_safe() -> bool:
    """Whether a fork of this process is safe: no other thread may hold a lock, and polars would start threads."""
    return threading.active_count() == 1 and "polars" not in sys.modules


def _fork(errors: int, to_hash: Sequence[Path]) -> tuple[int, BinaryIO, BinaryIO]:
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


def _exec(errors: int) -> tuple[int, Any, Any]:
    import subprocess  # noqa: PLC0415 - a successful run starts no other process

    process = subprocess.Popen(
        [sys.executable, "-m", "bankadvisor_etl.job.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={"POLARS_MAX_THREADS": THREADS, **_without_secrets(os.environ)},
    )
    process.returncode = 0  # the caller waits for it
    return process.pid, process.stdin, process.stdout
