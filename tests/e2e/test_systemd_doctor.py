"""The doctor on a machine: no complaint on a healthy one, and each planted fault by its subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.machine import DATA, HOOK, PGPASS, SETTINGS, TIMER

if TYPE_CHECKING:
    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
STATE = "/var/lib/bankadvisor-etl"
SQL = "runuser -u postgres -- psql -Xq -d bankadvisor -c"
FAULTS = {
    "no database is named": (f"sed -i.kept /DSN/d {SETTINGS}", ["settings"], f"mv {SETTINGS}.kept {SETTINGS}"),
    "the folder is root's": (f"chmod 700 {DATA}", ["folder"], f"chmod 2755 {DATA}"),
    "no portfolio": (f"mv {DATA}/CNBV_Cartera_Bancos_V2.xlsx /root", ["cartera"], f"mv /root/CNBV_Cartera* {DATA}"),
    "a file is root's": (f"chmod 600 {DATA}/TDA.xlsx", ["tda"], f"chmod 644 {DATA}/TDA.xlsx"),
    "a file is empty": (f"cp {DATA}/ICAP_Bancos.xlsx /root && truncate -s0 {DATA}/ICAP_Bancos.xlsx", ["icap"],
                        f"cp /root/ICAP_Bancos.xlsx {DATA}/"),
    "others can read the password": (f"chmod 640 {PGPASS}", ["password", "connection"], f"chmod 600 {PGPASS}"),
    "the password is root's": (f"chown root: {PGPASS}", ["password", "connection"], f"chown bankadvisor-etl: {PGPASS}"),
    "the password is another": (f"sed -i.kept s/only/other/ {PGPASS}", ["connection"], f"mv {PGPASS}.kept {PGPASS}"),
    "PostgreSQL is down": ("systemctl stop postgresql", ["connection"], "systemctl start postgresql"),
    "a privilege is missing": (f"{SQL} 'ALTER TABLE monthly_kpis OWNER TO postgres'", ["grants"],
                               f"{SQL} 'ALTER TABLE monthly_kpis OWNER TO bankadvisor_etl'"),
    "the timer is off": (f"systemctl stop {TIMER}", ["timer"], f"systemctl start {TIMER}"),
    "the timer is forgotten at boot": (f"systemctl disable {TIMER}", ["timer"], f"systemctl enable {TIMER}"),
    "the hook cannot be run": (f"touch {HOOK}", ["on-failure"], f"rm {HOOK}"),
    "the disk is full": (f"mount -t tmpfs -o size=64m tmpfs {STATE}", ["space"], f"umount {STATE}"),
}  # fmt: skip
"""A fault: how it is made, the subject that the doctor reports, how it is repaired."""


def complaints(machine: Machine) -> list[str]:
    """The subjects that the doctor reports as faulty; its exit code agrees."""
    done = machine.run("bankadvisor-etl", "doctor", check=False)
    found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.returncode == (1 if found else 0), done.stdout + done.stderr
    return found


def test_each_planted_fault_is_found_and_nothing_else(machine: Machine) -> None:
    machine.succeed()
    assert complaints(machine) == []
    found: dict[str, list[str]] = {}
    for name, (plant, _, undo) in FAULTS.items():
        machine.run("sh", "-ec", plant)
        try:
            found[name] = complaints(machine)
        finally:
            machine.run("sh", "-ec", undo)
    assert found == {name: subjects for name, (_, subjects, _) in FAULTS.items()}
    assert complaints(machine) == []


def test_a_folder_that_only_root_may_read_is_exit_74(machine: Machine) -> None:
    machine.run("chmod", "700", DATA)
    try:
        assert machine.run("bankadvisor-etl", "run", check=False).returncode == 74
        assert machine.run("bankadvisor-etl", "check", check=False).returncode == 74
    finally:
        machine.run("chmod", "2755", DATA)
