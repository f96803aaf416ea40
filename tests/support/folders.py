"""Where the regulator's real files are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_CLONE = Path(__file__).resolve().parents[3] / "shared" / "data" / "raw"


def find_real_data() -> Path:
    """Return the folder that the environment names, or the one beside the clone.

    Where they are missing the test fails if the environment promised them or is CI's, else it is skipped.
    """
    promised = os.environ.get("BANKADVISOR_REAL_DATA")
    folder = Path(promised or _BESIDE_THE_CLONE)
    if any(folder.glob("CNBV_Cartera_Bancos*.xlsx")):
        return folder
    missing = f"the regulator's files are not in {folder}: set BANKADVISOR_REAL_DATA"
    if promised or os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
