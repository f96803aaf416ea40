"""The process that reads, computes and audits, controlled by ``child``.

A hostile or damaged file can abort the process that parses it or exhaust its memory, and nothing in Python can catch
that. So files are read here, under a limit, by a process without a connection to the database and without a password,
and the run survives whatever happens.

The request has the files, the settings of the checks, and what is published. For each file an answer is sent as soon as
it is read (``extract`` or ``error``), then what is new or changed in CNBV's series (``series``, see ``job.telling``),
then the ``figures``, ready for COPY, then the ``findings`` of the audit, and finally ``done``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.errors import EtlError, InputError, Place
from bankadvisor_etl.inputs.files import hash_all
from bankadvisor_etl.job.messages import Message, as_content, receive, send
from bankadvisor_etl.sources import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.series.comparison import Kept
    from bankadvisor_etl.sources.source import Source

PR_SET_PDEATHSIG = 1
"""An option of Linux's prctl(2)."""

HEAVY = ("job.figures", "formats.sheet_table", "sources.tasas")
"""The modules that import polars and fastexcel."""

READERS = 2
"""Files that are read at a time: the CSV in parallel with the workbooks. Both readers release the GIL."""

MAX_REJECTS = 10_000
"""The most rejects of a source that are kept; more would add no information."""


def serve(requests: BinaryIO, answers: BinaryIO, to_hash: Sequence[Path] = (), *, careful: bool = False) -> None:
    """Do what one request asks.

    Args:
        requests: where the request comes from.
        answers: where the answers go.
        to_hash: files to hash before the imports.
        careful: read one file after the other, and look into each for what could kill this process.
    """
    outbox = _Outbox(answers)
    if to_hash:
        outbox.send(Message("hashed", hash_all(to_hash)))
    for module in HEAVY:
        import_module(f"bankadvisor_etl.{module}")
    outbox.send(Message("ready"))
    request = receive(requests)
    if request is None:
        return
    # Limits writable memory, not reserved memory (1.3 GB for polars): the closest to a limit on resident memory.
    resource.setrlimit(resource.RLIMIT_DATA, (request.content["memory"], resource.RLIM_INFINITY))
    extracts = _read_all(request, outbox, careful=careful)
    if request.content["settings"] and extracts.keys() & {"cartera", "serie"}:
        _answer(extracts, request, requests, outbox)
    outbox.send(Message("done"))


def _answer(extracts: Mapping[str, Extract], request: Message, requests: BinaryIO, outbox: _Outbox) -> None:
    """Send what has to be written of the series, and the figures."""
    if "serie" not in extracts or not request.content["store_series"]:
        for answer in _computed(extracts, request, ()):
            outbox.send(answer)
        return
    from bankadvisor_etl.job import telling  # noqa: PLC0415 - imports numpy, which nothing else here needs

    told = telling.Series(extracts["serie"], requests, outbox.send)
    kept = told.compared()
    with ThreadPoolExecutor(1, "series") as pool:  # while these rows are sent, the figures are computed
        rows = pool.submit(told.rows)
        for answer in _computed(extracts, request, kept):
            rows.result()
            outbox.send(answer)


def _computed(extracts: Mapping[str, Extract], request: Message, kept: Sequence[Kept]) -> Iterator[Message]:
    """The figures and the findings of the audit, or the error."""
    from bankadvisor_etl.job import figures  # noqa: PLC0415 - imported already, by serve

    try:
        settings = Settings.from_json(request.content["settings"])
        damaged = {source for source, _ in request.content["files"]} - extracts.keys()
        names = {source: Path(path).name for source, path in request.content["files"]}
        published = next(iter(request.blocks), None)
        settings = replace(settings, damaged=tuple(sorted(damaged)))
        yield from figures.answers(extracts, settings, published, kept, names)
    except MemoryError:
        os._exit(os.EX_OSERR)
    except EtlError as error:
        yield Message("error", as_content(error))
    except Exception as error:  # noqa: BLE001 - the parent records it
        what = traceback.format_exception_only(error)[-1].strip()
        yield Message("bug", {"what": what, "stack": traceback.format_exc()})


def die_with_the_parent() -> None:
    """Have this process killed when its parent ends, even while it is paused."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent has already ended
        os._exit(os.EX_OK)


class _Outbox:
    """Sends one message at a time, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._turn = stream, threading.Lock()

    def send(self, message: Message) -> None:
        with self._turn:
            send(self._stream, message)


def _read_all(request: Message, outbox: _Outbox, *, careful: bool) -> Mapping[str, Extract]:
    """Read the files of a request, send an answer for each, and return those that could be read, by source."""
    files: list[list[str]] = request.content["files"]

    def read(number: int) -> tuple[int, Extract | None]:
        source, path = BY_NAME[files[number][0]], Path(files[number][1])
        extract, message = _read(source, path, number, request.content["run_id"], careful=careful)
        outbox.send(message)
        return number, extract

    longest_first = sorted(range(len(files)), key=lambda number: not files[number][1].endswith(".csv"))
    with ThreadPoolExecutor(1 if careful else READERS) as pool:
        found = dict(pool.map(read, longest_first))
    extracts: dict[str, list[Extract | None]] = {}
    for number, (source, _) in enumerate(files):
        extracts.setdefault(source, []).append(found[number])
    return {source: BY_NAME[source].merged(whole) for source, read in extracts.items() if (whole := _whole(read))}


def _whole(extracts: Sequence[Extract | None]) -> list[Extract]:
    """The extracts of a source's files; empty if one of them could not be read."""
    there = [extract for extract in extracts if extract is not None]
    return there if len(there) == len(extracts) else []


def _read(source: Source, path: Path, number: int, run_id: int, *, careful: bool) -> tuple[Extract | None, Message]:
    """The extract of a file, and the answer for it."""
    started = time.perf_counter()
    try:
        extract = source.read(path, careful=careful)
    except EtlError as error:
        return None, Message("error", {"file": number, **as_content(error)})
    except MemoryError:  # perhaps caused by another file: files without an answer are read again, each alone
        os._exit(os.EX_OSERR)
    except BaseException as error:  # noqa: BLE001 - a panic of the reader is a BaseException
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        gave_up = InputError(f"damaged: the reader gave up ({what})", Place(path.name), "fetch the file again")
        return None, Message("error", {"file": number, **as_content(gave_up)})
    content: dict[str, Any] = {
        "file": number,
        "rows_read": extract.rows_read,
        "rows_rejected": extract.rejects.height,
        "ignored": extract.ignored,
        "seconds": time.perf_counter() - started,
    }
    from bankadvisor_etl.job import figures  # noqa: PLC0415 - imported already, by serve

    if source.name == "cartera":
        content["bank_months"] = figures.bank_months(extract)
    return extract, Message("extract", content, (figures.rejects(extract, source.name, run_id, MAX_REJECTS),))


if __name__ == "__main__":
    die_with_the_parent()
    serve(sys.stdin.buffer, sys.stdout.buffer, careful=True)
