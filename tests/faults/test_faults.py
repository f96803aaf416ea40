"""A run is stopped at every one of its steps, in every way that nights have: nothing wrong is ever published.

After each fault: ``monthly_kpis`` is the old table or the new one, the run's row tells the truth, no process is left,
the next run succeeds, and no row or change stands twice. The new files restate 751 rows of the old ones.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, Protocol

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bankadvisor_etl import pipeline
from bankadvisor_etl.errors import EtlError
from bankadvisor_etl.faults import POINTS
from bankadvisor_etl.log import configure
from bankadvisor_etl.reading import reader
from bankadvisor_etl.request import Request
from bankadvisor_etl.warehouse import connection as sessions
from bankadvisor_etl.warehouse.lock import LOCK
from support.cli import Result, Running, etl, stopped_at
from support.databases import fresh_database, temporary_folder
from support.proxy import Proxy, proxied
from support.published import ask, copy_of, figures, one, runs
from support.servers import OwnServer, own_server
from support.small import CARTERA, FLOORS, ICAP, editing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Record(Protocol):
    def __call__(self, where: str, what: str, code: object, row: str, table: str, /) -> None: ...


PHASES = {
    "begun": "start",
    "found": "discovery",
    "hashed": "discovery",
    "read_base": "base",
    "read_enhanced": "enhanced",
    "computed": "enhanced",
    "audited": "audit",
    "staged": "audit",
    "compared": "audit",
    "published": "publish",
    "closed": "publish",
}
"""The points between the run's first row and its commit, and the phase in which they lie."""

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
        """The fault ended in ``code``; the run's row is as ``row`` (None: there is none); then the next run."""
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
        """Put a case that was held into the table of the report."""
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
    """What the row of a failure says; its message is compared apart."""
    return {"status": "failure", "exit_code": code, "phase": phase}


