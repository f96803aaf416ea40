"""A run is stopped while it loads CNBV's series: series and figures are both the old ones or both the new ones."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bankadvisor_etl.faults import SERIES_POINTS
from support.cli import etl, stopped_at
from support.databases import fresh_database, temporary_folder
from support.official import put
from support.proxy import proxied
from support.published import copy_of, everything, last_run
from support.small import FLOORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from support.cli import Result, Running


def run(folder: Path, dsn: str) -> Result:
    return etl("run", "--data-dir", folder, BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS)


class Night:
    """A database with the first edition published, and a folder with the second."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn, self.folder, self.old = dsn, folder, everything(dsn)

    def stopped_at(self, point: str, dsn: str | None = None) -> AbstractContextManager[Running]:
        settings = {"BANKADVISOR_DSN": dsn or self.dsn, "BANKADVISOR_THRESHOLD": FLOORS}
        return stopped_at(point, self.folder / "marker", "run", "--data-dir", self.folder, **settings)

    def assert_old_and_then_new(self) -> None:
        after = everything(self.dsn)
        records = {"etl_runs", "etl_run_checks", "etl_run_sources", "etl_rejects"}
        assert {name for name in after if after[name] != self.old[name]} <= records
        done = run(self.folder, self.dsn)
        assert done.code == 0, done
        assert done.event("etl.series.loaded")["restated"] == 25
        assert run(self.folder, self.dsn).event("etl.completed")["unchanged"]


@pytest.fixture(scope="module")
def template(
    server_dsn: str, small_dir: Path, editions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    folder = Path(shutil.copytree(small_dir, tmp_path_factory.mktemp("night") / "data"))
    put(editions, 1, folder)
    with fresh_database(server_dsn) as database:
        assert run(folder, database).code == 0
        put(editions, 2, folder)
        yield database, folder


@pytest.fixture
def night(template: tuple[str, Path], tmp_path: Path) -> Iterator[Night]:
    database, folder = template
    with copy_of(database) as dsn:
        yield Night(dsn, Path(shutil.copytree(folder, tmp_path / "data")))


@pytest.mark.parametrize("point", SERIES_POINTS)
def test_killed(night: Night, point: str) -> None:
    with night.stopped_at(point) as running:
        running.send(signal.SIGKILL)
        assert running.end().code == -signal.SIGKILL
        assert running.survivors == []
    night.assert_old_and_then_new()


def test_terminated(night: Night) -> None:
    with night.stopped_at("series_loaded") as running:
        running.send(signal.SIGTERM)
        assert running.end().code == 143
    assert last_run(night.dsn)["phase"] == "series"
    night.assert_old_and_then_new()


def test_cut_off(night: Night) -> None:
    with (
        temporary_folder() as folder,
        proxied(night.dsn, folder) as (proxy, dsn),
        night.stopped_at("series_compared", dsn) as running,
    ):
        proxy.cut()
        (night.folder / "marker").unlink()
        assert running.end().code == 69
    night.assert_old_and_then_new()


def test_the_process_that_reads_is_killed(night: Night) -> None:
    """What it sent of the series is in a transaction, and is not sent twice."""
    with night.stopped_at("series_staged") as running:
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        (night.folder / "marker").unlink()
        done = running.end()
    assert done.code == 74
    assert done.event("etl.failed")["error_class"] == "OutOfMemoryError"
    night.assert_old_and_then_new()
