"""The server stops and returns, is unreachable, or has no disk space left."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from support.cli import etl
from support.databases import fresh_database, temporary_folder
from support.fault_case import PHASES, Case, Record, failure, publish
from support.official import put
from support.published import one, runs
from support.servers import OwnServer, own_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server for these tests, to be restarted, crashed and filled."""
    with own_server() as mine:
        yield mine


@pytest.fixture
def fragile(server: OwnServer, folders: tuple[Path, Path], tmp_path: Path, held: Record) -> Iterator[Case]:
    """The case on that server."""
    old, new = folders
    with fresh_database(server.dsn) as dsn, fresh_database(server.dsn) as another:
        before, after = publish(dsn, old), publish(another, new)
        yield Case(dsn, Path(shutil.copytree(new, tmp_path / "data")), before, after, held)


@pytest.mark.parametrize(
    ("how", "point"),
    [("restart", "computed"), ("restart", "closed"), ("immediate restart", "published"), ("crash", "staged")],
)
def test_the_server_goes_and_comes_back(fragile: Case, server: OwnServer, how: str, point: str) -> None:
    with fragile.stopped_at(point) as running:
        if how == "crash":
            server.crash(fragile.dsn)
        else:
            server.restart("fast" if how == "restart" else "immediate")
        fragile.go_on()
        done = running.end()
    fragile.assert_held(point, f"server's {how}", done, 69, failure(69, PHASES[point]))


@pytest.mark.parametrize("point", ["computed", "compared"])
def test_the_disk_of_the_database_is_full(full: tuple[Case, Path], point: str) -> None:
    """The database is on a separate disk, which is filled to the last byte while the run waits."""
    case, disk = full
    with case.stopped_at(point) as running:
        filler = _fill(disk)
        case.go_on()
        done = running.end()
    filler.unlink()
    assert "No space left on device" in done.event("etl.failed")["error"]
    # Whether the row can be closed depends on the free space in its page.
    expected = failure(69, "audit" if point == "computed" else "publish")
    closed = runs(case.dsn)[-1]["status"] == "failure"
    case.assert_held(point, "disk full", done, 69, expected if closed else {"status": "running"})


def test_the_disk_is_full_while_the_series_is_loaded(full: tuple[Case, Path], editions: Path) -> None:
    case, disk = full
    put(editions, 1, case.folder)
    with case.stopped_at("series_staged") as running:
        filler = _fill(disk)
        case.go_on()
        done = running.end()
    filler.unlink()
    assert done.code == 69
    assert "No space left on device" in done.event("etl.failed")["error"]
    assert one(case.dsn, "SELECT count(*) FROM cnbv_series_valores") == 0
    assert one(case.dsn, "SELECT count(*) FROM kpis_consolidados") == 0
    assert etl(*case.arguments, **case.settings()).code == 0
    assert one(case.dsn, "SELECT count(DISTINCT saldo) FROM cnbv_series") == 2


@pytest.fixture
def full(
    server: OwnServer,
    folders: tuple[Path, Path],
    template: tuple[str, str, str],
    tmp_path: Path,
    held: Record,
    not_tried: Callable[[str], None],
) -> Iterator[tuple[Case, Path]]:
    """The case in a database on a 24 MB memory disk, and that disk."""
    with temporary_folder() as disk:
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "bankadvisor-test", str(disk)]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            not_tried("a full disk: that takes root and the right to mount")
        try:
            place = disk / "space"
            place.mkdir()
            server.account.own(place)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(place))))
                connection.execute("CREATE DATABASE cramped TEMPLATE template0 TABLESPACE small STRATEGY file_copy")
            dsn = make_conninfo(server.dsn, dbname="cramped")
            old = publish(dsn, folders[0])
            yield Case(dsn, Path(shutil.copytree(folders[1], tmp_path / "data")), old, template[2], held), disk
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute("DROP DATABASE cramped WITH (FORCE)")
                connection.execute("DROP TABLESPACE small")
        finally:
            subprocess.run(["umount", str(disk)], check=True)


def _fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def test_the_server_is_away_when_the_run_begins(fragile: Case, server: OwnServer) -> None:
    """Nothing can be recorded, so the exit code and the log have to say it."""
    away = make_conninfo(fragile.dsn, host=str(server.folder))  # there is no socket there
    done = etl(*fragile.arguments, **fragile.settings(away))
    assert "the database cannot be reached" in done.event("etl_runner.main.failure")["error"]
    fragile.assert_held("start", "server away", done, 69, None)
