"""The log lines of a run, as named in the contract."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from support.small import (
    TASAS,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_events_carry_what_the_contract_says(dsn: str, small: Path) -> None:
    done = run(dsn, small, "--cron")
    keys = {
        "etl_runner.main.started": {"triggered_by"},
        "etl.started": {"run_id", "triggered_by"},
        "etl.phase.base.started": {"run_id"},
        "etl.phase.base.completed": {"run_id", "rows_processed"},
        "etl.phase.enhanced.started": {"run_id"},
        "etl.phase.enhanced.completed": {"run_id", "icap_rows", "tda_rows", "tasas_rows"},
        "etl.completed": {
            *("run_id", "status", "duration_seconds"),
            *("rows_base", "rows_icap", "rows_tda", "rows_tasas"),
            *("rows_inserted", "rows_updated", "figures_changed", "unchanged"),
        },
        "etl_runner.main.success": set(),
    }
    for name, expected in keys.items():
        assert done.event(name).keys() == {"timestamp", "level", "event"} | expected
    for event in done.events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event["timestamp"])
        assert event["level"] in {"info", "warning"}
    assert done.event("etl.started")["triggered_by"] == "cron"
    completed = done.event("etl.completed")
    assert (completed["rows_base"], completed["rows_icap"], completed["rows_tda"], completed["rows_tasas"]) == (
        *(793, 751, 757, 674),
    )
    assert {event["run_id"] for event in done.events[1:-1]} == {1}


def test_the_plain_format(published: str, small: Path) -> None:
    lines = run(published, small, "--log-format", "plain", ETL_TRIGGER="cron").out.splitlines()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    patterns = [
        rf"{stamp} etl_runner\.main\.started triggered_by=cron",
        rf"{stamp} etl\.started run_id=2 triggered_by=cron",
        (
            rf"{stamp} etl\.completed run_id=2 status=success duration_seconds=\d+\.\d+"
            r" rows_base=793 rows_icap=751 rows_tda=757 rows_tasas=674 rows_inserted=0 rows_updated=0"
            r" figures_changed=0 unchanged=True"
        ),
        rf"{stamp} etl_runner\.main\.success",
    ]
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


def test_the_log_level_hides_what_is_below_it(published: str, small: Path) -> None:
    (small / TASAS).unlink()
    done = run(published, small, "--log-level", "warning")
    assert {event["level"] for event in done.events} == {"warning"}
    assert [event["event"] for event in done.events] == ["etl.source.missing", "etl.check.failed"]


def test_nothing_but_log_lines_in_a_pipe(published: str, small: Path) -> None:
    done = run(published, small, "--force")
    assert done.err == ""
    assert all(line.startswith("{") for line in done.out.splitlines())
