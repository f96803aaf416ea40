"""CNBV's own files for the sample data's last months (``support.small``), and edits of the series."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data import official
from bankadvisor_etl.sources.series.archive import HEADER, MEMBER
from support.series import zip_file
from support.small import SINCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARCHIVE = official.ARCHIVE


def write_official(folder: Path) -> Path:
    """Write both editions, ``1/cnbv`` and ``2/cnbv``, with the months from ``SINCE`` on."""
    for edition in official.EDITIONS:
        official.write(folder / str(edition), 0, edition, SINCE)
    return folder


def put(editions: Path, edition: int, data_dir: Path) -> Path:
    """Put CNBV's files of an edition into the folder of a run, as ``fetch`` does, and return the archive."""
    shutil.copytree(editions / str(edition) / "cnbv", data_dir / "cnbv", dirs_exist_ok=True)
    return data_dir / "cnbv" / ARCHIVE


def edit(archive: Path, change: Callable[[bytes], bytes]) -> None:
    """Change each line of the series."""
    with zipfile.ZipFile(archive) as packed:
        lines = packed.read(MEMBER).splitlines(keepends=True)[1:]
    zip_file(archive, HEADER + b"\n" + b"".join(map(change, lines)))
