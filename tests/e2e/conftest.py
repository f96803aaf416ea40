"""The machine on which the units are tried: installed once over an old job, set back before each test."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import base
import pytest
from machine import PASSWORD, SAMPLE, SERVICE, TIMER, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD_SERVICE = """[Unit]
Description=BankAdvisor ETL (docker)
[Service]
Type=oneshot
ExecStart=/usr/bin/docker exec bankadvisor python -m etl
[Install]
WantedBy=multi-user.target
"""
OLD_TIMER = """[Unit]
Requires=bankadvisor-etl.service
[Timer]
OnCalendar=*-*-* 02:00:00
OnCalendar=*-*-* 08:00:00
[Install]
WantedBy=timers.target
"""
OLD_CRON = "0 2 * * * root docker exec bankadvisor python -m etl\n"


@pytest.fixture(scope="session")
def computer() -> Iterator[Machine]:
    """Boots a copy of the root, lays an old job on it, and installs over that."""
    missing = [tool for tool in ("debootstrap", "systemd-nspawn", "nsenter", "setpriv") if not shutil.which(tool)]
    if os.geteuid() or missing:
        pytest.fail(f"the boot needs root and Debian's debootstrap and systemd-container; missing: {missing}")
    root = base.CACHE / f"machine-{os.getpid()}"
    source, wheels = base.root(), base.wheels()
    try:
        base.copy(source, root)
        with Machine(root, {base.PROJECT: "/src", wheels: "/wheels"}) as machine:
            lay_old_job(machine)
            machine.psql(f"CREATE ROLE bankadvisor_etl LOGIN PASSWORD '{PASSWORD}'", database="postgres")
            machine.installed = machine.make("install-units")
            machine.run("bankadvisor-etl", "sample-data", SAMPLE, "--tasas-rows", "20000")
            yield machine
    finally:
        base.discard(root)


def lay_old_job(machine: Machine) -> None:
    """The system that is replaced: enabled at boot, its timer tied to its service, and a line of cron."""
    machine.write(f"/etc/systemd/system/{SERVICE}", OLD_SERVICE)
    machine.write(f"/etc/systemd/system/{TIMER}", OLD_TIMER)
    machine.write("/etc/cron.d/bankadvisor", OLD_CRON)
    machine.run("systemctl", "enable", SERVICE, TIMER)
    machine.run("systemctl", "start", TIMER, check=False)


@pytest.fixture
def machine(computer: Machine) -> Machine:
    """The same machine, set back."""
    computer.reset()
    return computer
