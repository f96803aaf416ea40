"""Where the regulator's real files are, and folders that the workers share."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE, HOUR = 60, 3600
_BESIDE_THE_CLONE = Path(__file__).resolve().parents[3] / "shared" / "data" / "raw"


def real_data_folder() -> Path | None:
    """Return the folder that the environment names, or the one next to the clone; None if missing."""
    folder = Path(os.environ.get("BANKADVISOR_REAL_DATA") or _BESIDE_THE_CLONE)
    return folder if any(folder.glob("CNBV_Cartera_Bancos*.xlsx")) else None


def age(folder: Path) -> None:
    """Make the new files of a folder an hour old: with a damaged new file, a run waits to see if it grows.

    Old files are not touched, since another test may be reading them.
    """
    now = time.time()
    for path in folder.glob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime > now - MINUTE:
            os.utime(path, (now - HOUR, now - HOUR))


def find_real_data() -> Path:
    """Return the folder of the real files.

    If they are missing, the test fails if the environment names them or in CI, and is skipped elsewhere.
    """
    if folder := real_data_folder():
        return folder
    missing = "the regulator's files are not beside the clone: set BANKADVISOR_REAL_DATA"
    if os.environ.get("BANKADVISOR_REAL_DATA") or os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one of the workers creates and all of them read."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # each worker has its own folder in it
    folder, unfinished = root / name, root / f"{name}.unfinished"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            age(unfinished)
            unfinished.rename(folder)
    return folder
