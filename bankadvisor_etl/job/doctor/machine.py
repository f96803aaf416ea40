"""The account, its password file, the timer, the hooks and the disk."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bankadvisor_etl.job.doctor.diagnosis import bad, good
from bankadvisor_etl.job.schedule import TIMER, schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.job.doctor.diagnosis import Diagnosis

USER = "bankadvisor-etl"
CONFIGURATION = Path(os.environ.get("CONFIGURATION_DIRECTORY", "/etc/bankadvisor-etl"))
"""Settings and hooks; the installed command sets where a distribution keeps them."""
STATE = Path("/var/lib/bankadvisor-etl")
LEAST_SPACE = 256 * 2**20
"""Bytes; a year of files and logs is smaller, a private PostgreSQL with all history takes 100 MB."""


def examine_account() -> Diagnosis:
    """Whether this is the service's user: only that user sees what the service will see."""
    name = _name(os.geteuid())
    if name == USER or not _exists(USER):
        return good("account", name)
    return bad("account", f"{name}, and the service runs as {USER}", f"sudo -u {USER} bankadvisor-etl doctor")


def examine_password() -> Iterator[Diagnosis]:
    """Whether libpq will use the password file; without one, only peer or a certificate can authenticate."""
    name = os.environ.get("PGPASSFILE")
    if not name:
        return
    path = Path(name)
    try:
        status = path.stat()
    except FileNotFoundError:
        yield good("password", f"no {path}: fine with peer authentication or a certificate")
        return
    except OSError as error:
        yield bad("password", f"{path}: {error.strerror}", f"chmod 755 {path.parent}")
        return
    if not os.access(path, os.R_OK):
        yield bad("password", f"{path} belongs to {_name(status.st_uid)}", f"chown {USER}: {path} && chmod 600 {path}")
    elif stat.S_IMODE(status.st_mode) & 0o077:
        yield bad(
            "password", f"{path} has mode {stat.S_IMODE(status.st_mode):o}: libpq ignores it", f"chmod 600 {path}"
        )
    else:
        yield good("password", str(path))


def examine_machine(data_dir: Path) -> Iterator[Diagnosis]:
    """Examine the timer, the hooks and the free space, as far as they exist."""
    if found := schedule():
        enable = f"systemctl enable --now {TIMER}"
        if not found.active:
            yield bad("timer", "not started: no run tonight", enable)
        elif not found.enabled:
            yield bad("timer", "not enabled: gone after a reboot", enable)
        else:
            yield good("timer", f"next run {found.next_run:%Y-%m-%d %H:%M} UTC" if found.next_run else "waiting")
    yield from (_hook(CONFIGURATION / name) for name in ("on-failure", "on-success") if (CONFIGURATION / name).exists())
    for folder in {_device(path): path for path in (data_dir, STATE) if path.is_dir()}.values():
        free = shutil.disk_usage(folder).free
        found_space = f"{free / 2**20:,.0f} MiB free for {folder}"
        yield good("space", found_space) if free >= LEAST_SPACE else bad("space", found_space, "make room")


def _hook(path: Path) -> Diagnosis:
    if os.access(path, os.X_OK | os.R_OK):
        return good(path.name, str(path))
    return bad(path.name, f"{path} cannot be run by {_name(os.geteuid())}", f"chmod 755 {path}")


def _device(path: Path) -> int:
    return path.stat().st_dev


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
