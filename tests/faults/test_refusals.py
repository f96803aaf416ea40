"""Locks held elsewhere, statements that take too long, rows that are refused, files that change."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest
from psycopg import sql

from bankadvisor_etl.errors import EtlError
from bankadvisor_etl.inputs.files import Stock
from bankadvisor_etl.job import nightly
from bankadvisor_etl.job.child import Child
from bankadvisor_etl.job.request import Request
from bankadvisor_etl.log import configure
from bankadvisor_etl.warehouse import connection as sessions
from bankadvisor_etl.warehouse.lock import LOCK, PATIENCE
from support.cli import Result, etl, stopped_at
from support.fault_case import Case, failure
from support.published import ask, one, runs
from support.small import FLOORS, ICAP, run, small_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_lock_of_a_run_is_held_elsewhere(case: Case) -> None:
    with psycopg.connect(case.dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        done = etl(*case.arguments, **case.settings())
    assert done.event("etl.skipped")["level"] == "warning"
    case.assert_held("start", "the run's lock is held elsewhere", done, 75, None)


@pytest.mark.parametrize("row", ["running", "closed", "none"])
def test_a_lock_that_a_killed_run_left_over_is_waited_for(published: str, small: Path, row: str) -> None:
    """Its client is dead, and the server notices when the current statement ends."""
    if row != "none":
        ask(published, "INSERT INTO etl_runs (status) VALUES ('running')")
    code = (
        "import psycopg, sys\n"
        "with psycopg.connect(sys.argv[1], application_name='bankadvisor-etl') as c:\n"
        "    c.execute('SELECT pg_advisory_xact_lock(%s)', [int(sys.argv[2])])\n"
        "    print('held', flush=True)\n"
        "    c.execute('SELECT pg_sleep(4)')\n"
    )
    command = [sys.executable, "-c", code, published, str(LOCK)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        time.sleep(0.2)
        holder.kill()
    if row == "closed":
        ask(published, "UPDATE etl_runs SET status = 'failure' WHERE status = 'running'")
    before = time.monotonic()
    done = run(published, small)
    assert (done.code, time.monotonic() - before > 2) == (0, True)
    assert {row["status"] for row in runs(published)[1:-1]} <= {"failure"}
    assert runs(published)[-1]["status"] == "success"


def test_a_run_that_is_at_work_is_not_waited_for(published: str, small: Path, tmp_path: Path) -> None:
    with stopped_at("begun", tmp_path / "m", "run", "--data-dir", small, "--force", **small_settings(published)):
        before = time.monotonic()
        assert run(published, small).code == 75
        assert time.monotonic() - before < PATIENCE / 2


@pytest.mark.parametrize("table", ["etl_runs", "etl_run_sources", "monthly_kpis"])
def test_sigterm_while_a_table_is_locked(published: str, small: Path, tmp_path: Path, table: str) -> None:
    """It ends in bounded time; if its own row is locked, the next run closes it."""
    settings = small_settings(published)
    marker = tmp_path / "m"
    with (
        stopped_at("begun", marker, "run", "--data-dir", small, "--force", **settings) as running,
        psycopg.connect(published) as other,
    ):
        other.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        marker.unlink()
        deadline = time.monotonic() + 15
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
        while one(published, waiting + " WHERE datname = current_database())") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = time.monotonic()
        running.send(signal.SIGTERM)
        done = running.end()
        assert (done.code, time.monotonic() - before < 30) == (143, True), done
        assert running.survivors == []
        other.rollback()
    assert "Traceback" not in done.out + done.err
    row = runs(published)[-1]
    if table == "etl_runs":
        assert row["status"] == "running"
        assert "the run's row could not be closed" in done.event("etl_runner.main.failure")["error"]
    else:
        assert (row["status"], row["exit_code"]) == ("failure", 143)
    assert run(published, small).code == 0
    assert [row["status"] for row in runs(published)] == ["success", "failure", "success"]


def _run_here(case: Case) -> Result:
    """The run in this process, whose timeouts a test can shorten."""
    stream = io.StringIO()
    try:
        with Child() as child:
            request = Request(case.folder, case.dsn, thresholds=tuple(FLOORS.split()))
            nightly.run(request, child, Stock(case.folder), configure("json", "info", stream))
    except EtlError as error:
        return Result(error.exit_code, stream.getvalue(), str(error))
    return Result(0, stream.getvalue(), "")


LOCKS: dict[str, tuple[LiteralString, str | None]] = {
    "monthly_kpis, against readers": ("LOCK TABLE monthly_kpis IN ACCESS EXCLUSIVE MODE", "discovery"),
    "monthly_kpis, against writers": ("LOCK TABLE monthly_kpis IN SHARE MODE", "publish"),
    "one row of monthly_kpis": ("SELECT FROM monthly_kpis WHERE codigo_cnbv = '040059' FOR UPDATE", "publish"),
    "monthly_kpis_cambios": ("LOCK TABLE monthly_kpis_cambios IN SHARE MODE", "publish"),
    "etl_run_sources": ("LOCK TABLE etl_run_sources IN SHARE MODE", "discovery"),
    "etl_run_checks": ("LOCK TABLE etl_run_checks IN SHARE MODE", "base"),
    "etl_runs": ("LOCK TABLE etl_runs IN SHARE MODE", None),
}


@pytest.mark.parametrize("what", LOCKS)
def test_a_lock_is_held_elsewhere(case: Case, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Longer than ``lock_timeout``: the run fails and says why, instead of hanging all night."""
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
    """A deferred trigger fails at COMMIT, when the row is already marked success."""
    ask(
        case.dsn,
        "CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'vetoed'; END $$;"
        "CREATE CONSTRAINT TRIGGER veto AFTER UPDATE ON monthly_kpis DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION veto()",
    )
    done = etl(*case.arguments, **case.settings())
    ask(case.dsn, "DROP FUNCTION veto CASCADE")
    case.assert_held("commit", "it is refused", done, 69, failure(69, "publish"))


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
    code = 74 if change == "deleted" else 75
    case.assert_held("hashed", f"a file is {change}", done, code, failure(code, "enhanced"))
