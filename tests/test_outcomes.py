"""Dry runs and failed runs, and their appearance in the verbs and in ``health``."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.cli import etl
from support.contract import FILES
from support.published import ask, everything, figures, last_run, one, runs
from support.small import (
    CARTERA,
    ICAP,
    run,
    set_cell,
)

if TYPE_CHECKING:
    from pathlib import Path

SMALL_ROWS = 793
MONITORING = (
    (
        "SELECT id, started_at, completed_at, status, duration_seconds, rows_processed_base, error_message"
        " FROM etl_runs ORDER BY started_at DESC LIMIT 10;"
    ),
    (
        "SELECT started_at, duration_seconds, rows_processed_base FROM etl_runs"
        " WHERE status = 'success' ORDER BY started_at DESC LIMIT 1;"
    ),
    (
        "SELECT id, started_at, error_message FROM etl_runs"
        " WHERE status = 'failure' AND started_at > NOW() - INTERVAL '7 days' ORDER BY started_at DESC;"
    ),
)


@pytest.mark.parametrize("changed", [False, True])
def test_a_dry_run_leaves_nothing_but_its_row(published: str, small: Path, *, changed: bool) -> None:
    if changed:
        set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    before = everything(published)
    done = run(published, small, "--dry-run")
    assert done.code == 0
    after = everything(published)
    assert {name for name in after if after[name] != before[name]} == {"etl_runs"}
    row = last_run(published)
    assert (row["status"], row["exit_code"]) == ("dry_run", 0)
    assert (row["rows_inserted"], row["rows_updated"], row["rows_unchanged"]) == (0, int(changed), 793 - int(changed))
    assert row["completed_at"] >= row["started_at"]
    assert done.event("etl.completed")["status"] == "dry_run"
    assert [event["event"] for event in done.events].count("etl.source.read") == len(FILES)


def test_a_dry_run_on_an_empty_database_makes_only_the_tables(dsn: str, small: Path) -> None:
    assert run(dsn, small, "--dry-run").code == 0
    filled = {name for name, content in everything(dsn).items() if not content.startswith("0 ")}
    assert filled == {"etl_schema", "etl_runs", "segmentos_cartera"}  # the segments have fixed ids


def test_a_dry_run_that_fails_says_so(published: str, small: Path) -> None:
    (small / ICAP).write_bytes(b"no workbook")
    before = everything(published)
    assert run(published, small, "--dry-run").code == 74
    after = everything(published)
    assert {name for name in after if after[name] != before[name]} == {"etl_runs"}
    assert last_run(published)["status"] == "failure"


def test_the_required_workbook_missing(published: str, small: Path) -> None:
    before = everything(published)
    away = (small / CARTERA).rename(small / "elsewhere")
    done = run(published, small)
    assert done.code == 74
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 74, "discovery")
    assert CARTERA in row["error_message"]
    assert row["completed_at"] is not None
    assert row["duration_seconds"] >= 0
    failed = done.event("etl.failed")
    assert (failed["error_class"], failed["phase"], failed["run_id"]) == ("InputError", "discovery", row["id"])
    assert failed["error"] == row["error_message"] == done.event("etl_runner.main.failure")["error"]
    after = everything(published)
    assert {name for name in after if after[name] != before[name]} == {"etl_runs"}
    health = etl("health", BANKADVISOR_DSN=published)
    assert (health.code, health.json["status"]) == (2, "critical")
    assert CARTERA in health.json["message"]
    away.rename(small / CARTERA)
    assert run(published, small).code == 0
    assert etl("health", BANKADVISOR_DSN=published).code == 0


def test_a_folder_that_is_missing(published: str, small: Path) -> None:
    """A typo in a setting is refused before a run begins: nothing is recorded."""
    done = run(published, small / "nowhere")
    assert done.code == 78
    assert str(small / "nowhere") in done.event("etl_runner.main.failure")["error"]
    assert len(runs(published)) == 1


def test_a_check_that_fails_publishes_nothing_and_keeps_its_findings(published: str, small: Path) -> None:
    before = figures(published)
    set_cell(small / CARTERA, "Cartera Total Etapa 1", lambda old: old + 1, Institucion="040059", Cve_Periodo="202503")
    done = run(published, small)
    assert done.code == 65
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 65, "audit")
    assert "stage_total_e1" in row["error_message"]
    assert "040059 202503" in row["error_message"]
    assert figures(published) == before
    query = "SELECT passed, observed, detail FROM etl_run_checks WHERE check_name = 'stage_total_e1' AND run_id = %s"
    ((passed, observed, detail),) = ask(published, query, [row["id"]])
    assert not passed
    assert observed.startswith("largest difference 1 MDP")
    assert detail == ["040059 202503 diferencia=1"]
    failed = {e["check"] for e in done.events if e["event"] == "etl.check.failed" and e["level"] == "error"}
    assert failed == {"stage_total_e1", "todas_is_stages", "sistema_is_sum"}
    assert one(published, "SELECT count(*) FROM etl_run_sources WHERE run_id = %s", [row["id"]]) == len(FILES)
    assert one(published, "SELECT count(*) FROM etl_rejects WHERE run_id = %s", [row["id"]]) == 3


def test_a_row_left_running_is_closed_by_the_next_run(published: str, small: Path) -> None:
    ask(published, "INSERT INTO etl_runs (status, started_at) VALUES ('running', now() - interval '2 hours')")
    assert run(published, small).code == 0
    _, dead, alive = runs(published)
    assert dead["status"] == "failure"
    assert dead["error_message"].startswith("abandoned")
    assert dead["duration_seconds"] == pytest.approx(7200, abs=30)
    assert alive["status"] == "success"


def test_the_three_monitoring_queries_work_as_written(published: str, small: Path) -> None:
    (small / CARTERA).rename(small / "elsewhere")
    run(published, small)
    newest, success, failure = (ask(published, query) for query in MONITORING)  # type: ignore[arg-type]
    assert [(row[0], row[3], row[5]) for row in newest] == [(2, "failure", 0), (1, "success", SMALL_ROWS)]
    assert success[0][2] == SMALL_ROWS
    assert [(row[0], CARTERA in row[2]) for row in failure] == [(2, True)]


def test_health_piped_to_jq_has_the_promised_shape(published: str) -> None:
    health = etl("health", BANKADVISOR_DSN=published)
    answer = subprocess.run(["jq", "-c", ".etl"], input=health.out, capture_output=True, text=True, check=True)
    etl_part = json.loads(answer.stdout)
    assert etl_part.keys() >= {
        "last_run_id",
        "last_run_started",
        "last_run_completed",
        "last_run_status",
        "last_run_duration_seconds",
        "last_run_rows",
    }
    assert (etl_part["last_run_id"], etl_part["last_run_status"], etl_part["last_run_rows"]) == (1, "success", 793)
    assert dt.datetime.fromisoformat(etl_part["last_run_started"]).utcoffset() == dt.timedelta(0)
