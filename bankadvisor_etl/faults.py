"""Points where the tests stop a run, to check that nothing is lost: ``BANKADVISOR_FAULT=POINT:ACTION``.

``kill`` and ``term`` send the signal of that name to the process; ``wait=PATH`` creates the file and waits until it is
removed. Without the variable a point costs one look-up in the environment.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

POINTS = (
    "locked",
    "prepared",
    "begun",
    "found",
    "hashed",
    "read_base",
    "read_enhanced",
    "computed",
    "staged",
    "audited",
    "compared",
    "published",
    "closed",
    "committed",
)
"""In the order in which a run passes them."""

SERIES_POINTS = ("series_staged", "series_compared", "series_loaded")
"""In the order in which a load of CNBV's series passes them."""


def point(name: str) -> None:
    """Stop here if the environment variable names this point."""
    where, _, action = os.environ.get("BANKADVISOR_FAULT", "").partition(":")
    if where != name:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "term":
        os.kill(os.getpid(), signal.SIGTERM)
    elif action.startswith("wait="):
        marker = Path(action.removeprefix("wait="))
        marker.touch()
        while marker.exists():
            time.sleep(0.01)
