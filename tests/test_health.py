"""``health`` from the record of runs, in its four formats, and ``finalize``, which writes to it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, LiteralString

import pytest

from support.cli import UNREACHABLE, etl, stopped_at
from support.published import ask, everything, last_run, one, runs
from support.small import ICAP, run, set_cell, small_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _age(dsn: str, hours: int) -> None:
    ask(
        dsn,
        "UPDATE etl_runs SET started_at = started_at - make_interval(hours => %(hours)s),"
        " completed_at = completed_at - make_interval(hours => %(hours)s)",
        {"hours": hours},
    )


@pytest.mark.parametrize(
    ("hours", "options", "code", "status"),
    [
        (0, [], 0, "ok"),
        (35, [], 0, "ok"),
        (37, [], 1, "warning"),
        (71, [], 1, "warning"),
        (73, [], 2, "critical"),
        (37, ["--max-age", "2d"], 0, "ok"),
        (3, ["--max-age", "120m"], 1, "warning"),
        (3, ["--max-age", "3600s"], 2, "critical"),
    ],
)
def test_health_of_a_success_by_its_age(published: str, hours: int, options: list[str], code: int, status: str) -> None:
    _age(published, hours)
    done = etl("health", *options, BANKADVISOR_DSN=published)
    assert (done.code, done.json["status"]) == (code, status)
    assert done.json["etl"]["last_success_id"] == 1


def test_max_age_from_the_environment(published: str) -> None:
    _age(published, 3)
    assert etl("health", BANKADVISOR_DSN=published, BANKADVISOR_MAX_AGE="2h").code == 1
    assert etl("health", "--max-age", "4h", BANKADVISOR_DSN=published, BANKADVISOR_MAX_AGE="2h").code == 0


def test_health_of_a_failure(published: str) -> None:
    row = "INSERT INTO etl_runs (status, completed_at, error_message) VALUES ('failure', now(), 'broken |\nx')"
    ask(published, row)
    done = etl("health", BANKADVISOR_DSN=published)
    assert done.code == 2
    assert done.json["message"] == "run 2 failed: broken |\nx"
    assert (done.json["etl"]["last_run_id"], done.json["etl"]["last_success_id"]) == (2, 1)
    nagios = etl("health", "--format", "nagios", BANKADVISOR_DSN=published)
    assert nagios.code == 2
    assert nagios.out.count("\n") == 1
    assert re.fullmatch(
        r"BANKADVISOR_ETL CRITICAL - run 2 failed: broken / x \| age=\d+s;129600;259200 data_months=\d+\n", nagios.out
    )


def test_health_of_a_row_that_nobody_is_at_work_on(published: str) -> None:
    ask(published, "INSERT INTO etl_runs (status) VALUES ('running')")
    done = etl("health", BANKADVISOR_DSN=published)
    assert (done.code, done.json["etl"]["last_run_status"]) == (2, "running")
    assert "it was killed" in done.json["message"]


def test_health_of_a_run_that_is_stuck(published: str, small: Path, tmp_path: Path) -> None:
    _age(published, 2)
    settings = small_settings(published)
    with stopped_at("begun", tmp_path / "marker", "run", "--data-dir", small, **settings):
        ask(published, "UPDATE etl_runs SET started_at = now() - interval '61 minutes' WHERE status = 'running'")
        done = etl("health", BANKADVISOR_DSN=published)
    assert done.code == 2
    assert "stuck" in done.json["message"]


def test_health_of_the_first_run_while_it_is_at_work(dsn: str, small: Path, tmp_path: Path) -> None:
    settings = small_settings(dsn)
    with stopped_at("begun", tmp_path / "marker", "run", "--data-dir", small, **settings):
        done = etl("health", BANKADVISOR_DSN=dsn)
    assert (done.code, done.json["status"]) == (1, "warning")


def test_health_does_not_take_a_dry_run_for_a_run(published: str, small: Path) -> None:
    _age(published, 73)
    run(published, small, "--dry-run")
    done = etl("health", BANKADVISOR_DSN=published)
    assert (done.code, done.json["etl"]["last_run_status"]) == (2, "success")


def test_health_without_a_run(dsn: str) -> None:
    done = etl("health", BANKADVISOR_DSN=dsn)
    assert done.code == 3
    assert (done.json["status"], done.json["etl"]["last_run_status"]) == ("unknown", "never_run")
    assert "no run yet" in done.json["message"]
    assert etl("health", "--format", "nagios", BANKADVISOR_DSN=dsn).out.startswith("BANKADVISOR_ETL UNKNOWN - no run")


@pytest.mark.parametrize("style", ["json", "text", "nagios", "prometheus"])
def test_health_of_a_database_that_is_away_is_critical(style: str) -> None:
    done = etl("health", "--format", style, BANKADVISOR_DSN=UNREACHABLE)
    assert (done.code, done.err) == (2, "")
    expected = {
        "json": '"status": "critical"',
        "text": "critical: the database cannot be reached",
        "nagios": "BANKADVISOR_ETL CRITICAL - the database cannot be reached",
        "prometheus": "bankadvisor_etl_up 0",
    }
    assert expected[style] in done.out


def test_health_as_text_nagios_and_prometheus(published: str) -> None:
    text = etl("health", "--format", "text", BANKADVISOR_DSN=published).out.splitlines()
    assert re.fullmatch("ok: run 1 succeeded .+ ago", text[0])
    assert text[2].split() == ["rows", "793"]
    nagios = etl("health", "--format", "nagios", BANKADVISOR_DSN=published)
    assert re.fullmatch(
        r"BANKADVISOR_ETL OK - run 1 succeeded [^|]+ ago \| age=\d+s;129600;259200 duration=\d+\.\d\ds rows=793"
        r" data_months=\d+\n",
        nagios.out,
    )
    metrics = _metrics(etl("health", "--format", "prometheus", BANKADVISOR_DSN=published).out)
    row = last_run(published)
    assert metrics == {
        "bankadvisor_etl_up": 1,
        "bankadvisor_etl_last_run_success": 1,
        "bankadvisor_etl_last_run_timestamp_seconds": pytest.approx(row["started_at"].timestamp()),
        "bankadvisor_etl_last_run_duration_seconds": pytest.approx(row["duration_seconds"]),
        "bankadvisor_etl_last_run_rows": 793,
        "bankadvisor_etl_last_run_warnings": 3,
        "bankadvisor_etl_data_age_months": _months_since(published),
        "bankadvisor_etl_new_warnings": 3,
        "bankadvisor_etl_last_success_timestamp_seconds": pytest.approx(row["completed_at"].timestamp()),
    }


def _months_since(dsn: str) -> int:
    newest = one(dsn, "SELECT max(fecha) FROM monthly_kpis")
    today = datetime.now(UTC)
    return int((today.year - newest.year) * 12 + today.month - newest.month)


def test_health_of_the_data(published: str, small: Path) -> None:
    months = _months_since(published)
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    run(published, small)
    data = etl("health", BANKADVISOR_DSN=published).json["data"]
    newest = one(published, "SELECT max(fecha)::text FROM monthly_kpis")
    assert (data["newest_month"], data["age_months"]) == (newest, months)
    assert (data["last_change_run_id"], data["figures_changed"]) == (2, 1)
    failed = "SELECT check_name FROM etl_run_checks WHERE run_id = 2 AND NOT passed AND NOT known ORDER BY 1"
    assert data["new_warnings"] == [name for (name,) in ask(published, failed)]
    assert etl("health", "--max-data-age", months, BANKADVISOR_DSN=published).code == 0
    assert etl("health", "--max-data-age", months - 1, BANKADVISOR_DSN=published).code == 1
    assert etl("health", BANKADVISOR_MAX_DATA_AGE=0, BANKADVISOR_DSN=published).json["status"] == "warning"


def test_a_clock_that_was_ahead(published: str, small: Path) -> None:
    """The newest run is the one with the highest id, and a row in the future is also closed."""
    _age(published, -24 * 300)
    assert etl("health", BANKADVISOR_DSN=published).code == 1
    ask(published, "INSERT INTO etl_runs (status, started_at) VALUES ('running', now() + interval '1 year')")
    assert run(published, small, "--force").code == 0
    _, abandoned, last = runs(published)
    assert (abandoned["status"], abandoned["completed_at"]) == ("failure", abandoned["started_at"])
    assert abandoned["duration_seconds"] == 0
    done = etl("health", BANKADVISOR_DSN=published)
    assert (done.code, done.json["etl"]["last_run_id"], done.json["etl"]["last_success_id"]) == (0, 3, 3)
    assert 0 < last["duration_seconds"] < 60
    ask(published, "INSERT INTO etl_runs (status, completed_at, error_message) VALUES ('failure', now(), 'x')")
    assert etl("health", BANKADVISOR_DSN=published).code == 2
    assert [row["id"] for row in etl("runs", "--json", BANKADVISOR_DSN=published).json] == [4, 3, 2, 1]


def test_finalize_closes_a_row_of_the_future(published: str) -> None:
    ask(published, "INSERT INTO etl_runs (status, started_at, invocation_id) VALUES ('running', '2100-01-01', 'mine')")
    assert etl("finalize", BANKADVISOR_DSN=published, INVOCATION_ID="mine").code == 0
    row = last_run(published)
    assert (row["status"], row["duration_seconds"], row["completed_at"]) == ("failure", 0, row["started_at"])


@pytest.mark.parametrize("style", ["json", "text", "nagios", "prometheus"])
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE monthly_kpis_cambios CASCADE",
        "DROP TABLE monthly_kpis CASCADE",
        "DROP TABLE etl_run_checks",
        "ALTER TABLE etl_run_checks DROP COLUMN known",
        "ALTER TABLE etl_runs RENAME id TO x",
        "ALTER TABLE monthly_kpis RENAME fecha TO x",
        "DELETE FROM monthly_kpis",
    ],
)
def test_health_prints_its_line_whatever_is_missing(published: str, style: str, statement: LiteralString) -> None:
    ask(published, statement)
    done = etl("health", "--format", style, BANKADVISOR_DSN=published)
    assert done.code == (2 if "RENAME" in statement else 0)
    assert done.out.strip()
    assert done.err == ""


def _metrics(text: str) -> Mapping[str, float]:
    """Read the exposition format: HELP, TYPE and one value for each name."""
    lines = text.splitlines()
    found = {}
    for words, kind, sample in zip(lines[0::3], lines[1::3], lines[2::3], strict=True):
        name, value = sample.split(" ")
        assert re.fullmatch(rf"# HELP {name} .+", words)
        assert kind == f"# TYPE {name} gauge"
        found[name] = float(value)
    return found


def _running(dsn: str, invocation: str) -> None:
    ask(dsn, "INSERT INTO etl_runs (status, invocation_id) VALUES ('running', %s)", [invocation])


@pytest.mark.parametrize(
    ("end", "message", "code"),
    [
        (("signal", "killed", "KILL"), "killed by signal KILL (signal)", 137),
        (("oom-kill", "killed", "KILL"), "killed by signal KILL (oom-kill)", 137),
        (("timeout", "killed", "TERM"), "timed out, killed by signal TERM", 143),
        (("core-dump", "dumped", "ABRT"), "killed by signal ABRT (core-dump)", 134),
        (("exit-code", "exited", "1"), "ended with exit status 1 (exit-code) without closing its row", 1),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_finalize_closes_the_row_of_its_invocation(
    published: str, end: tuple[str, str, str], message: str, code: int
) -> None:
    _running(published, "mine")
    _running(published, "another")
    result, exit_word, status = end
    settings = {"SERVICE_RESULT": result, "EXIT_CODE": exit_word, "EXIT_STATUS": status}
    done = etl("finalize", BANKADVISOR_DSN=published, INVOCATION_ID="mine", **settings)
    assert (done.code, done.err) == (0, "")
    assert done.event("etl.finalized")["run_id"] == 2
    assert done.event("etl.finalized")["cause"] == message
    _, mine, another = runs(published)
    assert (mine["status"], mine["error_message"], mine["exit_code"]) == ("failure", message, code)
    assert mine["completed_at"] >= mine["started_at"]
    assert mine["duration_seconds"] >= 0
    assert (another["status"], another["completed_at"]) == ("running", None)


def test_finalize_leaves_a_closed_row_alone(published: str, small: Path) -> None:
    run(published, small, INVOCATION_ID="mine")
    before = everything(published)
    done = etl("finalize", BANKADVISOR_DSN=published, INVOCATION_ID="mine", SERVICE_RESULT="success", EXIT_STATUS="0")
    assert (done.code, done.err) == (0, "")
    assert everything(published) == before


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"BANKADVISOR_DSN": UNREACHABLE, "INVOCATION_ID": "mine"}, "cannot be reached"),
        ({"INVOCATION_ID": "mine"}, "no database is named"),
        ({"BANKADVISOR_DSN": "PUBLISHED"}, "INVOCATION_ID is not set"),
    ],
    ids=["away", "no database", "no invocation"],
)
def test_finalize_never_fails(published: str, settings: dict[str, str], said: str) -> None:
    _running(published, "mine")
    named = {name: published if value == "PUBLISHED" else value for name, value in settings.items()}
    done = etl("finalize", **named)
    assert (done.code, done.err) == (0, "")
    assert said in done.event("etl.finalize.skipped")["reason"]
    assert last_run(published)["status"] == "running"


def test_finalize_on_an_empty_database(dsn: str) -> None:
    assert etl("finalize", BANKADVISOR_DSN=dsn, INVOCATION_ID="mine").code == 0
    assert everything(dsn) == {}
