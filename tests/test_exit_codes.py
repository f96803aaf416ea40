"""Each kind of failure has its exit code, whatever the verb."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from bankadvisor_etl.cli import cli
from support import warm
from support.cli import UNREACHABLE, environment, etl, started, stopped_at
from support.published import everything, figures, last_run, runs
from support.small import CARTERA, ICAP, run, set_cell, small_settings

NO_DATABASE_NEEDED = {"check", "sample-data", "diccionario", "doctor", "fetch", "health-http", "reconcile"}
"""Or they report it otherwise: doctor with a line, health-http with an HTTP status."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run", "--nonsense"],
        ["run", "--log-format", "xml"],
        ["run", "--keep-days", "0"],
        ["run", "--keep-days", "36501"],
        ["run", "--keep-days", "9999999999"],
        ["run", "--dsn", "host=x", "--embedded"],
        ["runs", "--embedded", "show", "1", "--dsn", "host=x"],
        ["query", "--dsn", "", "SELECT 1"],
        ["health", "--max-age", "9999999999d"],
        ["health", "--max-age", "36"],
        ["health", "--format", "html"],
        ["runs", "--limit", "0"],
        ["runs", "--status", "partial"],
        ["runs", "show"],
        ["changes", "--desde", "yesterday"],
        ["sample-data"],
        ["query"],
    ],
    ids=" ".join,
)
def test_usage_exits_2(published: str, arguments: list[str]) -> None:
    before = everything(published)
    done = etl(*arguments, BANKADVISOR_DSN=published)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: ")
    assert everything(published) == before


def test_a_bug_exits_1_and_is_on_record(published: str, small: Path, tmp_path: Path) -> None:
    """In the process that computes, put there by a module that Python imports at startup."""
    (tmp_path / "sitecustomize.py").write_text(
        "import bankadvisor_etl.transforms.kpis as kpis\n"
        "def boom(*_): raise ZeroDivisionError('boom')\n"
        "kpis.base = boom\n"
    )
    before = figures(published)
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    with started("run", "--data-dir", small, "--force", **small_settings(published), PYTHONPATH=path) as running:
        done = running.end()
    assert done.code == 1
    assert "ZeroDivisionError: boom" in done.event("etl_runner.main.failure")["exception"]
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 1, "enhanced")
    assert row["error_message"] == "a bug: ZeroDivisionError: boom; please report it"
    assert figures(published) == before


def test_data_that_is_wrong_exits_65(published: str, small: Path) -> None:
    set_cell(small / CARTERA, "Cartera Total Etapa 3", lambda _: "n/d", Institucion="040059", Cve_Periodo="202503")
    done = run(published, small)
    assert done.code == last_run(published)["exit_code"] == 65
    message = last_run(published)["error_message"]
    for word in (CARTERA, "Sheet1", "Cartera Total Etapa 3", "n/d"):
        assert word in message


@pytest.mark.parametrize("closed", [".", "cnbv"])
@pytest.mark.parametrize("verb", ["check", "reconcile"])
def test_a_folder_that_may_not_be_read_exits_74(verb: str, closed: str, small: Path) -> None:
    """CNBV's folder, too: an unreadable folder is not an empty one."""
    (small / "cnbv").mkdir()
    (small / closed).chmod(0)
    with Path(os.devnull).open("r+") as nothing:
        streams = (nothing.fileno(),) * 3
        command = warm.start([verb, "--data-dir", str(small)], environment(), streams, bound_by_rights=True)
        code, _ = command.wait(60)
    (small / closed).chmod(0o700)
    assert code == 74


@pytest.mark.parametrize("verb", sorted(set(cli.every()) - NO_DATABASE_NEEDED - {"health", "finalize", "psql-url"}))
def test_a_database_that_is_away_exits_69(verb: str, small: Path) -> None:
    rest = {"query": ["SELECT 1"], "run": ["--data-dir", small], "export": [small / "x.csv"]}.get(verb, [])
    done = etl(verb, *rest, BANKADVISOR_DSN=UNREACHABLE)
    assert done.code == 69
    said = done.out if verb == "run" else done.err
    assert "the database cannot be reached" in said
    assert "Traceback" not in said


def test_an_input_that_cannot_be_read_exits_74(published: str, small: Path) -> None:
    (small / ICAP).write_bytes((small / ICAP).read_bytes()[:2000])
    done = run(published, small)
    assert done.code == last_run(published)["exit_code"] == 74
    assert ICAP in last_run(published)["error_message"]