@pytest.fixture(scope="module")
def folders(small_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The old files and the new ones: a portfolio, and capital ratios that were all restated by a thousandth."""
    old, new = (tmp_path_factory.mktemp("faults") / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        for name in (CARTERA, ICAP):
            shutil.copy(small_dir / name, folder / name)
    with editing(new / ICAP) as sheet:
        places = [cell.column - 1 for cell in sheet[1] if cell.value in {"ICAP Total", "CCB", "CCF"}]
        for row in sheet.iter_rows(min_row=2):
            for place in places:
                if isinstance(row[place].value, int | float):
                    row[place].value *= 1.001
    return old, new


def publish(dsn: str, folder: Path) -> str:
    done = etl("run", "--data-dir", folder, BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS)
    assert done.code == 0, done
    return figures(dsn)


@pytest.fixture(scope="module")
def template(server_dsn: str, folders: tuple[Path, Path]) -> Iterator[tuple[str, str, str]]:
    """A database with the old figures, and the checksums of the old and the new ones."""
    old, new = folders
    with fresh_database(server_dsn) as database:
        before = publish(database, old)
        with copy_of(database) as another:
            after = publish(another, new)
            assert runs(another)[-1]["rows_updated"] == RESTATED
        assert before != after
        yield database, before, after


@pytest.fixture
def case(template: tuple[str, str, str], folders: tuple[Path, Path], tmp_path: Path, held: Record) -> Iterator[Case]:
    database, old, new = template
    with copy_of(database) as dsn:
        yield Case(dsn, Path(shutil.copytree(folders[1], tmp_path / "data")), old, new, held)


@pytest.fixture
def through(case: Case) -> Iterator[tuple[Proxy, str]]:
    """A proxy before the server, and the connection string through it."""
    with temporary_folder() as folder, proxied(case.dsn, folder) as (proxy, dsn):
        yield proxy, dsn


# --- every point, three ways


def test_the_points_are_all_known() -> None:
    assert (*BEFORE_THE_ROW, *PHASES, "committed") == POINTS


@pytest.mark.parametrize("point", POINTS)
def test_killed(case: Case, point: str) -> None:
    """kill -9: nobody can close the row, so the next run does; what was committed stays."""
    with case.stopped_at(point) as running:
        running.send(signal.SIGKILL)
        done = running.end()
        assert running.survivors == []
    row: dict[str, Any] | None = {"status": "running", "phase": PHASES.get(point), "completed_at": None}
    if point in BEFORE_THE_ROW:
        row = None
    elif point == "committed":
        row = {"status": "success", "exit_code": 0, "rows_updated": RESTATED}
    case.assert_held(point, "kill -9", done, -signal.SIGKILL, row)


@pytest.mark.parametrize("point", POINTS)
def test_terminated(case: Case, point: str) -> None:
    """SIGTERM: the run closes its row; after the commit there is nothing left to stop."""
    with case.stopped_at(point) as running:
        running.send(signal.SIGTERM)
        done = running.end()
        assert running.survivors == []
    events = [event["event"] for event in done.events]
    if point == "committed":
        assert "etl.failed" not in events
        case.assert_held(point, "SIGTERM", done, 0, {"status": "success", "exit_code": 0})
    elif point in BEFORE_THE_ROW:
        case.assert_held(point, "SIGTERM", done, 143, None)
    else:
        assert done.event("etl.failed")["phase"] == PHASES[point]
        row = failure(143, PHASES[point]) | {"error_message": "stopped by SIGTERM"}
        case.assert_held(point, "SIGTERM", done, 143, row)


@pytest.mark.parametrize("point", POINTS)
def test_cut_off(case: Case, through: tuple[Proxy, str], point: str) -> None:
    """All connections drop, and the server can be reached again: the run closes its row over a new one.

    Before the row there is the lock, and it went with its connection: the run finds out when it lays its figures
    beside the published ones.
    """
    proxy, dsn = through
    with case.stopped_at(point, dsn) as running:
        proxy.cut()
        case.go_on()
        done = running.end()
        assert running.survivors == []
    if point == "committed":
        case.assert_held(point, "connections cut", done, 0, {"status": "success", "exit_code": 0})
        return
    phase = "audit" if point in BEFORE_THE_ROW else PHASES[point]
    assert "PostgreSQL" in done.event("etl.failed")["error"]
    case.assert_held(point, "connections cut", done, 69, failure(69, phase))


# --- connections, one at a time


@pytest.mark.parametrize("point", ["begun", "hashed", "computed", "published", "closed"])
def test_cut_off_for_good(case: Case, through: tuple[Proxy, str], point: str) -> None:
    """The server stays away: the row cannot be closed, and the next run does it."""
    proxy, dsn = through
    with case.stopped_at(point, dsn) as running:
        proxy.refuses = True
        proxy.cut()
        case.go_on()
        done = running.end()
    row = {"status": "running", "completed_at": None, "phase": PHASES[point]}
    case.assert_held(point, "server gone for good", done, 69, row)


def test_the_confirmation_of_the_commit_is_lost(case: Case, through: tuple[Proxy, str]) -> None:
    """The server commits and the run does not hear of it: it asks, and finds that it succeeded."""
    proxy, dsn = through
    with case.stopped_at("closed", dsn) as running:
        proxy.swallows = b"COMMIT"
        case.go_on()
        done = running.end()
    assert "etl.failed" not in {event["event"] for event in done.events}
    assert done.event("etl.completed")["status"] == "success"
    case.assert_held("commit", "its answer is lost", done, 0, {"status": "success", "exit_code": 0})


def _end_session(dsn: str, state: str) -> None:
    """End the run's session of that state: the publisher is in a transaction, the ledger between two."""
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'bankadvisor-etl' AND state = %s"
    )
    assert set(ask(dsn, query, [state])) == {(True,)}


