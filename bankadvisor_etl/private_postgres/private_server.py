"""A private PostgreSQL in one folder: the first user starts it, the last one stops it.

The folder contains::

    data/           the cluster, mode 0700, owned by the server's user
    socket/         mode 0700, owned by the server's user: whoever may enter it may connect, there is no password
    server.log      the log since the server started; server.log.1 is the one before
    gate.lock       held while a process starts or stops the server
    users.lock      shared by all processes that use the server, so that the last one knows that it is the last

The locks are flocks, which the kernel releases when a process dies: a killed user leaves nothing behind except a
running server, which the next user finds, uses and stops. Root writes nothing into ``data`` or ``socket``, where the
server's user could plant a link.
"""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from bankadvisor_etl.errors import ConfigurationError, DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bankadvisor_etl.private_postgres.server_account import Account

_DATABASE = _ROLE = "bankadvisor"
_PORT = 5432  # names the socket; there is no TCP
_LONGEST_SOCKET = 103  # bytes: sun_path holds 104 with its final zero on macOS, 108 on Linux
_PATIENCE = 60  # seconds to start, to recover after a crash, or to stop
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "32MB",
    "max_connections": "20",
}


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turn ``OSError`` into a ``ConfigurationError`` that names the folder."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"the private PostgreSQL cannot be kept in {folder}: {error}") from error


@dataclass(frozen=True)
class PrivateServer:
    """A server in an existing folder.

    Attributes:
        binaries: the folder of ``initdb``, ``pg_ctl`` and ``postgres``; the account must be able to reach it.
        folder: the folder described above; absolute.
        account: the user that the server runs as.
        initdb_options: options for ``initdb`` in addition to UTF-8 and the locale C.
    """

    binaries: Path
    folder: Path
    account: Account
    initdb_options: tuple[str, ...] = ()

    @contextmanager
    def running(self) -> Iterator[str]:
        """Keep the server running during the block.

        Yields:
            The connection string of the database ``bankadvisor``.

        Raises:
            ConfigurationError: the folder cannot be used, or holds a cluster of another major version.
            DatabaseError: the server does not start; the message has the last lines of its log.
        """
        with usable(self.folder):
            users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with usable(self.folder), self._gate():
                fcntl.flock(users, fcntl.LOCK_SH)  # never waits: an exclusive holder also holds the gate
                self._make_ready()
            yield self._conninfo(_DATABASE)
        finally:
            self._leave(users)

    @contextmanager
    def _gate(self) -> Iterator[None]:
        gate = os.open(self.folder / "gate.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield
        finally:
            os.close(gate)

    def _leave(self, users: int) -> None:
        """Release the shared lock, and stop the server if no other process holds it."""
        try:
            with self._gate(), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop()
        finally:
            os.close(users)

    def _conninfo(self, database: str) -> str:
        return make_conninfo(host=str(self._socket.parent), port=_PORT, user=_ROLE, dbname=database)

    def _make_ready(self) -> None:
        """Return when the server answers: one left by a killed user may still be recovering, or stopping."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            self._start_unless_listening()
            try:
                return self._create_database()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise self._failure(f"does not answer: {error}") from error
            time.sleep(0.05)

    def _create_database(self) -> None:
        with psycopg.connect(self._conninfo("postgres"), autocommit=True, connect_timeout=10) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [_DATABASE]).rowcount == 0:
                connection.execute(f"CREATE DATABASE {_DATABASE}")

    def _start_unless_listening(self) -> None:
        """Start the server unless one is listening; at the second attempt, remove the pid file of a killed server.

        Its pid may belong to another program by now, and PostgreSQL then refuses to start. Removing the file is safe:
        PostgreSQL also detects another server on the same cluster by its shared memory (measured, 15 and 18).
        """
        if self._listening():
            return
        self._refuse_unfit_folder()
        if not self._data.exists():
            self._initdb()
        self._refuse_other_version()
        for _ in range(2):
            if self._start() or self._listening():
                return
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            shutil.rmtree(self._socket.parent)
            time.sleep(0.5)  # the children of a killed server take a moment to exit
        raise self._failure("does not start")

    def _listening(self) -> bool:
        """Whether a server is listening on the socket, according to the kernel."""
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self._socket))
            except OSError:
                return False
            return True

    def _refuse_unfit_folder(self) -> None:
        path = os.fsencode(self._socket)
        if len(path) > _LONGEST_SOCKET or b"," in path:  # libpq separates hosts by commas
            raise ConfigurationError(
                f"the private PostgreSQL cannot be kept in {self.folder}: the path of its socket there has "
                f"{len(path)} bytes; it may have {_LONGEST_SOCKET}, and no comma"
            )
        if self.account.run("test", "-x", self.folder).returncode != 0:
            user = self.account.name
            raise ConfigurationError(f"the private PostgreSQL runs as {user}, which may not enter {self.folder}")

    def _initdb(self) -> None:
        """Create the cluster under a temporary name, so that an incomplete one is never used."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._make_private(unfinished)
        options = ["-U", _ROLE, "-A", "trust", "-E", "UTF8", "--locale", "C", *self.initdb_options]
        made = self.account.run(self.binaries / "initdb", *options, "-D", unfinished)
        if made.returncode != 0:
            raise DatabaseError(f"initdb cannot create the private PostgreSQL: {made.stdout.strip()}")
        unfinished.rename(self._data)

    def _refuse_other_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        if found != self._major:
            raise ConfigurationError(
                f"{self._data} was made by PostgreSQL {found}, the programs are PostgreSQL {self._major}: "
                f"install PostgreSQL {found} to keep using it, or move it away to start over"
            )

    def _start(self) -> bool:
        with suppress(FileNotFoundError):
            self._log.replace(self.folder / "server.log.1")
        if not self._socket.parent.exists():
            self._make_private(self._socket.parent)
        settings = _SETTINGS | {"unix_socket_directories": str(self._socket.parent)}
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        command = ["start", "-s", "-w", "-t", str(_PATIENCE), "-D", str(self._data), "-o", options]
        self._log.touch(mode=0o600, exist_ok=False)
        with self._log.open("a") as log:  # the server inherits this, and none of our own streams
            return self.account.run(self.binaries / "pg_ctl", *command, output=log).returncode == 0

    def _stop(self) -> None:
        """Stop the server; immediately if it takes too long, which loses nothing: the next start recovers."""
        if not self._listening():
            return
        for mode in ("fast", "immediate"):
            command = ["stop", "-s", "-w", "-t", str(_PATIENCE), "-D", str(self._data), "-m", mode]
            if self.account.run(self.binaries / "pg_ctl", *command).returncode == 0:
                return
        raise self._failure("does not stop")

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.account.own(folder)

    def _failure(self, what: str) -> DatabaseError:
        lines = self._log.read_text(errors="replace").splitlines()[-10:]
        return DatabaseError("\n".join([f"the private PostgreSQL {what}; {self._log} ends with:", *lines]))

    @cached_property
    def _major(self) -> str:
        answer = self.account.run(self.binaries / "postgres", "--version").stdout
        found = re.search(r"\d+", answer)
        if found is None:
            raise DatabaseError(f"{self.binaries / 'postgres'} does not run: {answer.strip()}")
        return found[0]

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _socket(self) -> Path:
        return self.folder / "socket" / f".s.PGSQL.{_PORT}"

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"