def test_two_runs_at_once(published: str, small: Path, tmp_path: Path) -> None:
    """The first one succeeds, the second exits 75 and leaves no row; health reports that one is at work."""
    settings = small_settings(published)
    with stopped_at("begun", tmp_path / "marker", "run", "--data-dir", small, "--force", **settings) as first:
        second = etl("run", "--data-dir", small, **settings)
        assert second.code == 75
        assert [event["event"] for event in second.events] == [
            "etl_runner.main.started",
            "etl.skipped",
            "etl_runner.main.skipped",
        ]
        assert second.event("etl.skipped")["level"] == "warning"
        assert [row["status"] for row in runs(published)] == ["success", "running"]
        health = etl("health", BANKADVISOR_DSN=published)
        assert (health.code, health.json["etl"]["last_run_status"]) == (0, "running")
        (tmp_path / "marker").unlink()
        assert first.end().code == 0
    assert [row["status"] for row in runs(published)] == ["success", "success"]
    assert run(published, small).code == 0


@pytest.mark.parametrize("verb", sorted(set(cli.every()) - NO_DATABASE_NEEDED - {"finalize", "psql-url"}))
def test_no_database_named_exits_78_and_names_the_choices(verb: str) -> None:
    rest = {"query": ["SELECT 1"], "run": ["--data-dir", "/"], "export": ["x.csv"]}.get(verb, [])
    done = etl(verb, *rest)
    assert done.code == 78
    said = done.out if verb == "run" else done.err
    for choice in ("--dsn", "BANKADVISOR_DSN", "DATABASE_URL", "PGHOST", "--embedded"):
        assert choice in said


@pytest.mark.parametrize("dsn", ["postgresql://user@[::1/db", "no equals sign", "host=x nonsense=1", "http://x/y"])
def test_a_connection_string_that_is_none_exits_78(dsn: str) -> None:
    done = etl("runs", "--dsn", dsn)
    assert (done.code, done.out) == (78, "")
    assert "connection string" in done.err


@pytest.mark.parametrize("threshold", ["floor_cartera=many", "floor=3", "floor_cartera"])
def test_a_threshold_that_is_none_exits_78(published: str, small: Path, threshold: str) -> None:
    done = etl("run", "--data-dir", small, "--threshold", threshold, BANKADVISOR_DSN=published)
    assert done.code == 78
    assert len(runs(published)) == 1  # none was begun
    assert "threshold" in done.event("etl_runner.main.failure")["error"]


def test_sigterm_exits_143_and_closes_the_row(published: str, small: Path, tmp_path: Path) -> None:
    before = figures(published)
    settings = small_settings(published)
    with stopped_at("hashed", tmp_path / "marker", "run", "--data-dir", small, "--force", **settings) as running:
        running.send(signal.SIGTERM)
        done = running.end()
        assert running.survivors == []
    assert done.code == 143
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 143, "discovery")
    assert row["error_message"] == "stopped by SIGTERM"
    assert done.event("etl_runner.main.failure")["exit_code"] == 143
    assert figures(published) == before


def test_ctrl_c_closes_the_row(published: str, small: Path, tmp_path: Path) -> None:
    settings = small_settings(published)
    with stopped_at("staged", tmp_path / "marker", "run", "--data-dir", small, "--force", **settings) as running:
        running.send(signal.SIGINT)
        assert running.end().code == 130
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["error_message"]) == ("failure", 130, "stopped by Ctrl-C")


def test_sigterm_while_it_connects(tmp_path: Path) -> None:
    """A server that accepts but does not answer: the run can be stopped nevertheless."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".s.PGSQL.5432"))
        listener.listen()
        with started("run", "--data-dir", tmp_path, BANKADVISOR_DSN=f"host={tmp_path} dbname=x") as running:
            connection, _ = listener.accept()
            running.send(signal.SIGTERM)
            done = running.end()
            connection.close()
    assert done.code == 143
    assert done.event("etl_runner.main.failure")["error"] == "stopped by SIGTERM"


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
def test_sigterm_while_it_starts(published: str, small: Path, seconds: float) -> None:
    """Whatever it is importing at that moment, it ends by the signal or closes its row, and leaves nothing behind."""
    with started("run", "--data-dir", small, "--force", **small_settings(published)) as running:
        time.sleep(seconds)
        running.send(signal.SIGTERM)
        done = running.end()
        assert running.survivors == []
    assert done.code in {143, -signal.SIGTERM}
    assert done.err == ""
    assert {row["status"] for row in runs(published)[1:]} <= {"failure"}
