"""`make install-units` over an old job, repeated, and `make uninstall-units`, on a running machine."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from e2e import base
from e2e.machine import DATA, FORCED, PGPASS, SERVICE, SETTINGS, TIMER
from e2e.old_job import OLD_CRON, OLD_SERVICE, OLD_TIMER

if TYPE_CHECKING:
    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
UNITS = "/etc/systemd/system"
EXPOSURE = {SERVICE: 12, "bankadvisor-etl-health@x.service": 15, "bankadvisor-etl-fetch.service": 18}
"""Tenths of systemd's score."""


def is_quiet(machine: Machine) -> bool:
    """Whether the service has not started since the test began."""
    return machine.state(SERVICE) == "inactive" and not machine.news("-u", SERVICE) and not machine.etl_runs()


def test_the_old_job_is_kept_aside_and_starts_no_more(computer: Machine) -> None:
    assert computer.path(f"{UNITS}/{SERVICE}.anterior").read_text() == OLD_SERVICE
    assert computer.path(f"{UNITS}/{TIMER}.anterior").read_text() == OLD_TIMER
    assert f"{UNITS}/{SERVICE}.anterior (the old job, it runs docker)" in computer.installed
    assert not computer.path(f"{UNITS}/multi-user.target.wants/{SERVICE}").is_symlink()
    assert computer.run("systemctl", "is-enabled", SERVICE).stdout == "static\n"


def test_a_line_of_cron_is_pointed_out_and_left(computer: Machine) -> None:
    assert (
        f"cron still has a line for the old job; remove it: /etc/cron.d/bankadvisor:1:{OLD_CRON}" in computer.installed
    )
    assert computer.path("/etc/cron.d/bankadvisor").read_text() == OLD_CRON


def test_the_timer_waits_for_two_in_mexico_city(machine: Machine) -> None:
    assert machine.run("systemctl", "is-enabled", TIMER).stdout == "enabled\n"
    assert machine.state(TIMER) == "active"
    following = machine.next_run().astimezone(ZoneInfo("America/Mexico_City"))
    now = dt.datetime.now(dt.UTC)
    assert (following.hour, following.minute) in {(2, 0), (2, 1)}  # the jitter is a minute at most
    assert now < following < now + dt.timedelta(hours=24, minutes=1)
    shown = following.astimezone(dt.UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC")
    assert shown in machine.run("systemctl", "list-timers", "--no-pager").stdout


def test_installing_starting_or_enabling_the_timer_runs_nothing(machine: Machine) -> None:
    machine.make("install-units")
    machine.run("systemctl", "disable", "--now", TIMER)
    machine.run("systemctl", "enable", "--now", TIMER)
    machine.run("systemctl", "restart", TIMER)
    assert is_quiet(machine)


def test_an_upgrade_keeps_settings_and_the_run_that_goes_on(machine: Machine) -> None:
    machine.succeed()
    current = machine.path("/opt/bankadvisor-etl/current")
    before = current.readlink()
    machine.override(*FORCED)
    settings, password = machine.path(SETTINGS).read_text(), machine.path(PGPASS).read_text()
    with machine.stopped_run():
        said = machine.make("install-units")
        assert machine.state(SERVICE) == "activating"
    assert machine.settled() == "inactive"
    assert [run["status"] for run in machine.etl_runs()] == ["success", "success"]
    assert current.readlink() != before
    assert len(list(machine.path("/opt/bankadvisor-etl/versions").iterdir())) == 2
    assert (machine.path(SETTINGS).read_text(), machine.path(PGPASS).read_text()) == (settings, password)
    assert "kept aside" not in said
    machine.succeed()


def test_uninstalling_leaves_settings_and_data_unless_purged(machine: Machine) -> None:
    said = machine.make("uninstall-units")
    assert "make uninstall-units PURGE=1" in said
    assert machine.state(TIMER) == "inactive"
    for gone in (f"{UNITS}/{SERVICE}", f"{UNITS}/{TIMER}", "/usr/local/bin/bankadvisor-etl", "/opt/bankadvisor-etl"):
        assert not machine.path(gone).exists(), gone
    assert machine.path(PGPASS).stat().st_mode & 0o777 == 0o600
    assert any(machine.path(DATA).iterdir())
    machine.make("install-units")
    machine.succeed()  # with the settings that stayed
    machine.make("uninstall-units", "PURGE=1")
    for gone in ("/etc/bankadvisor-etl", DATA, "/var/lib/bankadvisor-etl"):
        assert not machine.path(gone).exists(), gone
    assert machine.run("id", "bankadvisor-etl", check=False).returncode == 1
    machine.make("install-units")


def test_systemd_has_nothing_to_say_about_the_units(machine: Machine) -> None:
    names = machine.run("sh", "-c", f"cd {UNITS} && ls bankadvisor-etl*").stdout.split()
    units = [name.replace("@.", "@x.") for name in names if name.endswith((".service", ".timer", ".socket"))]
    assert len(units) == 8
    done = machine.run("systemd-analyze", "verify", *units)
    assert done.stdout + done.stderr == ""
    machine.run("systemctl", "daemon-reload")
    for unit, most in EXPOSURE.items():
        machine.run("systemd-analyze", "security", "--no-pager", f"--threshold={most}", unit)


def test_the_manual_page_and_the_completions_are_found(machine: Machine) -> None:
    assert machine.run("man", "--where", "bankadvisor-etl").stdout.endswith("man/man8/bankadvisor-etl.8\n")
    machine.run("zsh", "-n", "/usr/local/share/zsh/site-functions/_bankadvisor-etl")
    zsh = machine.run("zsh", "-c", "autoload -Uz compinit && compinit -u && echo $_comps[bankadvisor-etl]").stdout
    assert zsh == "_bankadvisor-etl\n"
    fish = machine.run("fish", "-c", "complete --do-complete 'bankadvisor-etl hea'").stdout
    assert fish.split()[0] == "health"
    script = "/usr/local/share/bash-completion/completions/bankadvisor-etl"
    ask = "COMP_WORDS=(bankadvisor-etl doc); COMP_CWORD=1; _bankadvisor_etl_completion bankadvisor-etl"
    assert machine.run("bash", "-c", f". {script}; {ask}; echo ${{COMPREPLY[@]}}").stdout == "doctor\n"


def test_what_is_installed_is_what_is_pinned(machine: Machine) -> None:
    suite = machine.run("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME").stdout.strip()
    pinned = {line.split()[0] for line in base.pinned(suite).splitlines() if not line.startswith(" ")}
    frozen = machine.run("/opt/bankadvisor-etl/current/bin/python", "-m", "pip", "freeze").stdout.split("\n")
    assert {line.lower().replace("_", "-") for line in frozen if "==" in line} == pinned


def test_the_credential_is_the_services_and_the_data_folder_the_groups(machine: Machine) -> None:
    stat = ["stat", "--format=%U %G %a"]
    assert machine.run(*stat, PGPASS).stdout == "bankadvisor-etl bankadvisor-etl 600\n"
    assert machine.run(*stat, DATA).stdout == "root bankadvisor-etl 2755\n"
    user = machine.run("getent", "passwd", "bankadvisor-etl").stdout.strip().split(":")
    assert user[5:] == ["/var/lib/bankadvisor-etl", "/usr/sbin/nologin"]
