"""A run to be stopped, and what has to hold afterwards, whatever stopped it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from support.cli import Result, Running, etl, stopped_at
from support.published import figures, one, runs
from support.small import FLOORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Record(Protocol):
    def __call__(self, where: str, what: str, code: object, row: str, table: str, /) -> None: ...


PHASES = {
    "begun": "start",
    "found": "discovery",
    "hashed": "discovery",
    "read_base": "base",
    "read_enhanced": "enhanced",
    "computed": "enhanced",
    "staged": "audit",
    "audited": "audit",
    "compared": "audit",
    "published": "publish",
    "closed": "publish",
}
"""The points between the run's first row and its commit, with their phases."""

BEFORE_THE_ROW = ("locked", "prepared")
RESTATED = 751


class Case:
    """A database with the old figures, a folder with the new files, and the figures of both."""

    def __init__(self, dsn: str, folder: Path, old: str, new: str, held: Record) -> None:
        self.dsn, self.folder, self.old, self.new, self._held = dsn, folder, old, new, held
        self.arguments = ("run", "--data-dir", folder)

    def settings(self, dsn: str | None = None) -> dict[str, str]:
        return {"BANKADVISOR_DSN": dsn or self.dsn, "BANKADVISOR_THRESHOLD": FLOORS}

    @contextmanager
    def stopped_at(self, point: str, dsn: str | None = None) -> Iterator[Running]:
        """A run that waits at the point until ``go_on``."""
        with stopped_at(point, self.folder / "marker", *self.arguments, **self.settings(dsn)) as running:
            yield running

    def go_on(self) -> None:
        (self.folder / "marker").unlink()

    def assert_held(self, where: str, what: str, done: Result, code: int, row: dict[str, Any] | None) -> None:
        """Check that the fault ended with ``code`` and left ``row`` (None: no row), then make the next run."""
        assert done.code == code, done
        assert "Traceback" not in done.out + done.err
        rows = runs(self.dsn)
        published = row is not None and row["status"] == "success"
        assert figures(self.dsn) == (self.new if published else self.old)
        if row is None:
            assert len(rows) == 1
        else:
            assert {name: rows[-1][name] for name in row} == row
        said = "no row" if row is None else rows[-1]["status"]
        self._assert_the_next_run_succeeds(2 if row is None else 3, left_open=said == "running", already=published)
        more = {"running": ", closed by the next run", "failure": f", {rows[-1]['phase']}"}.get(said, "")
        self.note(where, what, done, said + more, "the new one" if published else "the old one")

    def note(self, where: str, what: str, done: Result, row: str, table: str) -> None:
        """Add a passed case to the table of the report."""
        self._held(where, what, done.code, row, table)

    def _assert_the_next_run_succeeds(self, number: int, *, left_open: bool, already: bool) -> None:
        done = etl(*self.arguments, **self.settings())
        assert done.code == 0, done
        rows = runs(self.dsn)
        assert len(rows) == number
        assert (rows[-1]["status"], rows[-1]["rows_updated"]) == ("success", 0 if already else RESTATED)
        assert "running" not in {row["status"] for row in rows}
        if left_open:
            assert rows[-2]["status"] == "failure"
            assert rows[-2]["error_message"].startswith("abandoned")
        assert figures(self.dsn) == self.new
        assert one(self.dsn, "SELECT count(*) - count(DISTINCT (fecha, codigo_cnbv)) FROM monthly_kpis") == 0
        assert one(self.dsn, "SELECT count(*) FROM monthly_kpis_cambios") == 3 * RESTATED
        assert one(self.dsn, "SELECT count(DISTINCT run_id) FROM monthly_kpis_cambios") == 1


def failure(code: int, phase: str) -> dict[str, Any]:
    """The row of a failure; its message is compared separately."""
    return {"status": "failure", "exit_code": code, "phase": phase}


def publish(dsn: str, folder: Path) -> str:
    done = etl("run", "--data-dir", folder, BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS)
    assert done.code == 0, done
    return figures(dsn)
