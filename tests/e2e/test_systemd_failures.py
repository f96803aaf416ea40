"""Runs that are killed, hang, find no database, or read a bad file, and who is notified."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import openpyxl
import pytest

from e2e.container import wait_until
from e2e.machine import DATA, FAILURE, FORCED, SERVICE, SETTINGS, TIMER, UNFINISHED

if TYPE_CHECKING:
    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
CARTERA = f"{DATA}/CNBV_Cartera_Bancos_V2.xlsx"


def facts(alert: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in alert.splitlines() if line.startswith("FAILED_"))


def test_a_killed_run_is_closed_and_says_so(machine: Machine) -> None:
    machine.succeed()
    before = machine.published()
    machine.override(*FORCED, "Restart=no")
    with machine.held_run() as run:
        machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", SERVICE)
        assert machine.settled() == "failed"
        closed = machine.etl_runs()[-1]
    assert closed["id"] == run["id"]
    assert closed["status"] == "failure"
    assert "killed by signal KILL" in closed["error_message"]
    assert closed["completed_at"] >= closed["started_at"]
    assert machine.published() == before
    assert machine.state(TIMER) == "active"


def test_a_run_that_hangs_is_closed_as_timed_out(machine: Machine) -> None:
    machine.succeed()
    before = machine.published()
    machine.override(*FORCED, "Restart=no", "TimeoutStartSec=8s")
    with machine.held_run() as run:
        assert machine.settled() == "failed"
        closed = machine.etl_runs()[-1]
    assert machine.show(SERVICE, "Result") == "timeout"
    assert (closed["id"], closed["status"]) == (run["id"], "failure")
    assert "timed out" in closed["error_message"]
    assert machine.published() == before


def test_a_killed_run_is_tried_again_and_succeeds(machine: Machine) -> None:
    machine.succeed()
    machine.override(*FORCED, "RestartSec=1s", "RestartSteps=0")
    with machine.held_run():
        machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", SERVICE)
        wait_until(lambda: machine.etl_runs()[-1]["status"] == "failure", "the row is closed")
    assert machine.settled() == "inactive"
    runs = machine.etl_runs()
    assert [run["status"] for run in runs] == ["success", "failure", "success"]
    assert len({run["invocation_id"] for run in runs}) == 3


def test_a_database_that_comes_back_is_found_by_a_retry(machine: Machine) -> None:
    machine.hook()
    machine.override("[Service]", "RestartSec=2s", "RestartSteps=0")
    machine.run("systemctl", "stop", "postgresql")
    machine.start("--no-block")
    wait_until(lambda: int(machine.show(SERVICE, "NRestarts")) >= 1, "a first retry")
    machine.run("systemctl", "start", "postgresql")
    assert machine.settled() == "inactive"
    assert machine.show(SERVICE, "Result") == "success"
    assert [run["status"] for run in machine.etl_runs()] == ["success"]
    assert machine.alerts() == []


def test_a_database_that_stays_away_trips_the_limit_and_alerts_once(machine: Machine) -> None:
    machine.hook()
    machine.override("[Unit]", "StartLimitBurst=10", "[Service]", "RestartSec=2s", "RestartSteps=0")
    machine.run("systemctl", "stop", "postgresql")
    begun = time.monotonic()
    assert machine.start().returncode == 1
    assert time.monotonic() - begun < 15  # it does not wait for the retries
    assert machine.state(SERVICE) == "activating"
    assert machine.alerts() == []
    wait_until(lambda: machine.state(SERVICE) == "failed" and machine.alerts(), "the limit trips")
    assert machine.show(SERVICE, "NRestarts") == "10"
    (alert,) = machine.alerts()
    assert facts(alert)["FAILED_EXIT_STATUS"] == "69"
    assert len(machine.news("-u", SERVICE, "--grep=status=69")) == 10


def test_restart_during_the_pause_starts_now(machine: Machine) -> None:
    machine.run("systemctl", "stop", "postgresql")
    machine.override("[Service]", "RestartSec=10min", "RestartSteps=0")
    assert machine.start().returncode == 1
    wait_until(lambda: machine.show(SERVICE, "SubState") == "auto-restart", "the pause")
    machine.run("systemctl", "start", "postgresql")
    said = json.loads(machine.run("bankadvisor-etl", "health", check=False).stdout)
    assert said["status"] == "unknown"  # no run has reached the database yet
    machine.run("systemctl", "restart", SERVICE)
    assert [run["status"] for run in machine.etl_runs()] == ["success"]
    assert not machine.path(UNFINISHED).exists()


def test_a_bad_file_is_not_retried_and_alerts_once_with_the_facts(machine: Machine) -> None:
    machine.succeed()
    before = machine.published()
    machine.hook()
    workbook = openpyxl.Workbook()
    workbook.active.title = "Sheet1"
    workbook.active.append(["Cve_Periodo", "Institución"])
    workbook.save(machine.path(CARTERA))
    assert machine.start().returncode == 1
    wait_until(machine.alerts, "the hook runs")
    assert machine.state(SERVICE) == "failed"
    assert (machine.show(SERVICE, "NRestarts"), machine.show(SERVICE, "ExecMainStatus")) == ("0", "65")
    run = machine.etl_runs()[-1]
    assert (run["status"], run["exit_code"]) == ("failure", 65)
    (alert,) = machine.alerts()
    assert facts(alert) == {
        "FAILED_UNIT": SERVICE,
        "FAILED_RESULT": "exit-code",
        "FAILED_EXIT_CODE": "exited",
        "FAILED_EXIT_STATUS": "65",
        "FAILED_INVOCATION_ID": run["invocation_id"],
        "FAILED_HOST": machine.run("uname", "-n").stdout.strip(),
    }
    lines = [json.loads(line) for line in alert.splitlines() if line.startswith("{")]
    assert "etl.failed" in [line["event"] for line in lines]
    assert {line["run_id"] for line in lines if "run_id" in line} == {run["id"]}
    assert machine.published() == before
    errors = machine.journal("-p", "err", "-t", "bankadvisor-etl", f"_SYSTEMD_INVOCATION_ID={run['invocation_id']}")
    assert json.loads(errors[0]["MESSAGE"])["event"] == "etl.failed"


def test_without_a_hook_the_failure_unit_does_nothing(machine: Machine) -> None:
    machine.path(CARTERA).unlink()
    assert machine.start().returncode == 1
    assert (machine.show(SERVICE, "NRestarts"), machine.show(SERVICE, "ExecMainStatus")) == ("0", "74")
    wait_until(lambda: machine.show(FAILURE, "ConditionResult") == "no", "the condition is looked at")
    assert machine.state(FAILURE) == "inactive"


def test_the_alert_can_be_tried_by_hand(machine: Machine) -> None:
    machine.succeed()
    machine.hook()
    machine.run("systemctl", "start", FAILURE)
    (alert,) = machine.alerts()
    assert facts(alert)["FAILED_RESULT"] == "success"  # the result of the last run
    assert facts(alert)["FAILED_INVOCATION_ID"] == machine.etl_runs()[-1]["invocation_id"]
    assert "etl_runner.main.success" in alert


def test_settings_that_name_no_database_are_not_retried(machine: Machine) -> None:
    machine.path(SETTINGS).write_text("")
    assert machine.start().returncode == 1
    assert (machine.show(SERVICE, "NRestarts"), machine.show(SERVICE, "ExecMainStatus")) == ("0", "78")
