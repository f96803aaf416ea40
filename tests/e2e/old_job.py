"""The job that this package replaces, as on an operator's machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.machine import SERVICE, TIMER

if TYPE_CHECKING:
    from e2e.machine import Machine

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


def lay(machine: Machine) -> None:
    """The replaced system: enabled at boot, its timer bound to its service, and a crontab line."""
    machine.write(f"/etc/systemd/system/{SERVICE}", OLD_SERVICE)
    machine.write(f"/etc/systemd/system/{TIMER}", OLD_TIMER)
    machine.write("/etc/cron.d/bankadvisor", OLD_CRON)
    machine.run("systemctl", "enable", SERVICE, TIMER)
    machine.run("systemctl", "start", TIMER, check=False)