@pytest.mark.parametrize("point", ["begun", "found", "computed", "staged", "published", "closed"])
def test_the_publisher_alone_is_lost(case: Case, point: str) -> None:
    with case.stopped_at(point) as running:
        _end_session(case.dsn, "idle in transaction")
        case.go_on()
        done = running.end()
    # Nobody can know before it is used again, to lay the figures beside the published ones.
    phase = "publish" if PHASES[point] == "publish" else "audit"
    case.assert_held(point, "publisher's session ended", done, 69, failure(69, phase))


@pytest.mark.parametrize("point", ["begun", "hashed", "computed", "compared"])
def test_the_ledger_alone_is_lost(case: Case, point: str) -> None:
    with case.stopped_at(point) as running:
        _end_session(case.dsn, "idle")
        case.go_on()
        done = running.end()
    case.assert_held(point, "ledger's session ended", done, 69, failure(69, PHASES[point]))


@pytest.mark.parametrize("point", ["published", "closed", "committed"])
def test_the_ledger_is_lost_when_it_has_no_more_to_say(case: Case, point: str) -> None:
    with case.stopped_at(point) as running:
        _end_session(case.dsn, "idle")
        case.go_on()
        done = running.end()
    case.assert_held(point, "ledger's session ended", done, 0, {"status": "success", "exit_code": 0})


def test_another_run_takes_the_lock_that_was_lost(case: Case, through: tuple[Proxy, str]) -> None:
    """It closes the first one's row as abandoned and publishes; the first one cannot, and knows that it failed."""
    proxy, dsn = through
    with case.stopped_at("computed", dsn) as running:
        proxy.cut()
        second = etl(*case.arguments, **case.settings())
        assert second.code == 0, second
        case.go_on()
        done = running.end()
    assert done.code == 69
    assert done.event("etl.failed")["run_id"] == 2
    _, first, other = runs(case.dsn)
    assert (first["status"], first["error_message"].partition(":")[0]) == ("failure", "abandoned")
    assert (other["status"], other["rows_updated"]) == ("success", RESTATED)
    assert one(case.dsn, "SELECT count(*) FROM monthly_kpis_cambios") == 3 * RESTATED
    case.note("computed", "another run takes the lost lock", done, "failure, abandoned", "the other's")


# --- locks, timeouts, refusals


