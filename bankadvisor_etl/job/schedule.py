"""What systemd reports about the job: whether its timer is active, when it elapses next, whether a retry is pending."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

TIMER, SERVICE = "bankadvisor-etl.timer", "bankadvisor-etl.service"
SECONDS = 5


@dataclass(frozen=True)
class Schedule:
    """The state of the timer and of the service.

    Attributes:
        enabled: whether the timer starts at boot.
        active: whether the timer is running now.
        next_run: when it elapses next.
        retry_pending: whether the service failed and waits for its next attempt.
    """

    enabled: bool
    active: bool
    next_run: datetime | None
    retry_pending: bool


def schedule() -> Schedule | None:
    """Ask systemd; None if there is no systemd, if it does not answer, or if the timer is not installed."""
    if not (Path("/run/systemd/system").is_dir() and shutil.which("systemctl")):
        return None
    timer = _show(TIMER)
    if timer.get("LoadState") != "loaded":
        return None
    return Schedule(
        enabled=timer.get("UnitFileState") == "enabled",
        active=timer.get("ActiveState") == "active",
        next_run=_next_run(),
        retry_pending=_retry_pending(_show(SERVICE)),
    )


def _retry_pending(service: dict[str, str]) -> bool:
    """Whether an attempt failed and the next one waits for its pause to end, or for the fetch that precedes it."""
    # systemd 254 and later also have the states auto-restart-queued and failed-before-auto-restart.
    waiting = service.get("Job", "0") not in {"", "0"} and service.get("SubState") in {"dead", "failed"}
    return "auto-restart" in service.get("SubState", "") or (waiting and service.get("Result") != "success")


def _show(unit: str) -> dict[str, str]:
    answer = _systemctl("show", "--property=LoadState,UnitFileState,ActiveState,SubState,Result,Job", unit)
    return dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)


def _next_run() -> datetime | None:
    # systemctl show prints local time as text whatever --timestamp is (systemd 252); list-timers gives microseconds.
    answer = _systemctl("list-timers", "--output=json", TIMER)
    timers = json.loads(answer) if answer.strip() else []
    stamp = timers[0].get("next") if timers else None
    return datetime.fromtimestamp(stamp / 1_000_000, UTC) if stamp else None


def _systemctl(*arguments: str) -> str:
    try:
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
