"""A load of CNBV's series is stopped at every step: the old series or the new one, and the next load succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from bankadvisor_etl.errors import DatabaseError
from bankadvisor_etl.faults import SERIES_POINTS
from bankadvisor_etl.warehouse.connection import TIMEOUTS, connect
from support.databases import fresh_database, temporary_folder
from support.proxy import Proxy, proxied
from support.published import copy_of, one
from support.series import csv_file, load

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
PATIENCE = 30
OLD = {(concept, month): float(month) for concept in range(40100001, 40100041) for month in range(202401, 202413)}
RESTATED = {key: value + 1 for key, value in OLD.items() if key[0] % 3 == 0}
NEW = OLD | RESTATED | {(concept, 202501): 1.0 for concept in range(40100001, 40100051)}

Values = dict[tuple[int, int], float]


def fingerprint(dsn: str) -> str:
    return str(one(dsn, "SELECT count(*) || md5(string_agg(s::text, ',' ORDER BY s::text)) FROM cnbv_series s"))


class Loading:
    """The database with the old series, the files, and the contents of both series."""

    def __init__(self, dsn: str, folder: Path, marks: tuple[str, str]) -> None:
        self.dsn, self.folder, (self.old, self.new) = dsn, folder, marks
        self.path = _file(folder / "new.csv", NEW)

    @contextmanager
    def stopped_at(self, point: str, dsn: str | None = None) -> Iterator[subprocess.Popen[str]]:
        """A load that waits at the point until ``go_on``."""
        marker = self.folder / "marker"
        environment = os.environ | {"BANKADVISOR_FAULT": f"{point}:wait={marker}", "PYTHONPATH": str(TESTS)}
        command = [sys.executable, "-m", "support.series", str(self.path), dsn or self.dsn]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + PATIENCE
            while not marker.exists():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield process
            process.kill()

    def go_on(self) -> None:
        (self.folder / "marker").unlink()

    def assert_old_and_then_new(self) -> None:
        assert fingerprint(self.dsn) == self.old
        with connect(self.dsn) as connection:
            done = load(connection, self.path)
        assert (done.new, done.changed, done.restated) == (10, 40, len(RESTATED))
        self.assert_new()

    def assert_new(self) -> None:
        assert fingerprint(self.dsn) == self.new
        assert one(self.dsn, "SELECT count(*) FROM cnbv_series_cambios") == len(RESTATED)
        with connect(self.dsn) as connection:
            assert load(connection, self.path).unchanged == 50


def _file(path: Path, values: Values) -> Path:
    return csv_file(path, *(("5", 130, concept, month, value) for (concept, month), value in values.items()))


@pytest.fixture(scope="module")
def both(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, tuple[str, str]]]:
    folder = tmp_path_factory.mktemp("series")
    with fresh_database(server_dsn) as database:
        with connect(database) as connection:
            load(connection, _file(folder / "old.csv", OLD))
        old = fingerprint(database)
        with copy_of(database) as another:
            with connect(another) as connection:
                load(connection, _file(folder / "new.csv", NEW))
            new = fingerprint(another)
        assert old != new
        yield database, (old, new)


@pytest.fixture
def loading(both: tuple[str, tuple[str, str]], tmp_path: Path) -> Iterator[Loading]:
    database, marks = both
    with copy_of(database) as dsn:
        yield Loading(dsn, tmp_path, marks)


@pytest.fixture
def through(loading: Loading) -> Iterator[tuple[Proxy, str]]:
    with temporary_folder() as folder, proxied(loading.dsn, folder) as (proxy, dsn):
        yield proxy, dsn


@pytest.mark.parametrize("point", SERIES_POINTS)
def test_killed(loading: Loading, point: str) -> None:
    with loading.stopped_at(point) as process:
        process.kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL
    loading.assert_old_and_then_new()


@pytest.mark.parametrize("point", SERIES_POINTS)
def test_terminated(loading: Loading, point: str) -> None:
    with loading.stopped_at(point) as process:
        process.terminate()
        assert process.wait(PATIENCE) == 143
    loading.assert_old_and_then_new()


@pytest.mark.parametrize("point", SERIES_POINTS)
def test_cut_off(loading: Loading, through: tuple[Proxy, str], point: str) -> None:
    proxy, dsn = through
    with loading.stopped_at(point, dsn) as process:
        proxy.cut()
        loading.go_on()
        assert process.wait(PATIENCE) == 69
    loading.assert_old_and_then_new()


def test_the_confirmation_of_the_commit_is_lost(loading: Loading, through: tuple[Proxy, str]) -> None:
    """The load cannot know that it succeeded: it fails, and the next one finds nothing to do."""
    proxy, dsn = through
    with loading.stopped_at("series_loaded", dsn) as process:
        proxy.swallows = b"COMMIT"
        loading.go_on()
        assert process.wait(PATIENCE) == 69
    loading.assert_new()


@pytest.mark.parametrize("table", ["cnbv_series_valores", "cnbv_series_cambios", "etl_runs"])
def test_a_statement_takes_too_long(loading: Loading, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another session holds a table that the load writes to: the timeout ends the wait."""
    monkeypatch.setitem(TIMEOUTS, "statement_timeout", "300ms")
    with psycopg.connect(loading.dsn) as other, connect(loading.dsn) as connection:
        other.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        with pytest.raises(DatabaseError):
            load(connection, loading.path)
    loading.assert_old_and_then_new()


def test_two_loads_at_once(loading: Loading) -> None:
    """The second load waits for the first one's lock, and then sees that what it compared with has changed."""
    with loading.stopped_at("series_compared"):
        command = [sys.executable, "-m", "support.series", str(loading.path), loading.dsn]
        environment = os.environ | {"PYTHONPATH": str(TESTS)}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as second:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
            waiting += " WHERE datname = current_database())"
            deadline = time.monotonic() + PATIENCE
            while not one(loading.dsn, waiting):
                assert second.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            loading.go_on()
            assert second.wait(PATIENCE) == 75
    loading.assert_new()
