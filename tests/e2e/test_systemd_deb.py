"""`make deb`: installed, upgraded in the middle of a run, removed and purged."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import base
from e2e.container import wait_until
from e2e.machine import DATA, DATABASE, DROP_IN, NO_PATIENCE, PGPASS, SERVICE, SETTINGS, TIMER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
ENVIRONMENT = "/usr/lib/bankadvisor-etl"
PAUSES = "/usr/lib/systemd/system/bankadvisor-etl.service.d/10-growing-pauses.conf"
(INSTALL,) = re.findall(r"^apt install .*$", (base.PROJECT / "systemd/README.md").read_text(), re.MULTILINE)
LEFT_BEHIND = "find / -xdev -name '*bankadvisor*' -not -name '*.anterior' -not -path '/src*'"
OTHERS = ("/var/lib/postgresql", "/var/log", "/var/cache", "/etc/cron.d", "/srv", "/root", "/tmp", "/proc", "/run")  # noqa: S108
"""Used if something else has that name."""


def build(folder: Path) -> Path:
    """The package, from `make deb`, by one worker at a time."""
    make = ["make", "--silent", "-C", str(base.PROJECT), "deb"]
    with (base.CACHE / "deb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(make, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        package = Path(done.stdout.rpartition(" in '")[2].partition("'")[0])  # dpkg-deb prints it last
        return Path(shutil.copy(package, folder / package.name))


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The package, and the same as a later version of it."""
    folder = tmp_path_factory.mktemp("deb")
    package = build(folder)
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)-1$", r"\1-2", control.read_text(), flags=re.MULTILINE))
    later = package.with_name(package.name.replace("-1_", "-2_"))
    subprocess.run(
        ["dpkg-deb", "-Zzstd", "--root-owner-group", "--build", str(tree), str(later)], check=True, stdout=-3
    )
    shutil.rmtree(tree)
    return package, later


@pytest.fixture
def bare(machine: Machine) -> Iterator[Machine]:
    """A machine on which this was never installed; restored afterwards."""
    machine.make("uninstall-units", "PURGE=1")
    machine.path("/etc/sudoers.d/bankadvisor-etl").unlink(missing_ok=True)  # of another test
    yield machine
    machine.run("dpkg", "--purge", "bankadvisor-etl")
    machine.make("install-units")


def install(machine: Machine, package: Path) -> str:
    """Run the manual's commands; return the output."""
    shutil.rmtree(machine.path("/src/dist"), ignore_errors=True)
    machine.path("/src/dist").mkdir()
    shutil.copy(package, machine.path("/src/dist"))
    return machine.run("sh", "-c", f"cd /src && DEBIAN_FRONTEND=noninteractive {INSTALL} 2>&1").stdout


def status_of(machine: Machine) -> str:
    return machine.run("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", "bankadvisor-etl").stdout


def test_the_package_from_installation_to_purge(bare: Machine, packages: tuple[Path, Path]) -> None:
    first, second = packages
    install(bare, first)
    assert (bare.state(TIMER), bare.run("systemctl", "is-enabled", TIMER, check=False).stdout) == (
        "inactive",
        "disabled\n",
    )
    version = int(bare.run("systemctl", "--version").stdout.split()[1])
    assert bare.path(PAUSES).exists() == (version >= 254)
    assert bare.run("stat", "--format=%U %a", PGPASS).stdout == "bankadvisor-etl 600\n"
    assert bare.run("dpkg", "--verify", "bankadvisor-etl").stdout.replace(PGPASS, "").strip() in {"", "??5?????? c"}
    verify(bare)

    bare.configure()
    bare.run("systemctl", "enable", "--now", TIMER)
    bare.succeed()
    assert bare.run("bankadvisor-etl", "doctor").returncode == 0
    before = (bare.path(SETTINGS).read_text(), bare.path(PGPASS).read_text(), bare.published())
    upgrade_during_a_run(bare, second)
    assert (bare.path(SETTINGS).read_text(), bare.path(PGPASS).read_text(), bare.published()) == before
    assert status_of(bare).startswith("installed ")
    assert status_of(bare).endswith("-2")
    assert bare.state(TIMER) == "active"

    remove_and_install_again(bare, second)
    purge(bare)


def verify(machine: Machine) -> None:
    """systemd has no complaints, and the manual page and the command are in the usual places."""
    units = machine.run("sh", "-c", "cd /usr/lib/systemd/system && ls -d bankadvisor-etl*.*").stdout.split()
    templates = [unit.replace("@.", "@x.") for unit in units if not unit.endswith(".d")]
    assert len(templates) == 8
    done = machine.run("systemd-analyze", "verify", "--man=no", *templates)
    assert done.stdout + done.stderr == ""
    assert machine.run("man", "--where", "bankadvisor-etl").stdout == "/usr/share/man/man8/bankadvisor-etl.8.gz\n"
    compiled = machine.run("sh", "-c", f"find {ENVIRONMENT}/lib -name '__init__.*.pyc' -path '*bankadvisor_etl/__py*'")
    assert len(compiled.stdout.split()) == 1
    assert machine.run("which", "bankadvisor-etl").stdout == "/usr/bin/bankadvisor-etl\n"


