"""The rules of health and its output, with handmade states and without a database."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from bankadvisor_etl.cli.health import health
from bankadvisor_etl.job import health as rules
from bankadvisor_etl.job.health import CRITICAL, OK, UNKNOWN, WARNING, Data, Health, _judge, _with_data

NOW = datetime(2025, 11, 29, 12, 0, tzinfo=UTC)
DAY_AND_A_HALF = timedelta(hours=36)
HOUR = timedelta(hours=1)


def run(status: str, *, ago: timedelta, number: int = 7, **others: Any) -> dict[str, Any]:
    """A row of etl_runs that began ``ago`` and took 12.5 seconds."""
    over = status != "running"
    return {
        "id": number,
        "status": status,
        "started_at": NOW - ago - timedelta(seconds=12.5),
        "completed_at": NOW - ago if over else None,
        "duration_seconds": 12.5 if over else None,
        "rows_processed_base": 5235 if status == "success" else None,
        "warnings": 3,
        "error_message": None,
        **others,
    }


def judged(last: dict[str, Any] | None, success: dict[str, Any] | None, *, at_work: bool = False) -> tuple[str, str]:
    return _judge(last, success, NOW, DAY_AND_A_HALF, at_work=at_work)


FRESH = run("success", ago=10 * HOUR, number=6)


def test_no_run_is_unknown() -> None:
    assert judged(None, None) == (UNKNOWN, "no run yet; start one with bankadvisor-etl run")


@pytest.mark.parametrize(
    ("age", "status", "message"),
    [
        (timedelta(minutes=5), OK, "run 7 succeeded 5 min ago"),
        (timedelta(hours=36), OK, "run 7 succeeded 36.0 h ago"),
        (timedelta(hours=36, seconds=1), WARNING, "the last success is 36.0 h old, more than the 36.0 h allowed"),
        (timedelta(hours=72), WARNING, "the last success is 72.0 h old, more than the 36.0 h allowed"),
        (
            timedelta(hours=72, minutes=6),
            CRITICAL,
            "the last success is 72.1 h old, more than twice the 36.0 h allowed",
        ),
    ],
)
def test_only_a_fresh_success_is_well(age: timedelta, status: str, message: str) -> None:
    success = run("success", ago=age)
    assert judged(success, success) == (status, message)


def test_a_failure_is_critical_beside_the_freshest_success() -> None:
    last = run("failure", ago=timedelta(0), error_message="TDA.xlsx: the file is empty")
    assert judged(last, FRESH) == (CRITICAL, "run 7 failed: TDA.xlsx: the file is empty")
    assert judged(last, None)[0] == CRITICAL


def test_a_run_at_work_is_as_well_as_the_success_before_it() -> None:
    last = run("running", ago=timedelta(minutes=59))
    assert judged(last, FRESH, at_work=True) == (OK, "run 6 succeeded 10.0 h ago")
    assert judged(last, run("success", ago=40 * HOUR), at_work=True)[0] == WARNING
    assert judged(last, run("success", ago=80 * HOUR), at_work=True)[0] == CRITICAL


def test_the_first_run_at_work_is_a_warning() -> None:
    last = run("running", ago=timedelta(minutes=1))
    assert judged(last, None, at_work=True) == (WARNING, "run 7 is at work; no run has succeeded yet")


def test_a_run_at_work_for_more_than_an_hour_is_stuck() -> None:
    last = run("running", ago=61 * timedelta(minutes=1))
    status, message = judged(last, FRESH, at_work=True)
    assert (status, message) == (CRITICAL, "run 7 is stuck: at work since 2025-11-29 10:58 UTC")


def test_a_run_that_says_running_while_nobody_is_at_work_was_killed() -> None:
    status, message = judged(run("running", ago=timedelta(seconds=1)), FRESH)
    assert status == CRITICAL
    assert message.startswith("run 7 is marked running but no process is at work: it was killed")


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(days=300), timedelta(days=40_000)])
def test_a_success_in_the_future_is_never_well(printed: Any, ahead: timedelta) -> None:
    success = run("success", ago=-ahead)
    assert judged(success, success)[0] == WARNING
    assert judged(run("failure", ago=HOUR, number=8), success)[0] == CRITICAL
    shown = printed(state(WARNING, last_run=success, last_success=success), "nagios", 1)
    assert "age=" not in shown
    assert "-" not in shown.partition("|")[2]


@pytest.mark.parametrize(
    ("months", "limit", "status"),
    [(3, 3, OK), (4, 3, WARNING), (400, None, OK), (-1, None, WARNING), (0, 0, OK), (None, 0, OK)],
)
def test_old_data_is_a_warning_where_a_limit_is_given(months: int | None, limit: int | None, status: str) -> None:
    data = Data(date(2025, 1, 1), months)
    assert _with_data(OK, "", data, limit)[0] == status
    assert _with_data(CRITICAL, "", data, limit) == (CRITICAL, "")
    assert _with_data(UNKNOWN, "", data, limit) == (UNKNOWN, "")


def state(status: str, message: str = "all is well", **runs: Any) -> Health:
    return Health(status, message, NOW, **runs)


WELL = state(
    OK,
    last_run=run("success", ago=10 * HOUR),
    last_success=run("success", ago=10 * HOUR),
    next_run=NOW + 14 * HOUR,
    data=Data(date(2025, 9, 1), 2, 5, 1234, ("icap_not_rounded", "jump")),
)
FAILED = state(
    CRITICAL,
    "run 8 failed: cartera | total\nrow 3",
    last_run=run("failure", ago=HOUR, number=8, error_message="cartera | total\nrow 3"),
    last_success=run("success", ago=25 * HOUR),
)
WORKING = state(WARNING, "run 1 is at work; no run has succeeded yet", last_run=run("running", ago=HOUR, number=1))
NEVER = state(UNKNOWN, "no run yet")
AWAY = state(CRITICAL, "PostgreSQL cannot be reached")


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def printed(found: Health, style: str, code: int, *options: str) -> str:
        asked: list[tuple[str, timedelta]] = []
        monkeypatch.setattr(rules, "ask", lambda dsn, age, _months: asked.append((dsn, age)) or found)
        result = CliRunner().invoke(health, ["--dsn", "postgresql:///x", "--format", style, *options])
        assert result.exit_code == code, result.output
        assert len(asked) == 1
        assert asked[0][0].startswith("postgresql:///x")
        return str(result.stdout)

    return printed


def test_json_of_a_job_that_is_well(printed: Any) -> None:
    assert json.loads(printed(WELL, "json", 0)) == {
        "status": "ok",
        "message": "all is well",
        "etl": {
            "last_run_id": 7,
            "last_run_started": "2025-11-29T01:59:47.500000+00:00",
            "last_run_completed": "2025-11-29T02:00:00+00:00",
            "last_run_status": "success",
            "last_run_duration_seconds": 12.5,
            "last_run_rows": 5235,
            "last_run_error": None,
            "last_success_id": 7,
            "last_success_completed": "2025-11-29T02:00:00+00:00",
            "next_run": "2025-11-30T02:00:00+00:00",
        },
        "data": {
            "newest_month": "2025-09-01",
            "age_months": 2,
            "last_change_run_id": 5,
            "figures_changed": 1234,
            "new_warnings": ["icap_not_rounded", "jump"],
        },
    }


def test_json_of_a_failure_shows_the_last_success_beside_it(printed: Any) -> None:
    found = json.loads(printed(FAILED, "json", 2))
    assert (found["status"], found["etl"]["last_run_status"], found["etl"]["last_run_id"]) == ("critical", "failure", 8)
    assert found["etl"]["last_run_error"] == "cartera | total\nrow 3"
    assert (found["etl"]["last_success_id"], found["etl"]["last_run_rows"]) == (7, None)
    assert found["etl"]["last_success_completed"] == "2025-11-28T11:00:00+00:00"


def test_json_without_any_run(printed: Any) -> None:
    found = json.loads(printed(NEVER, "json", 3))
    assert (found["status"], found["message"]) == ("unknown", "no run yet")
    assert found["etl"].pop("last_run_status") == "never_run"
    assert set(found["etl"].values()) == {None}


def test_json_of_a_database_that_does_not_answer(printed: Any) -> None:
    found = json.loads(printed(AWAY, "json", 2))
    assert (found["status"], found["message"]) == ("critical", "PostgreSQL cannot be reached")
    assert set(found["etl"].values()) == {None}


def test_text(printed: Any) -> None:
    assert printed(WELL, "text", 0).splitlines() == [
        "ok: all is well",
        "last run      7, success, 2025-11-29 01:59 UTC, 12.5 s",
        "rows          5,235",
        "last success  7, 2025-11-29 02:00 UTC",
        "newest month  2025-09, 2 months old",
        "last changes  1,234 figures, run 5",
        "new warnings  icap_not_rounded, jump",
        "next run      2025-11-30 02:00 UTC",
    ]
    assert printed(WORKING, "text", 1).splitlines() == [
        "warning: run 1 is at work; no run has succeeded yet",
        "last run      1, running, 2025-11-29 10:59 UTC",
        "rows          none",
    ]
    assert printed(NEVER, "text", 3) == "unknown: no run yet\n"


def test_nagios_is_one_line_with_the_message_before_the_only_bar(printed: Any) -> None:
    well = "BANKADVISOR_ETL OK - all is well | age=36000s;129600;259200 duration=12.50s rows=5235 data_months=2\n"
    assert printed(WELL, "nagios", 0) == well
    failed = printed(FAILED, "nagios", 2)
    assert failed == (
        "BANKADVISOR_ETL CRITICAL - run 8 failed: cartera / total row 3 | age=90000s;129600;259200 duration=12.50s\n"
    )
    assert printed(NEVER, "nagios", 3) == "BANKADVISOR_ETL UNKNOWN - no run yet\n"
    assert printed(WORKING, "nagios", 1) == "BANKADVISOR_ETL WARNING - run 1 is at work; no run has succeeded yet\n"


def test_nagios_says_the_limits_that_were_asked_for(printed: Any) -> None:
    assert "age=36000s;7200;14400 " in printed(WELL, "nagios", 0, "--max-age", "2h")


def metrics(text: str) -> dict[str, float]:
    """The samples; each must follow its HELP and TYPE, as node_exporter requires."""
    lines = text.splitlines()
    found = {}
    for head, kind, sample in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        name, value = sample.split(" ")
        assert head.startswith(f"# HELP {name} ")
        assert kind == f"# TYPE {name} gauge"
        found[name.removeprefix("bankadvisor_etl_")] = float(value)
    return found


def test_prometheus(printed: Any) -> None:
    assert metrics(printed(WELL, "prometheus", 0)) == {
        "up": 1,
        "last_run_success": 1,
        "last_run_timestamp_seconds": 1764381587.5,
        "last_run_duration_seconds": 12.5,
        "last_run_rows": 5235,
        "last_run_warnings": 3,
        "data_age_months": 2,
        "last_change_figures": 1234,
        "new_warnings": 2,
        "last_success_timestamp_seconds": 1764381600,
    }
    assert metrics(printed(FAILED, "prometheus", 2)) == {
        "up": 0,
        "last_run_success": 0,
        "last_run_timestamp_seconds": 1764413987.5,
        "last_run_duration_seconds": 12.5,
        "last_run_warnings": 3,
        "new_warnings": 0,
        "last_success_timestamp_seconds": 1764327600,
    }
    assert metrics(printed(NEVER, "prometheus", 3)) == {"up": 0}
    assert metrics(printed(AWAY, "prometheus", 2)) == {"up": 0}


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        (" 36h ", DAY_AND_A_HALF),
        ("2d", timedelta(days=2)),
    ],
)
def test_ages_have_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, age: timedelta) -> None:
    asked: list[timedelta] = []
    monkeypatch.setattr(rules, "ask", lambda _dsn, given, _months: asked.append(given) or WELL)
    assert CliRunner().invoke(health, ["--dsn", "postgresql:///x", "--max-age", text]).exit_code == 0
    assert asked == [age]


@pytest.mark.parametrize("text", ["36", "h", "-1h", "1.5h", "1w", ""])
def test_an_age_that_is_none_is_a_usage_error(text: str) -> None:
    result = CliRunner().invoke(health, ["--dsn", "postgresql:///x", "--max-age", text])
    assert result.exit_code == 2
    assert "is not a number followed by s, m, h or d" in result.stderr
