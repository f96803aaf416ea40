"""Cached parts of a boot, keyed by content: a root of each Debian, and the wheels to install the project in it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("BANKADVISOR_E2E_CACHE", "/var/cache/bankadvisor-etl-e2e"))
PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
"""The Debian releases that are tried (systemd 252 and 257), and the Python of each."""
SUITES = "|".join(PYTHON)
PACKAGES = (
    "systemd,systemd-sysv,dbus,tzdata,ca-certificates,make,python3,python3-venv,postgresql,"
    "sudo,jq,curl,openssl,procps,pgbouncer,man-db,zsh,fish,acl"
)


def mirror() -> str:
    """The Debian mirror in this machine's apt sources; it also has the other releases."""
    if url := os.environ.get("BANKADVISOR_E2E_MIRROR"):
        return url
    apt = Path("/etc/apt")
    for path in sorted(apt.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            uri = re.search(r"^URIs:\s*(\S+)", stanza, re.MULTILINE)
            if uri and re.search(rf"^Suites:(.*\s)?({SUITES})(\s|$)", stanza, re.MULTILINE):
                return uri[1]
    for path in [*apt.glob("sources.list"), *sorted(apt.glob("sources.list.d/*.list"))]:
        if line := re.search(rf"^deb\s+(?:\[.*?\]\s+)?(\S+)\s+({SUITES})\s", path.read_text(), re.MULTILINE):
            return line[1]
    raise LookupError("no mirror of Debian in the apt sources here: name one in BANKADVISOR_E2E_MIRROR")


def cached(name: str, content: str, make: Callable[[Path], None]) -> Path:
    """The folder of the cache that `make` fills, named by its content; it exists only if complete."""
    CACHE.mkdir(parents=True, exist_ok=True)
    final = CACHE / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.exists():
            partial = CACHE / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            make(partial)
            partial.rename(final)
    return final


def root(suite: str) -> Path:
    """The root that each session copies: about a minute the first time."""

    def make(folder: Path) -> None:
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(folder), mirror()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for rubbish in [*folder.glob("var/cache/apt/archives/*.deb"), *folder.glob("var/lib/apt/lists/*_*")]:
            rubbish.unlink()

    return cached(f"root-{suite}", PACKAGES, make)


def pinned(suite: str) -> str:
    """The lines of requirements/run.lock for one Python, with their hashes: pip reads markers as its own Python."""
    version = {"python_version": PYTHON[suite], "python_full_version": f"{PYTHON[suite]}.0"}
    lines = []
    for block in re.split(r"\n(?=\S)", (PROJECT / "requirements/run.lock").read_text().strip()):
        requirement, _, hashes = block.partition("\\")
        parsed = Requirement(requirement)
        if parsed.marker is None or parsed.marker.evaluate(version):
            lines.append(f"{parsed.name}{parsed.specifier} \\{hashes}")
    return "\n".join(lines)


ONCE_NEEDED = ("dataframely>=3.1",)
"""The requirements of version 0.1.0 that this one lacks, for the upgrade test."""


def wheels(suite: str) -> Path:
    """All pinned packages, since there is no network inside, and the requirements of version 0.1.0."""
    lines = pinned(suite)

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "pinned.txt").write_text(lines + "\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
        command += ["--python-version", PYTHON[suite], "--only-binary", ":all:"]
        subprocess.run([*command, "--require-hashes", "--requirement", str(folder / "pinned.txt")], check=True)
        subprocess.run([*command, *ONCE_NEEDED], check=True)

    return cached(f"wheels-{suite}", "\n".join([lines, *ONCE_NEEDED]), make)


def copy(source: Path, target: Path) -> None:
    """A copy with the same owners, modes and links, sharing blocks if the file system can."""
    subprocess.run(["cp", "--archive", "--reflink=auto", str(source), str(target)], check=True)


def copy_checkout(target: Path) -> None:
    """The files of a git clone that `make install-units` reads."""
    target.mkdir()
    for part in ("bankadvisor_etl", "systemd", "requirements", "Makefile", "pyproject.toml", "README.md", "LICENSE"):
        copy(PROJECT / part, target / part)


def export_checkout(commit: str, target: Path) -> None:
    """The same for an earlier version, from this clone's history."""
    target.mkdir()
    tree = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(PROJECT), "archive", commit], capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "--extract", "--directory", str(target)], input=tree, check=True)


def discard(machine: Path) -> None:
    """Removes a session's copy, and what systemd-nspawn leaves in /run."""
    shutil.rmtree(machine, ignore_errors=True)
    machine.with_name(f"{machine.name}.console").unlink(missing_ok=True)
    shutil.rmtree(f"/run/systemd/nspawn/propagate/{machine.name}", ignore_errors=True)
