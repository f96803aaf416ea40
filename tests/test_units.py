"""The unit files, checked by systemd-analyze, and the installer, into a staging root over an old job."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from bankadvisor_etl.errors import ConfigurationError, DatabaseError, DataError, InputError, LockedError

PROJECT = Path(__file__).parents[1]
SYSTEMD = PROJECT / "systemd"
UNITS = "etc/systemd/system"
SERVICE, TIMER = "bankadvisor-etl.service", "bankadvisor-etl.timer"
FAILURE = "bankadvisor-etl-failure@.service"
HEALTH = "bankadvisor-etl-health@.service"
FETCH = "bankadvisor-etl-fetch.service"
UNIT_FILES = sorted(path.name for path in SYSTEMD.glob("*.*") if path.suffix in {".service", ".timer", ".socket"})
SHELL_FILES = {
    "usr/share/man/man8/bankadvisor-etl.8",
    "usr/share/bash-completion/completions/bankadvisor-etl",
    "usr/share/zsh/site-functions/_bankadvisor-etl",
    "usr/etc/fish/completions/bankadvisor-etl.fish",
}
OLD_SERVICE = "[Service]\nType=oneshot\nExecStart=/usr/bin/docker exec bank python -m etl\n"
OLD_TIMER = "[Unit]\nRequires=bankadvisor-etl.service\n[Timer]\nOnCalendar=02:00\nOnCalendar=08:00\n"
OLD_DROP_IN = "[Service]\nExecStart=\nExecStart=/usr/bin/docker exec other python -m etl\n"
CRON = "# 0 1 * * * bankadvisor, long gone\n0 2 * * * root docker exec bankadvisor python -m etl\n"


def settings(unit: str) -> list[tuple[str, str, str]]:
    """Section, key and value of each line of a unit file."""
    section = ""
    found: list[tuple[str, str, str]] = []
    for line in (SYSTEMD / unit).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.append((section, key, value))
    return found


def values(unit: str, key: str) -> list[str]:
    return [value for _, name, value in settings(unit) if name == key]


def seconds(unit: str, key: str) -> int:
    """A time span of one number and one unit."""
    (value,) = values(unit, key)
    span = value.lstrip("0123456789")
    return int(value.removesuffix(span)) * {"s": 1, "min": 60, "h": 3600}[span]


def test_the_timer_elapses_once_a_day_and_pulls_nothing_in() -> None:
    assert values(TIMER, "OnCalendar") == ["*-*-* 02:00:00 America/Mexico_City"]
    assert values(TIMER, "Persistent") == ["true"]
    assert [(section, key) for section, key, _ in settings(TIMER)] == [
        ("Unit", "Description"),
        ("Unit", "Documentation"),
        ("Timer", "OnCalendar"),
        ("Timer", "Persistent"),
        ("Timer", "RandomizedDelaySec"),
        ("Timer", "FixedRandomDelay"),
        ("Timer", "AccuracySec"),
        ("Install", "WantedBy"),
    ]


def test_the_service_is_started_by_its_timer_alone_and_requires_nothing() -> None:
    assert "Install" not in {section for section, _, _ in settings(SERVICE)}
    for unit in (SERVICE, TIMER):
        for key in ("Requires", "Requisite", "BindsTo", "PartOf", "Upholds"):
            assert values(unit, key) == [], (unit, key)
    assert values(TIMER, "Wants") == []
    assert values(SERVICE, "Wants") == [FETCH]  # a failed fetch does not block the run
    assert values(SERVICE, "After") == ["network-online.target postgresql.service docker.service", FETCH]
    assert values(SERVICE, "OnFailure") == ["bankadvisor-etl-failure@%n.service"]


def test_only_what_may_pass_is_tried_again() -> None:
    (never,) = values(SERVICE, "RestartPreventExitStatus")
    hopeless = {DataError.exit_code, InputError.exit_code, ConfigurationError.exit_code, 1, 2}
    assert {int(code) for code in never.split()} == hopeless
    assert not {DatabaseError.exit_code, LockedError.exit_code} & hopeless
    assert values(SERVICE, "SuccessExitStatus") == []
    assert values(SERVICE, "Restart") == ["on-failure"]


def test_the_start_limit_can_trip_even_when_every_try_times_out() -> None:
    (burst,) = values(SERVICE, "StartLimitBurst")
    a_try = sum(seconds(SERVICE, key) for key in ("TimeoutStartSec", "TimeoutStopSec", "RestartSec"))
    assert seconds(SERVICE, "StartLimitIntervalSec") > int(burst) * a_try


def test_the_tries_are_spread_over_three_hours_at_least() -> None:
    (burst,) = values(SERVICE, "StartLimitBurst")
    assert seconds(SERVICE, "RestartSec") * (int(burst) - 1) >= 3 * 3600
    first, last = (seconds("growing-pauses.conf", key) for key in ("RestartSec", "RestartMaxDelaySec"))
    (steps,) = values("growing-pauses.conf", "RestartSteps")
    # As computed by systemd (unit_get_restart_usec_next): geometric from the first to the last, in this many steps.
    pauses = [min(last, first * (last / first) ** (n / int(steps))) for n in range(int(burst) - 1)]
    assert pauses == sorted(pauses)
    assert sum(pauses) >= 3 * 3600


@pytest.mark.parametrize(("unit", "threshold"), [(SERVICE, 12), (HEALTH, 15), (FETCH, 18)])
def test_the_sandbox_scores_at_most(unit: str, threshold: int) -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", "--no-pager"]
    command.append(str(SYSTEMD / unit))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def script(name: str, root: Path, **more: str) -> str:
    """Run install.sh or uninstall.sh with a staging root; return the output.

    The dependencies are those of the tests, so that no index is needed; the boot tests show that pip installs them.
    """
    libraries = {"PYTHONPATH": sysconfig.get_path("purelib"), "REQUIREMENTS": "/dev/null"}
    environment = {"DESTDIR": str(root), "PYTHON": sys.executable, **libraries, **more}
    command = ["sh", str(SYSTEMD / name)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A staging root with an old job, installed into twice with an edit in between, and the outputs."""
    root = tmp_path_factory.mktemp("stage")
    write(root / UNITS / SERVICE, OLD_SERVICE)
    write(root / UNITS / TIMER, OLD_TIMER)
    write(root / UNITS / f"{SERVICE}.d/override.conf", OLD_DROP_IN)
    write(root / UNITS / f"{SERVICE}.d/memory.conf", "[Service]\nMemoryMax=1G\n")
    write(root / "etc/cron.d/etl", CRON)
    first = script("install.sh", root)
    write(root / "etc/bankadvisor-etl/bankadvisor-etl.env", "BANKADVISOR_DSN=mine\n")
    write(root / "etc/bankadvisor-etl/pgpass", "mine\n")
    return root, [first, script("install.sh", root)]


