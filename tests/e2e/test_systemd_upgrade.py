"""From version 0.1.0 to this one: settings, password, figures and history stay, and the timer keeps running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e import base
from e2e.machine import PGPASS, SERVICE, SETTINGS, TIMER, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
FIRST = "f66a32e92d8717c652f80e4f0743f198d586240b"
"""The commit of version 0.1.0."""
FIGURES = """
    SELECT count(*), md5(string_agg(concat_ws(',', fecha, banco_norm, cartera_total, imor, icap_total), ';'
                                    ORDER BY fecha, banco_norm)) AS figures
    FROM monthly_kpis
"""


@pytest.fixture
def old(machine: Machine) -> Iterator[Machine]:
    """A machine with 0.1.0, configured as in its manual: root owns the password file."""
    machine.make("uninstall-units", "PURGE=1")
    if not machine.path("/src-0.1.0").exists():
        base.export_checkout(FIRST, machine.path("/src-0.1.0"))
    machine.make("install-units", "EXTRAS=embedded,sample", source="/src-0.1.0")
    machine.configure()
    machine.run("chown", "root:", PGPASS)
    machine.run("systemctl", "enable", "--now", TIMER)
    yield machine
    machine.make("install-units")


def test_the_upgrade_from_the_first_version(old: Machine) -> None:
    old.run("bankadvisor-etl", "run")
    (first,) = old.etl_runs()
    before = old.rows(FIGURES)
    settings, password = old.path(SETTINGS).read_text(), old.path(PGPASS).read_text()
    said = old.make("install-units")
    assert (old.path(SETTINGS).read_text(), old.path(PGPASS).read_text()) == (settings, password)
    assert old.run("stat", "--format=%U %a", PGPASS).stdout == "bankadvisor-etl 600\n"
    assert old.state(TIMER) == "active"
    assert "FAIL" not in said
    assert old.rows(FIGURES) == before
    assert not old.path(f"/etc/systemd/system/{SERVICE}.d/10-one-alert.conf").exists()
    old.override("[Service]", "ExecStart=", "ExecStart=/opt/bankadvisor-etl/current/bin/bankadvisor-etl run --force")
    old.succeed()
    runs = old.etl_runs()
    assert [run["status"] for run in runs] == ["success", "success"]
    assert {name: runs[0][name] for name in ("id", "started_at", "rows_processed_base")} == {
        name: first[name] for name in ("id", "started_at", "rows_processed_base")
    }
    assert old.rows(FIGURES) == before
    assert not old.path(UNFINISHED).exists()
    assert old.run("bankadvisor-etl", "health").returncode == 0
