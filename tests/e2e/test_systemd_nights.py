"""Nights with other problems: a killed lock holder, a full log disk, a machine that is not configured yet."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from e2e.container import wait_until
from e2e.machine import FORCED, SERVICE, SETTINGS, TIMER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
STAMP = f"/var/lib/systemd/timers/stamp-{TIMER}"
FILL = "dd if=/dev/zero of={0}/fill bs=64k >/dev/null 2>&1; test $(df --output=avail {0} | tail -1) -lt 64"


def test_a_lock_holder_that_is_killed_is_waited_for(machine: Machine) -> None:
    machine.succeed()
    machine.hook()
    machine.override(*FORCED, "RestartSec=1s", "RestartSteps=0")
    with machine.locked():
        by_hand = machine.popen("bankadvisor-etl", "run", "--force")
        held = machine.waiting_run()
        machine.start()
        wait_until(lambda: machine.show(SERVICE, "ExecMainStatus") == "75", "a try is refused the lock")
        machine.run("pkill", "-KILL", "-f", "bin/bankadvisor-etl run --force")
        by_hand.communicate()
    assert machine.settled() == "inactive"
    runs = machine.etl_runs()
    assert [(run["status"], run["triggered_by"]) for run in runs] == [
        ("success", "systemd"),
        ("failure", "manual"),
        ("success", "systemd"),
    ]
    assert (runs[1]["id"], machine.alerts()) == (held["id"], [])


@pytest.fixture
def full_log(machine: Machine) -> Iterator[Machine]:
    """A journal on a full disk, and cron's log file on another one."""
    machine.run("journalctl", "--flush")
    for folder in ("/var/log/journal", "/var/log/full"):
        machine.run("mkdir", "-p", folder)
        machine.run("mount", "-t", "tmpfs", "-o", "size=8m,mode=1777", "tmpfs", folder)
    machine.run("systemctl", "restart", "systemd-journald")
    machine.run("sh", "-c", FILL.format("/var/log/journal"), check=False)
    machine.run("sh", "-c", FILL.format("/var/log/full"))
    yield machine
    machine.run("umount", "--lazy", "/var/log/journal", "/var/log/full")
    machine.run("systemctl", "restart", "systemd-journald")


def test_a_full_log_disk_loses_no_run(full_log: Machine) -> None:
    full_log.succeed()
    before = full_log.published()
    by_cron = full_log.run("sh", "-c", "bankadvisor-etl run --cron --force >>/var/log/full/log 2>&1", check=False)
    assert by_cron.returncode == 0
    assert [(run["status"], run["triggered_by"]) for run in full_log.etl_runs()] == [
        ("success", "systemd"),
        ("success", "cron"),
    ]
    assert full_log.published() == before


def test_a_machine_that_is_not_configured_at_two_in_the_morning(machine: Machine) -> None:
    machine.hook()
    machine.run("systemctl", "disable", "--now", TIMER)
    machine.path(SETTINGS).unlink()
    machine.make("install-units")
    assert (machine.state(TIMER), machine.news("-u", SERVICE), machine.alerts()) == ("inactive", [], [])
    # Started anyway, by somebody who did not read on: one failure that says what is missing, and no retry.
    machine.path(STAMP).touch()
    machine.run("touch", "--date=2 days ago", STAMP)
    machine.run("systemctl", "start", TIMER)
    wait_until(machine.alerts, "the alert", seconds=90)  # the jitter is a minute at most
    assert machine.state(SERVICE) == "failed"
    assert (machine.show(SERVICE, "NRestarts"), machine.show(SERVICE, "ExecMainStatus")) == ("0", "78")
    assert len(machine.alerts()) == 1


def test_start_during_the_pause_starts_now_where_systemd_can(machine: Machine) -> None:
    version = int(machine.run("systemctl", "--version").stdout.split()[1])
    command = "start" if version >= 254 else "restart"  # as the manual says
    machine.run("systemctl", "stop", "postgresql")
    machine.override("[Service]", "RestartSec=10min", "RestartSteps=0")
    assert machine.start().returncode == 1
    wait_until(lambda: machine.show(SERVICE, "SubState") == "auto-restart", "the pause")
    said = json.loads(machine.run("bankadvisor-etl", "health", check=False).stdout)
    assert said["status"] == "critical"  # the database does not answer
    machine.run("systemctl", "start", "postgresql")
    begun = time.monotonic()
    machine.run("systemctl", command, SERVICE)
    assert time.monotonic() - begun < 60
    assert [run["status"] for run in machine.etl_runs()] == ["success"]