def upgrade_during_a_run(machine: Machine, package: Path) -> None:
    """The package waits for the run, which finishes and publishes."""
    forced = ("[Service]", "ExecStart=", f"ExecStart={ENVIRONMENT}/bin/bankadvisor-etl run --force")
    machine.override(*forced)
    shutil.copy(package, machine.path("/src/dist"))
    with machine.stopped_run():
        upgrade = machine.popen("dpkg", "--install", f"/src/dist/{package.name}")
        wait_until(lambda: machine.state(TIMER) == "inactive", "the upgrade waits")
        time.sleep(3)
        assert status_of(machine).endswith("-1")
        assert upgrade.poll() is None
    said, _ = upgrade.communicate(timeout=300)
    assert upgrade.returncode == 0, said
    assert machine.settled() == "inactive"
    assert [run["status"] for run in machine.etl_runs()] == ["success", "success"]


def remove_and_install_again(machine: Machine, package: Path) -> None:
    """The operator's settings survive a removal, and the timer is started at once, since a database is named."""
    machine.path(DROP_IN).unlink()
    machine.run("dpkg", "--remove", "bankadvisor-etl")
    assert machine.run("systemctl", "list-unit-files", "bankadvisor-etl*", "--no-legend", check=False).stdout == ""
    assert not machine.path(ENVIRONMENT).exists()
    assert NO_PATIENCE in machine.path(SETTINGS).read_text()
    assert status_of(machine).startswith("config-files ")
    machine.run("dpkg", "--install", f"/src/dist/{package.name}")
    assert machine.state(TIMER) == "active"
    machine.run("systemctl", "disable", "--now", TIMER)
    machine.run("dpkg", "--install", f"/src/dist/{package.name}")  # as an upgrade
    assert machine.state(TIMER) == "inactive"  # what was switched off stays off
    machine.succeed()


def purge(machine: Machine) -> None:
    """Nothing is left except the operator's files in the data folder."""
    machine.run("dpkg", "--purge", "bankadvisor-etl")
    left = machine.run("sh", "-c", LEFT_BEHIND).stdout.split()
    assert [path for path in left if not path.startswith(OTHERS)] == []
    assert machine.run("id", "bankadvisor-etl", check=False).returncode == 1
    assert any(machine.path(DATA).glob("*.xlsx"))
    assert not machine.path(f"{DATA}/cnbv").exists()


def test_a_run_that_does_not_end_is_stopped_and_begun_anew(bare: Machine, packages: tuple[Path, Path]) -> None:
    install(bare, packages[0])
    bare.configure()
    bare.psql("DROP DATABASE IF EXISTS bankadvisor WITH (FORCE)", DATABASE, database="postgres")
    bare.succeed()
    bare.override("[Service]", "ExecStart=", f"ExecStart={ENVIRONMENT}/bin/bankadvisor-etl run --force")
    shutil.copy(packages[1], bare.path("/src/dist"))
    with bare.held_run():
        bare.run("env", "BANKADVISOR_DEB_PATIENCE=1", "dpkg", "--install", f"/src/dist/{packages[1].name}")
    wait_until(lambda: len(bare.etl_runs()) == 3, "it is begun anew")
    assert bare.settled() == "inactive"
    assert [run["status"] for run in bare.etl_runs()] == ["success", "failure", "success"]


def test_another_python_or_systemd_is_followed(bare: Machine, packages: tuple[Path, Path]) -> None:
    install(bare, packages[0])
    version = int(bare.run("systemctl", "--version").stdout.split()[1])
    bare.path(PAUSES).unlink(missing_ok=True)
    bare.run("sh", "-c", f"find {ENVIRONMENT}/lib -name __pycache__ -prune -exec rm -rf {{}} +")
    bare.run("dpkg-trigger", "--by-package=systemd", "/usr/bin/python3")
    bare.run("dpkg", "--triggers-only", "--pending")
    assert bare.path(PAUSES).exists() == (version >= 254)
    assert list(bare.path(f"{ENVIRONMENT}/lib").glob("*/site-packages/bankadvisor_etl/__pycache__"))
    assert SERVICE in bare.run("systemctl", "list-unit-files", SERVICE).stdout


def test_units_of_make_install_units_come_first(machine: Machine, packages: tuple[Path, Path]) -> None:
    shutil.copy(packages[0], machine.path("/root"))
    assert machine.run("dpkg", "--install", f"/root/{packages[0].name}", check=False).returncode != 0
    machine.run("dpkg", "--purge", "bankadvisor-etl", check=False)
    machine.succeed()
