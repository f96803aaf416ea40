"""The process that reads files: ``python -m bankadvisor_etl.inputs.worker``, driven by ``reading``.

A hostile or damaged file can abort the process that parses it or eat all of its memory, and nothing in Python can
catch that; so files are read here, under a limit, and the run outlives whatever happens.

One JSON line comes in: ``{"memory": BYTES, "files": {SOURCE: PATH}}``. For each file, when it is read, a JSON line goes
out with the sizes of the two Arrow streams that follow it (the frame and the rejects), or with the error.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bankadvisor_etl.errors import EtlError, InputError
from bankadvisor_etl.sources import SOURCES

if TYPE_CHECKING:
    import polars as pl

    from bankadvisor_etl.sources import Source

THREADS = 2
"""Both readers let go of the GIL."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Read the files of one request, the first ones first, and answer for each as soon as it is read."""
    for source in SOURCES:
        source.prepare()  # imports take as long as reading does: they begin before the request comes
    line = requests.readline()
    if not line:
        return
    job = json.loads(line)
    # What is written to, not what is reserved (1.3 GB for polars): the nearest there is to a limit on what is resident.
    resource.setrlimit(resource.RLIMIT_DATA, (job["memory"], resource.RLIM_INFINITY))
    sources = {source.name: source for source in SOURCES}
    turn = threading.Lock()

    def answer(name: str) -> None:
        content = _answer(sources[name], Path(job["files"][name]))
        with turn:
            answers.write(content)
            answers.flush()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(answer, job["files"]))


def _answer(source: Source, path: Path) -> bytes:
    started = time.perf_counter()
    try:
        reading = source.read(path)
        parts = [_arrow(reading.frame), _arrow(reading.rejects)]
    except EtlError as error:
        return _line(source, error=type(error).__name__, message=str(error))
    except MemoryError:  # perhaps another file's doing: those that have no answer are read again, each alone
        os._exit(os.EX_SOFTWARE)
    except BaseException as error:  # noqa: BLE001 - a panic of the reader is a BaseException
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"{path.name}: the reader gave up: {what}; the file is damaged, fetch it again"
        return _line(source, error=InputError.__name__, message=message)
    head = _line(
        source,
        rows_read=reading.rows_read,
        ignored=reading.ignored,
        seconds=time.perf_counter() - started,
        sizes=[len(part) for part in parts],
    )
    return head + b"".join(parts)


def _arrow(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc_stream(stream)
    return stream.getvalue()


def _line(source: Source, **content: object) -> bytes:
    return json.dumps({"source": source.name, **content}).encode() + b"\n"


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