def test_the_lock_of_a_run_is_held_elsewhere(case: Case) -> None:
    with psycopg.connect(case.dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        done = etl(*case.arguments, **case.settings())
    assert done.event("etl.skipped")["level"] == "warning"
    case.assert_held("start", "the run's lock is held elsewhere", done, 75, None)


def _run_here(case: Case) -> Result:
    """The run in this process, whose timeouts a test can shorten."""
    stream = io.StringIO()
    try:
        with reader() as reading:
            request = Request(case.folder, case.dsn, reading, thresholds=tuple(FLOORS.split()))
            pipeline.run(request, configure("json", "info", stream))
    except EtlError as error:
        return Result(error.exit_code, stream.getvalue(), str(error))
    return Result(0, stream.getvalue(), "")


LOCKS: dict[str, tuple[LiteralString, str | None]] = {
    "monthly_kpis, against readers": ("LOCK TABLE monthly_kpis IN ACCESS EXCLUSIVE MODE", "audit"),
    "monthly_kpis, against writers": ("LOCK TABLE monthly_kpis IN SHARE MODE", "publish"),
    "one row of monthly_kpis": ("SELECT FROM monthly_kpis WHERE codigo_cnbv = '040059' FOR UPDATE", "publish"),
    "monthly_kpis_cambios": ("LOCK TABLE monthly_kpis_cambios IN SHARE MODE", "publish"),
    "etl_run_sources": ("LOCK TABLE etl_run_sources IN SHARE MODE", "discovery"),
    "etl_run_checks": ("LOCK TABLE etl_run_checks IN SHARE MODE", "base"),
    "etl_runs": ("LOCK TABLE etl_runs IN SHARE MODE", None),
}


@pytest.mark.parametrize("what", LOCKS)
def test_a_lock_is_held_elsewhere(case: Case, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Longer than ``lock_timeout``: the run fails and tells why, rather than hang all night."""
    monkeypatch.setitem(sessions.TIMEOUTS, "lock_timeout", "300ms")
    statement, phase = LOCKS[what]
    with psycopg.connect(case.dsn) as other:
        other.execute(statement)
        done = _run_here(case)
    assert "lock timeout" in done.err
    case.assert_held(phase or "start", f"{what} locked", done, 69, failure(69, phase) if phase else None)


def test_a_statement_takes_too_long(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sessions.TIMEOUTS, "statement_timeout", "500ms")
    ask(
        case.dsn,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.05); RETURN new; END $$;"
        "CREATE TRIGGER slow BEFORE UPDATE ON monthly_kpis FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    done = _run_here(case)
    assert "statement timeout" in done.err
    ask(case.dsn, "DROP FUNCTION slow CASCADE")
    case.assert_held("publish", "statement timeout", done, 69, failure(69, "publish"))


def test_the_server_refuses_the_last_row(case: Case) -> None:
    """Some rows are written by then."""
    ask(case.dsn, "ALTER TABLE monthly_kpis ADD CONSTRAINT refused CHECK (etl_run_id < 2 OR codigo_cnbv <> '5')")
    done = etl(*case.arguments, **case.settings())
    ask(case.dsn, "ALTER TABLE monthly_kpis DROP CONSTRAINT refused")
    case.assert_held("publish", "a row is refused", done, 69, failure(69, "publish"))


def test_the_commit_itself_fails(case: Case) -> None:
    """A deferred trigger speaks up at COMMIT, when the row says success already."""
    ask(
        case.dsn,
        "CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'vetoed'; END $$;"
        "CREATE CONSTRAINT TRIGGER veto AFTER UPDATE ON monthly_kpis DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION veto()",
    )
    done = etl(*case.arguments, **case.settings())
    ask(case.dsn, "DROP FUNCTION veto CASCADE")
    case.assert_held("commit", "it is refused", done, 69, failure(69, "publish"))


# --- files that change under the run


@pytest.mark.parametrize("change", ["deleted", "appended to", "replaced"])
def test_a_file_changes_under_the_run(case: Case, change: str) -> None:
    path = case.folder / ICAP
    content = path.read_bytes()
    with case.stopped_at("hashed") as running:
        if change == "appended to":
            path.write_bytes(content + b"\0")
        else:
            path.unlink()
        if change == "replaced":
            path.write_bytes(content)
        case.go_on()
        done = running.end()
    assert ICAP in done.event("etl.failed")["error"]
    path.write_bytes(content)
    case.assert_held("hashed", f"a file is {change}", done, 74, failure(74, "enhanced"))


# --- the server


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server that only these tests restart, crash and fill."""
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
    """The database lies on a disk of its own, which is filled to the last byte while the run waits."""
    case, disk = full
    with case.stopped_at(point) as running:
        filler = _fill(disk)
        case.go_on()
        done = running.end()
    filler.unlink()
    assert "No space left on device" in done.event("etl.failed")["error"]
    # Whether the row can be closed depends on the room that is left in its page.
    expected = failure(69, "audit" if point == "computed" else "publish")
    closed = runs(case.dsn)[-1]["status"] == "failure"
    case.assert_held(point, "disk full", done, 69, expected if closed else {"status": "running"})


@pytest.fixture
def full(
    server: OwnServer,
    folders: tuple[Path, Path],
    template: tuple[str, str, str],
    tmp_path: Path,
    held: Record,
    not_tried: Callable[[str], None],
) -> Iterator[tuple[Case, Path]]:
    """The case in a database on a disk of 24 MB of memory, and that disk."""
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
    away = make_conninfo(fragile.dsn, host=str(server.folder))  # no socket lies there
    done = etl(*fragile.arguments, **fragile.settings(away))
    assert "the database cannot be reached" in done.event("etl_runner.main.failure")["error"]
    fragile.assert_held("start", "server away", done, 69, None)
