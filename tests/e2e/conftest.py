"""The machine on which the units are tested: installed once over an old job, reset before each test."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from e2e import base
from e2e.machine import PASSWORD, PIP, SAMPLE, Machine
from e2e.old_job import lay

if TYPE_CHECKING:
    from collections.abc import Iterator


LONG = ("test_postgres_arrangements", "test_systemd_deb", "test_systemd_nights", "test_systemd_upgrade")
"""Files that take fifteen minutes on two cores: marked slow, so that .ci/run can stay under half an hour."""

ONE_IS_ENOUGH = {
    "test_systemd_boot": "bookworm",
    "test_systemd_doctor": "bookworm",
    "test_systemd_failures": "trixie",  # its OnFailure= fires on every attempt
    "test_systemd_health": "trixie",
    "test_systemd_install": "trixie",
    "test_systemd_readme": "trixie",
    "test_systemd_run": "bookworm",
}
"""Files that .ci/run tests on one of the two Debians, for the same reason: on the other one they are marked slow."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each Debian is assigned to one worker, so that it boots once."""
    for item in items:
        if item.path.stem in LONG:
            item.add_marker(pytest.mark.slow)
        if suite := getattr(item, "callspec", None) and item.callspec.params.get("computer"):  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.xdist_group(suite))
            if ONE_IS_ENOUGH.get(item.path.stem, suite) != suite:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", params=base.PYTHON)
def computer(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Boots a copy of the root, puts an old job on it, and installs over that."""
    missing = [tool for tool in ("debootstrap", "systemd-nspawn", "nsenter", "setpriv") if not shutil.which(tool)]
    if os.geteuid() or missing:
        pytest.fail(f"the boot needs root and Debian's debootstrap and systemd-container; missing: {missing}")
    root = base.CACHE / f"machine-{request.param}-{os.getpid()}"
    source, wheels = base.root(request.param), base.wheels(request.param)
    try:
        base.copy(source, root)
        base.copy_checkout(root / "src")
        with Machine(root, {wheels: "/wheels"}) as machine:
            lay(machine)
            machine.write("/etc/pip.conf", PIP)
            machine.psql(f"CREATE ROLE bankadvisor_etl LOGIN PASSWORD '{PASSWORD}'", database="postgres")
            machine.installed = machine.make("install-units")
            machine.run("bankadvisor-etl", "sample-data", SAMPLE, "--tasas-rows", "20000")
            yield machine
    finally:
        base.discard(root)


@pytest.fixture
def machine(computer: Machine) -> Iterator[Machine]:
    """The same machine, reset; whatever happens to it, each line that the package logs is JSON."""
    computer.reset()
    yield computer
    for entry in computer.news("-t", "bankadvisor-etl"):
        assert isinstance(json.loads(entry["MESSAGE"]), dict)
