"""PostgreSQL from Debian: behind pgbouncer, and with a standby that takes over in the middle of a run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from bankadvisor_etl.faults import POINTS
from e2e.container import wait_until
from e2e.machine import DATA, FORCED, NO_PATIENCE, PASSWORD, PGPASS, SERVICE, SETTINGS
from e2e.pair import DROP, DSN, KEEP, PRIMARY, STANDBY, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
BOUNCER = """[databases]
bankadvisor = host=127.0.0.1 port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
unix_socket_dir =
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/userlist.txt
pool_mode = transaction
default_pool_size = 4
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /var/run/postgresql/pgbouncer.pid
"""
FIGURES = """
    SELECT count(*), md5(string_agg((to_jsonb(k) - 'updated_at' - 'etl_run_id' - 'id')::text, ''
                                    ORDER BY fecha, banco_norm))
    FROM monthly_kpis k
"""
CHANGES = "SELECT count(*) FROM monthly_kpis_cambios"
TWICE = "SELECT count(*) FROM (SELECT FROM monthly_kpis GROUP BY fecha, banco_norm HAVING count(*) > 1) t"
STATUSES = "SELECT string_agg(status, ' ' ORDER BY id) FROM etl_runs"
HELD = "/tmp/held"  # noqa: S108 - the container's
RESTATED = "/tmp/restated"  # noqa: S108


@pytest.fixture
def bouncer(machine: Machine) -> Iterator[Machine]:
    """The machine, with settings for pgbouncer."""
    machine.write("/etc/pgbouncer/pgbouncer.ini", BOUNCER)
    machine.write("/etc/pgbouncer/userlist.txt", f'"bankadvisor_etl" "{PASSWORD}"\n')
    machine.run("systemctl", "restart", "pgbouncer")
    for path in (SETTINGS, PGPASS):
        machine.path(path).write_text(machine.path(path).read_text().replace(":5432", ":6432"))
    yield machine
    machine.run("systemctl", "stop", "pgbouncer")


def test_runs_through_pgbouncer_with_transaction_pooling(bouncer: Machine) -> None:
    bouncer.succeed()
    before = bouncer.published()
    assert bouncer.run("bankadvisor-etl", "doctor").returncode == 0
    bouncer.override(*FORCED, "RestartSec=1s", "RestartSteps=0")
    with bouncer.held_run():  # the lock works between two clients of one pool
        assert bouncer.run("bankadvisor-etl", "run", check=False).returncode == 75
        bouncer.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", SERVICE)
        wait_until(lambda: bouncer.etl_runs()[-1]["status"] == "failure", "the row of the killed run is closed")
    assert bouncer.settled() == "inactive"
    assert [run["status"] for run in bouncer.etl_runs()] == ["success", "failure", "success"]
    assert bouncer.published() == before


@pytest.fixture
def pair(machine: Machine) -> Iterator[Pair]:
    """Two servers with the same figures, published by a run, and settings that name both."""
    machine.write(SETTINGS, f"BANKADVISOR_DATA_DIR={DATA}\nBANKADVISOR_DSN={DSN}\n{NO_PATIENCE}")
    machine.write(PGPASS, "*:*:*:*:password\n", 0o600)
    servers = Pair(machine)
    machine.run("bankadvisor-etl", "run")
    machine.run("sh", "-c", f"rm -rf {RESTATED} && bankadvisor-etl sample-data {RESTATED} --seed 1 --tasas-rows 20000")
    machine.run("chmod", "-R", "a+rX", RESTATED)
    yield servers
    servers.script(DROP)


def run(machine: Machine, fault: str = "") -> int:
    """A run over the restated files; its exit code."""
    command = ["env", f"BANKADVISOR_FAULT={fault}", f"BANKADVISOR_DATA_DIR={RESTATED}", "bankadvisor-etl", "run"]
    return machine.run(*command, check=False).returncode


def lose_the_primary_at(point: str, machine: Machine, pair: Pair) -> int:
    """Run until a point, lose the primary there, continue; the exit code."""
    command = ["env", f"BANKADVISOR_FAULT={point}:wait={HELD}", f"BANKADVISOR_DATA_DIR={RESTATED}"]
    held = machine.popen("sh", "-c", f"{shlex.join([*command, 'bankadvisor-etl', 'run'])} >/dev/null 2>&1; echo $?")
    wait_until(lambda: machine.run("test", "-e", HELD, check=False).returncode == 0, f"the run comes to {point}")
    pair.lose_primary()
    machine.run("rm", HELD)
    return int(held.communicate(timeout=120)[0])


def test_a_primary_that_is_lost_at_each_step_loses_and_doubles_nothing(machine: Machine, pair: Pair) -> None:
    old = pair.ask(PRIMARY, FIGURES)
    pair.script(KEEP)
    pair.restore()
    assert run(machine) == 0
    new, changes = pair.ask(PRIMARY, FIGURES), pair.ask(PRIMARY, CHANGES)
    assert new != old
    assert int(changes) > 1000
    seen: dict[str, tuple[int, str, int]] = {}
    for point in POINTS:
        pair.restore()
        assert pair.ask(PRIMARY, FIGURES) == old
        code = lose_the_primary_at(point, machine, pair)
        between = pair.ask(STANDBY, FIGURES)
        seen[point] = (code, "new" if between == new else "old" if between == old else between, run(machine))
        assert (pair.ask(STANDBY, FIGURES), pair.ask(STANDBY, CHANGES)) == (new, changes), point
        assert pair.ask(STANDBY, TWICE) == "0"
        statuses = pair.ask(STANDBY, STATUSES).split()
        assert set(statuses) <= {"success", "failure"}, point
        assert statuses[-1] == "success", point
    # What a run has committed stays, although the commit could not be confirmed; before that nothing is visible.
    committed = {"committed": (0, "new", 0)}
    assert seen == dict.fromkeys(POINTS, (69, "old", 0)) | committed
