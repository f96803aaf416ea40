"""The folder of CNBV's files, and whether each file can be opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bankadvisor_etl.job.doctor.diagnosis import bad, good
from bankadvisor_etl.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bankadvisor_etl.job.doctor.diagnosis import Diagnosis
    from bankadvisor_etl.sources.source import Source


def examine_inputs(folder: Path) -> Iterator[Diagnosis]:
    """Examine the folder, then open the file of each source as this user."""
    try:
        entries = list(folder.iterdir())
    except FileNotFoundError:
        yield bad("folder", f"{folder} does not exist", "create it, or set BANKADVISOR_DATA_DIR")
        return
    except OSError as error:
        yield bad("folder", f"{folder}: {error.strerror}", f"chgrp bankadvisor-etl {folder} && chmod g+rx {folder}")
        return
    if not os.access(folder, os.X_OK):
        yield bad("folder", f"{folder} cannot be entered", f"chmod g+x {folder}")
        return
    yield good("folder", f"{folder}, {len(entries)} entries")
    found = {source.name: source.find_all(folder) for source in SOURCES}
    there = {name for name, paths in found.items() if paths}
    for source in SOURCES:
        yield from (_file(source, path) for path in found[source.name])
        if source.required and source.is_missed(there):
            yield bad(source.name, f"{source.files[0]} is missing", f"put it in {folder}")
        elif source.name not in there:
            yield good(source.name, f"{source.files[0]} is not there (optional)")


def _file(source: Source, path: Path) -> Diagnosis:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        return bad(source.name, f"{path.name}: {error.strerror}", f"chgrp bankadvisor-etl, then chmod g+r {path}")
    if empty:
        return bad(source.name, f"{path.name} is empty", "copy it again")
    return good(source.name, path.name)
