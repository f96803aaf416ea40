"""The process that reads files: ``python -m bankadvisor_etl.sources.worker``, driven by ``reading``.

A hostile or damaged file can abort the process that parses it or eat all of its memory, and nothing in Python can
catch that; so files are read here, under a limit, and the run outlives whatever happens.

One JSON object a line comes in: ``{"source", "path", "memory"}``. For each, a JSON line goes out with the sizes of
the two Arrow streams that follow it (the frame and the rejects), or with the error.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bankadvisor_etl.errors import EtlError, InputError

if TYPE_CHECKING:
    import polars as pl

    from bankadvisor_etl.sources import Source


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request until there are no more."""
    from bankadvisor_etl.sources import SOURCES  # noqa: PLC0415 - the cost of polars is the worker's first work

    sources = {source.name: source for source in SOURCES}
    for line in requests:
        job = json.loads(line)
        resource.setrlimit(resource.RLIMIT_AS, (job["memory"], resource.RLIM_INFINITY))
        answers.write(_answer(sources[job["source"]], Path(job["path"])))
        answers.flush()


def _answer(source: Source, path: Path) -> bytes:
    started = time.perf_counter()
    try:
        reading = source.read(path)
        parts = [_arrow(reading.frame), _arrow(reading.rejects)]
    except EtlError as error:
        return _line({"error": type(error).__name__, "message": str(error)})
    except BaseException as error:  # noqa: BLE001 - a panic of the reader is a BaseException
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"{path.name}: the reader gave up: {what}; the file is damaged, fetch it again"
        return _line({"error": InputError.__name__, "message": message})
    head = {
        "rows_read": reading.rows_read,
        "ignored": reading.ignored,
        "seconds": time.perf_counter() - started,
        "sizes": [len(part) for part in parts],
    }
    return _line(head) + b"".join(parts)


def _arrow(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc_stream(stream)
    return stream.getvalue()


def _line(content: dict[str, object]) -> bytes:
    return json.dumps(content).encode() + b"\n"


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