def test_the_old_job_is_kept_aside_once(staged: tuple[Path, list[str]]) -> None:
    root, (first, second) = staged
    units = root / UNITS
    assert (units / f"{SERVICE}.anterior").read_text() == OLD_SERVICE
    assert (units / f"{TIMER}.anterior").read_text() == OLD_TIMER
    assert (units / f"{SERVICE}.d/override.conf.anterior").read_text() == OLD_DROP_IN
    assert (units / f"{SERVICE}.d/memory.conf").read_text() == "[Service]\nMemoryMax=1G\n"
    assert not (units / f"{SERVICE}.d/override.conf").exists()
    assert first.count("kept aside:") == 3
    assert second.count("kept aside:") == 0
    for unit in UNIT_FILES:
        assert (units / unit).read_text() == (SYSTEMD / unit).read_text()


def test_a_line_of_cron_is_pointed_out_and_left(staged: tuple[Path, list[str]]) -> None:
    root, (first, _) = staged
    warnings = [line for line in first.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1
    assert warnings[0].endswith(f"{root}/etc/cron.d/etl:2:0 2 * * * root docker exec bankadvisor python -m etl")
    assert (root / "etc/cron.d/etl").read_text() == CRON


def test_a_second_installation_upgrades_and_keeps_what_was_edited(staged: tuple[Path, list[str]]) -> None:
    root, said = staged
    config, prefix = root / "etc/bankadvisor-etl", root / "opt/bankadvisor-etl"
    assert (config / "bankadvisor-etl.env").read_text() == "BANKADVISOR_DSN=mine\n"
    assert (config / "pgpass").read_text() == "mine\n"
    assert (config / "pgpass").stat().st_mode & 0o777 == 0o600
    versions = sorted((prefix / "versions").iterdir())
    assert (prefix / "current").readlink() == Path("versions") / versions[-1].name
    assert len(versions) == 2
    assert (root / "srv/bankadvisor-etl").is_dir()
    assert all("What to do next" in text for text in said)


def test_the_staged_environment_knows_nothing_of_its_staging_root(staged: tuple[Path, list[str]]) -> None:
    root, _ = staged
    current = root / "opt/bankadvisor-etl/current"
    shebang = (current / "bin/bankadvisor-etl").read_text().splitlines()[0]
    assert re.fullmatch(r"#!/opt/bankadvisor-etl/versions/[\w.]+/bin/python\S*", shebang)
    with_root = [
        path for path in (current / "bin").iterdir() if path.is_file() and str(root).encode() in path.read_bytes()
    ]
    assert with_root == []


def test_systemd_verifies_the_staged_units_without_a_word(staged: tuple[Path, list[str]]) -> None:
    root, _ = staged
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    for program in ("touch", "systemctl", "install"):  # the units use them; the staging root has no system
        write(root / "usr/bin" / program, "")
        (root / "usr/bin" / program).chmod(0o755)
    units = [unit.replace("@", "@x") for unit in UNIT_FILES]
    command = ["systemd-analyze", "verify", f"--root={root}", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.slow
def test_a_distribution_places_every_file(tmp_path: Path) -> None:
    places = {
        "PREFIX": "/srv/etl",
        "UNITDIR": "/usr/lib/systemd/system",
        "BINDIR": "/usr/bin",
        "SYSCONFDIR": "/usr/etc",
        "SHAREDIR": "/usr/share",
    }
    script("install.sh", tmp_path, **places)
    texts = {
        str(path.relative_to(tmp_path)): path.read_text()
        for path in tmp_path.rglob("*")
        if path.is_file() and "versions" not in path.parts
    }
    assert {name for name in texts if name.startswith(("opt/", "etc/", "usr/local/"))} == set()
    usual = re.compile(r"/opt/bankadvisor|(?<!/usr)/etc/bankadvisor|/usr/local/bin/|/etc/systemd/system/")
    assert {name for name, text in texts.items() if usual.search(text)} == set()
    assert "ExecStart=/srv/etl/current/bin/bankadvisor-etl run\n" in texts[f"usr/lib/systemd/system/{SERVICE}"]
    assert set(texts) >= SHELL_FILES
    script("uninstall.sh", tmp_path, **places, PURGE="1")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_uninstalling_keeps_settings_and_data_unless_purged(tmp_path: Path) -> None:
    script("install.sh", tmp_path)
    write(tmp_path / "srv/bankadvisor-etl/TDA.xlsx", "data")
    write(tmp_path / UNITS / "bankadvisor-etl.timer.d/hour.conf", "[Timer]\n")
    assert "PURGE=1" in script("uninstall.sh", tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "etc/bankadvisor-etl/bankadvisor-etl.env",
        "etc/bankadvisor-etl/on-failure.example",
        "etc/bankadvisor-etl/on-success.example",
        "etc/bankadvisor-etl/pgpass",
        "etc/systemd/system/bankadvisor-etl.timer.d/hour.conf",
        "etc/sysusers.d/bankadvisor-etl.conf",
        "etc/tmpfiles.d/bankadvisor-etl.conf",
        "srv/bankadvisor-etl/TDA.xlsx",
    }
    script("uninstall.sh", tmp_path, PURGE="1")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_uninstalling_leaves_what_is_not_ours(tmp_path: Path) -> None:
    write(tmp_path / UNITS / SERVICE, OLD_SERVICE)
    write(tmp_path / "usr/local/bin/bankadvisor-etl", "#!/bin/sh\n")
    script("uninstall.sh", tmp_path)
    assert (tmp_path / UNITS / SERVICE).read_text() == OLD_SERVICE
    assert (tmp_path / "usr/local/bin/bankadvisor-etl").exists()


def test_the_command_reads_the_settings_as_systemd_does(tmp_path: Path) -> None:
    dsn = "postgresql://u@db.example.com/bank?sslmode=verify-full&sslrootcert=/etc/ca.crt"
    lines = [
        "# a comment",
        f"BANKADVISOR_DSN={dsn}",
        "BANKADVISOR_DATA_DIR='/srv/with space'",
        "BANKADVISOR_LOG_LEVEL=info",
    ]
    write(tmp_path / "bankadvisor-etl.env", "\n".join([*lines, "nonsense"]))
    write(tmp_path / "pgpass", "")
    text = (SYSTEMD / "bankadvisor-etl").read_text().replace("/etc/bankadvisor-etl", str(tmp_path))
    write(tmp_path / "command", text.replace("/opt/bankadvisor-etl/current/bin/bankadvisor-etl", "printenv"))
    environment = {"PATH": os.environ["PATH"], "BANKADVISOR_LOG_LEVEL": "debug"}
    for name, expected in {
        "BANKADVISOR_DSN": dsn,
        "BANKADVISOR_DATA_DIR": "/srv/with space",
        "BANKADVISOR_LOG_LEVEL": "debug",
        "PGPASSFILE": str(tmp_path / "pgpass"),
    }.items():
        command = ["sh", str(tmp_path / "command"), name]
        assert (
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            == f"{expected}\n"
        )


@pytest.mark.parametrize(
    ("ending", "owed"),
    [
        ("success exited 0", False),
        ("exit-code exited 65", False),
        ("exit-code exited 69", True),
        ("exit-code exited 75", True),
        ("signal killed KILL", True),
        ("timeout killed KILL", True),
        ("oom-kill killed KILL", True),
        ("exit-code exited 143", False),  # stopped by somebody: systemd is not shutting down here
    ],
)
def test_a_run_stays_owed_while_it_may_yet_succeed(tmp_path: Path, ending: str, *, owed: bool) -> None:
    (tmp_path / "unfinished").touch()
    names = ("SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS")
    environment = dict(zip(names, ending.split(), strict=True)) | {"PATH": os.environ["PATH"]}
    environment["BANKADVISOR_TEXTFILE_DIR"] = str(tmp_path / "none")
    subprocess.run(["sh", str(SYSTEMD / "after-run"), str(tmp_path)], env=environment, check=True)
    assert (tmp_path / "unfinished").exists() is owed
