"""Missed nights, and machines that go down in the middle of a run."""

from __future__ import annotations

import datetime as dt
import os
import time
from typing import TYPE_CHECKING

import pytest

from e2e.container import wait_until
from e2e.machine import DATA, FETCH, FETCH_DROP_IN, FORCED, TIMER, UNFINISHED

if TYPE_CHECKING:
    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
STAMP = f"/var/lib/systemd/timers/stamp-{TIMER}"


def test_a_missed_night_is_made_up_for_at_the_next_boot(machine: Machine) -> None:
    machine.succeed()
    machine.cut_power()
    two_days_ago = time.time() - 2 * 86400
    os.utime(machine.path(STAMP), (two_days_ago, two_days_ago))
    machine.boot()
    # At once, except for the jitter of a minute and the run itself.
    wait_until(lambda: len(machine.etl_runs()) == 2, "the night is made up for", seconds=75)
    assert machine.settled() == "inactive"
    assert [(run["status"], run["triggered_by"]) for run in machine.etl_runs()] == [
        ("success", "systemd"),
        ("success", "timer"),
    ]
    machine.run("systemctl", "restart", TIMER)
    time.sleep(2)
    assert len(machine.etl_runs()) == 2


def test_a_boot_without_a_missed_night_runs_nothing(machine: Machine) -> None:
    machine.reboot()
    assert machine.state(TIMER) == "active"
    assert machine.next_run() > dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    assert machine.etl_runs() == []


def test_a_reboot_in_the_middle_of_a_run_loses_nothing(machine: Machine) -> None:
    machine.succeed()
    before = machine.published()
    machine.override(*FORCED)
    with machine.held_run() as run:
        machine.reboot()
    after_a_cut(machine, run["id"], before)


def test_a_power_cut_in_the_middle_of_a_run_loses_nothing(machine: Machine) -> None:
    machine.succeed()
    before = machine.published()
    machine.override(*FORCED)
    with machine.held_run() as run:
        machine.cut_power()
        machine.boot()
    after_a_cut(machine, run["id"], before)


def test_a_reboot_while_the_files_are_fetched_loses_no_run(machine: Machine) -> None:
    machine.override("[Service]", "ExecStart=", "ExecStart=sleep infinity", path=FETCH_DROP_IN)
    machine.start("--no-block")
    wait_until(lambda: machine.show(FETCH, "MainPID") != "0", "the fetch is under way")
    machine.path(FETCH_DROP_IN).unlink()
    assert machine.etl_runs() == []
    machine.reboot()
    wait_until(lambda: [run["status"] for run in machine.etl_runs()] == ["success"], "the run is made up for")
    assert machine.settled() == "inactive"
    assert not machine.path(UNFINISHED).exists()


def test_a_fetch_by_hand_owes_no_run(machine: Machine) -> None:
    assert machine.run("systemctl", "start", FETCH, check=False).returncode == 1
    assert (machine.show(FETCH, "ExecMainStatus"), machine.state(FETCH)) == ("69", "failed")
    assert not machine.path(UNFINISHED).exists()


def test_a_night_without_cnbv_runs_with_what_is_there(machine: Machine) -> None:
    machine.succeed()
    assert machine.state(FETCH) == "failed"
    assert [run["status"] for run in machine.etl_runs()] == ["success"]
    assert machine.run("stat", "--format=%U %G %a", f"{DATA}/cnbv").stdout == "bankadvisor-etl bankadvisor-etl 2750\n"


def after_a_cut(machine: Machine, cut: int, before: str) -> None:
    """What was published is there; the next boot closes the open row by itself, and repeats the run."""
    wait_until(lambda: [run["status"] for run in machine.etl_runs()][2:] == ["success"], "the run is made up for")
    assert machine.settled() == "inactive"
    assert machine.state(TIMER) == "active"
    runs = machine.etl_runs()
    assert [run["status"] for run in runs] == ["success", "failure", "success"]
    assert (runs[1]["id"], runs[1]["completed_at"] is not None) == (cut, True)
    assert runs[1]["error_message"]
    assert machine.published() == before
    assert not machine.path(UNFINISHED).exists()
