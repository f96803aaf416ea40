"""A run as the service: sandboxed, unprivileged, logged in the journal, one at a time."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING

import pytest

from e2e.container import wait_until
from e2e.machine import ALERTS, DATA, FORCED, PASSWORD, PGPASS, SERVICE, SETTINGS, TIMER

if TYPE_CHECKING:
    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
STORY = [
    "etl_runner.main.started",
    "etl.started",
    "etl.phase.base.started",
    "etl.phase.base.completed",
    "etl.phase.enhanced.started",
    "etl.phase.enhanced.completed",
    "etl.completed",
    "etl_runner.main.success",
]


def test_a_run_succeeds_and_the_journal_tells_it_in_json(machine: Machine) -> None:
    machine.succeed()
    (run,) = machine.etl_runs()
    assert (run["status"], run["exit_code"], run["triggered_by"]) == ("success", 0, "systemd")
    assert run["invocation_id"] == machine.show(SERVICE, "InvocationID")
    entries = machine.journal("-t", "bankadvisor-etl", f"_SYSTEMD_INVOCATION_ID={run['invocation_id']}")
    events = [json.loads(entry["MESSAGE"]) for entry in entries]
    assert [event["event"] for event in events if event["event"] in STORY] == STORY
    assert {event["run_id"] for event in events if "run_id" in event} == {run["id"]}
    levels = {(entry["PRIORITY"], event["level"]) for entry, event in zip(entries, events, strict=True)}
    assert levels <= {("5", "info"), ("4", "warning")}
    everything = machine.news("-u", SERVICE)  # including systemd's own messages about the unit
    assert [json.loads(entry["MESSAGE"]) for entry in everything] == events
    shown = machine.run("bankadvisor-etl", "runs", "show", str(run["id"])).stdout
    assert f"journalctl _SYSTEMD_INVOCATION_ID={run['invocation_id']}\n" in shown


def test_health_on_the_path_tells_the_run(machine: Machine) -> None:
    machine.succeed()
    (run,) = machine.etl_runs()
    done = machine.run("bankadvisor-etl", "health")  # the wrapper reads the service's settings and password
    said = json.loads(done.stdout)
    assert said["etl"]["last_run_id"] == run["id"]
    assert said["etl"]["last_run_status"] == "success"
    assert said["etl"]["last_run_rows"] == run["rows_processed_base"] > 0
    following = dt.datetime.fromisoformat(said["etl"]["next_run"])
    assert abs(following - machine.next_run()) < dt.timedelta(seconds=1)


def test_the_process_is_unprivileged_and_sandboxed(machine: Machine) -> None:
    machine.succeed()
    machine.override(*FORCED)
    with machine.held_run():
        pid = machine.show(SERVICE, "MainPID")
        status = dict(line.split(":\t", 1) for line in machine.run("cat", f"/proc/{pid}/status").stdout.splitlines())
        uid = machine.run("id", "-u", "bankadvisor-etl").stdout.strip()
        assert status["Uid"].split() == [uid] * 4
        assert (int(status["CapEff"], 16), int(status["CapBnd"], 16)) == (0, 0)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        for folder in (DATA, "/etc", "/opt/bankadvisor-etl"):
            touch = machine.run("nsenter", "-t", pid, "-m", "touch", f"{folder}/proof", check=False)
            assert "Read-only file system" in touch.stderr, folder
        assert PASSWORD in machine.run("nsenter", "-t", pid, "-m", "cat", PGPASS).stdout.replace("\\", "")
        assert PASSWORD not in machine.run("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline").stdout
    assert machine.settled() == "inactive"


def test_the_password_is_nowhere_but_in_the_credential(machine: Machine) -> None:
    machine.succeed()
    shown = machine.run("systemctl", "show", SERVICE).stdout + machine.run("journalctl", "--no-pager").stdout
    assert "PGPASSFILE=/etc/bankadvisor-etl/pgpass" in shown
    assert PASSWORD not in shown
    escaped = PASSWORD.replace(":", r"\:")
    found = machine.run(
        "grep", "-rlF", escaped, "/etc", "/opt", "/run", "/srv", "/var/lib/bankadvisor-etl", check=False
    )
    assert found.stdout.split() == ["/etc/bankadvisor-etl/pgpass"]
    assert machine.run("runuser", "-u", "nobody", "--", "cat", found.stdout.strip(), check=False).returncode == 1


def test_peer_authentication_needs_no_password(machine: Machine) -> None:
    machine.psql('DROP ROLE IF EXISTS "bankadvisor-etl"', 'CREATE ROLE "bankadvisor-etl" LOGIN', database="postgres")
    machine.psql('ALTER DATABASE bankadvisor OWNER TO "bankadvisor-etl"')
    dsn = "postgresql:///bankadvisor?host=/run/postgresql&user=bankadvisor-etl"
    machine.write(SETTINGS, f"BANKADVISOR_DSN={dsn}\n")
    machine.succeed()
    assert [run["status"] for run in machine.etl_runs()] == ["success"]
    machine.psql("DROP DATABASE bankadvisor WITH (FORCE)", 'DROP ROLE "bankadvisor-etl"', database="postgres")


def test_without_any_server_the_private_one_runs_in_the_sandbox(machine: Machine) -> None:
    machine.run("systemctl", "stop", "postgresql")
    machine.write(SETTINGS, f"BANKADVISOR_DATA_DIR={DATA}\nBANKADVISOR_EMBEDDED=1\n")
    machine.succeed()
    said = json.loads(machine.run("bankadvisor-etl", "health").stdout)  # as root; the server is the service's user's
    assert (said["status"], said["etl"]["last_run_status"]) == ("ok", "success")
    assert machine.run("stat", "--format=%U %a", "/var/lib/bankadvisor-etl").stdout == "bankadvisor-etl 750\n"


def test_stopping_the_service_closes_the_row_and_leaves_the_timer(machine: Machine) -> None:
    machine.succeed()
    machine.override(*FORCED)
    before = machine.published()
    with machine.held_run() as run:
        machine.run("systemctl", "stop", SERVICE)
        closed = machine.etl_runs()[-1]
    assert (closed["id"], closed["status"], closed["exit_code"]) == (run["id"], "failure", 143)
    assert machine.state(TIMER) == "active"
    assert machine.published() == before


def test_two_starts_at_once_are_one_run(machine: Machine) -> None:
    assert machine.start_twice() == [0, 0]
    assert [run["status"] for run in machine.etl_runs()] == ["success"]


def test_a_run_by_hand_beside_the_service_is_skipped(machine: Machine) -> None:
    machine.succeed()
    machine.override(*FORCED)
    with machine.held_run():
        by_hand = machine.run("bankadvisor-etl", "run", "--log-format", "json", check=False)
    assert by_hand.returncode == 75
    assert [json.loads(line)["event"] for line in by_hand.stdout.splitlines()].count("etl.skipped") == 1
    assert machine.settled() == "inactive"
    assert [run["status"] for run in machine.etl_runs()] == ["success", "success"]


def test_the_service_beside_a_run_by_hand_waits_for_it_and_alerts_nobody(machine: Machine) -> None:
    machine.succeed()
    machine.hook()
    machine.override("[Service]", "RestartSec=1s", "RestartSteps=0")
    with machine.locked():
        by_hand = machine.popen("bankadvisor-etl", "run", "--force")
        machine.waiting_run()
        assert machine.start().returncode == 1  # the first attempt ends; the service is not done
        wait_until(lambda: machine.show(SERVICE, "ExecMainStatus") == "75", "a try is refused the lock")
    by_hand.communicate()
    assert machine.settled() == "inactive"
    assert [(run["status"], run["triggered_by"]) for run in machine.etl_runs()] == [
        ("success", "systemd"),
        ("success", "manual"),
        ("success", "systemd"),
    ]
    assert machine.alerts() == []


@pytest.mark.parametrize("user", ["root", "bankadvisor-etl", "operadora"])
def test_the_command_is_the_same_whoever_types_it(machine: Machine, user: str) -> None:
    machine.succeed()
    machine.run("sh", "-c", "id operadora >/dev/null 2>&1 || useradd --groups bankadvisor-etl operadora")
    rule = "%bankadvisor-etl ALL=(bankadvisor-etl) NOPASSWD: /usr/local/bin/bankadvisor-etl\n"
    machine.write("/etc/sudoers.d/bankadvisor-etl", rule, 0o440)
    said = machine.run("runuser", "-u", user, "--", "bankadvisor-etl", "health")
    assert json.loads(said.stdout)["etl"]["last_run_id"] == machine.etl_runs()[-1]["id"]
    assert machine.run("runuser", "-u", user, "--", "bankadvisor-etl", "doctor").returncode == 0


def test_the_metrics_are_written_by_the_unit_where_the_folder_is(machine: Machine) -> None:
    machine.run("mkdir", "-p", "/var/lib/prometheus/node-exporter")
    machine.succeed()
    (metrics,) = machine.path("/var/lib/prometheus/node-exporter").iterdir()
    assert metrics.stat().st_mode & 0o777 == 0o644
    assert "\nbankadvisor_etl_last_run_success 1\n" in metrics.read_text()


def test_a_success_runs_its_hook_once_which_may_write_the_report_for_a_web_server(machine: Machine) -> None:
    example = machine.path("/etc/bankadvisor-etl/on-success.example").read_text()
    (report,) = re.findall(r"^# (bankadvisor-etl report --out /srv/www/banca/index.html)$", example, re.MULTILINE)
    machine.run("install", "-d", "-o", "bankadvisor-etl", "/srv/www/banca")
    hook = f'#!/bin/sh\n{report}\necho "$SUCCESS_INVOCATION_ID" >>{ALERTS}\n'
    machine.write("/etc/bankadvisor-etl/on-success", hook, 0o755)
    machine.succeed()
    wait_until(machine.path(ALERTS).exists, "the hook runs")
    machine.path("/etc/bankadvisor-etl/on-success").unlink()
    assert machine.path(ALERTS).read_text() == f"{machine.etl_runs()[0]['invocation_id']}\n"
    page = machine.run("runuser", "-u", "nobody", "--", "cat", "/srv/www/banca/index.html").stdout
    (system,) = machine.rows("SELECT cartera_total FROM sistema WHERE fecha = (SELECT max(fecha) FROM ultimo_mes)")
    assert f"{system['cartera_total']:,.0f} MDP" in page
    assert ": INVEX y el sistema</h1>" in page
    assert [path.name for path in machine.path("/srv/www/banca").iterdir()] == ["index.html"]
