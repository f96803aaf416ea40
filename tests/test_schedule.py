"""Whether a retry is pending, from the output of systemctl show."""

from __future__ import annotations

import pytest

from bankadvisor_etl.job import schedule


@pytest.mark.parametrize(
    ("shown", "pending"),
    [
        ("SubState=dead Result=success Job=0", False),
        ("SubState=failed Result=exit-code Job=0", False),
        ("SubState=auto-restart Result=exit-code Job=0", True),
        ("SubState=auto-restart-queued Result=exit-code", True),
        ("SubState=dead Result=exit-code Job=812", True),  # the pause is over, and the fetch comes first
        ("SubState=failed Result=signal Job=812", True),
        ("SubState=dead Result=success Job=812", False),  # a first start
        ("SubState=start Result=success Job=812", False),
        ("", False),
    ],
)
def test_a_retry_is_pending_in_the_pause_and_during_its_fetch(
    shown: str, *, pending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = dict(pair.split("=") for pair in shown.split())
    monkeypatch.setattr(schedule.Path, "is_dir", lambda _: True)
    monkeypatch.setattr(schedule.shutil, "which", lambda _: "/usr/bin/systemctl")
    timer = {"LoadState": "loaded", "UnitFileState": "enabled", "ActiveState": "active"}
    monkeypatch.setattr(schedule, "_show", lambda unit: timer if unit == schedule.TIMER else properties)
    monkeypatch.setattr(schedule, "_next_run", lambda: None)
    found = schedule.schedule()
    assert found is not None
    assert found.retry_pending is pending
