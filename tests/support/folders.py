"""Where the regulator's real files are."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

_BESIDE_THE_CLONE = Path(__file__).resolve().parents[3] / "shared" / "data" / "raw"


def real_data_folder() -> Path | None:
    """Return the folder that the environment names, or the one beside the clone; None where they are missing."""
    folder = Path(os.environ.get("BANKADVISOR_REAL_DATA") or _BESIDE_THE_CLONE)
    return folder if any(folder.glob("CNBV_Cartera_Bancos*.xlsx")) else None


def age(folder: Path) -> None:
    """Make the files of a folder an hour old: for one that is damaged and new, a run waits to see if it still grows."""
    an_hour_ago = time.time() - 3600
    for path in folder.glob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (an_hour_ago, an_hour_ago))


def find_real_data() -> Path:
    """Return the folder of the real files.

    Where they are missing the test fails if the environment promised them or is CI's, else it is skipped.
    """
    if folder := real_data_folder():
        return folder
    missing = "the regulator's files are not beside the clone: set BANKADVISOR_REAL_DATA"
    if os.environ.get("BANKADVISOR_REAL_DATA") or os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
