from __future__ import annotations

import datetime as dt
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.log import configure, is_journal

LEVELS = ("debug", "info", "warning", "error", "critical")

LIMIT = 48 * 1024
"""The longest line in bytes that journald does not split."""


class Clock(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return dt.datetime(2025, 11, 29, 2, 0, 1, 123456, tzinfo=tz)


@pytest.fixture(autouse=True)
def at_two_in_the_morning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("structlog.processors.datetime", SimpleNamespace(datetime=Clock, timezone=dt.timezone))
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)


def logged(style: str, level: str = "info", /, *, method: str = "info", event: str = "etl.started", **keys: Any) -> str:
    stream = io.StringIO()
    getattr(configure(style, level, stream), method)(event, **keys)
    return stream.getvalue()


def failing() -> ZeroDivisionError:
    try:
        return 1 // 0  # type: ignore[return-value]
    except ZeroDivisionError as error:
        return error


def test_a_plain_line() -> None:
    line = logged("plain", run_id=5, triggered_by="cron")
    assert line == "2025-11-29T02:00:01Z etl.started run_id=5 triggered_by=cron\n"


def test_a_json_line_begins_with_time_level_and_event() -> None:
    line = logged("json", run_id=5, triggered_by="cron", rows=[1, 2], file="Ñ.xlsx", none=None)
    assert line == (
        '{"timestamp": "2025-11-29T02:00:01.123456Z", "level": "info", "event": "etl.started", '
        '"run_id": 5, "triggered_by": "cron", "rows": [1, 2], "file": "Ñ.xlsx", "none": null}\n'
    )


def test_values_that_json_does_not_know_are_text(tmp_path: Path) -> None:
    found = json.loads(logged("json", path=tmp_path, day=dt.date(2025, 1, 1), error=DataError("wrong")))
    assert (found["path"], found["day"], found["error"]) == (str(tmp_path), "2025-01-01", "wrong")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("cron", "key=cron"),
        ("two words", 'key="two words"'),
        ("", 'key=""'),
        ("a=b", 'key="a=b"'),
        ('say "x"', 'key="say \\"x\\""'),
        ("two\nlines", 'key="two\\nlines"'),
        (["a", "b"], 'key="a, b"'),
        (["uno"], "key=uno"),
        ([], 'key=""'),
        (None, "key=None"),
        (1.5, "key=1.5"),
        ("Bansí", "key=Bansí"),
    ],
)
def test_plain_words_are_quoted_where_they_would_fall_apart(value: Any, words: str) -> None:
    assert logged("plain", key=value) == f"2025-11-29T02:00:01Z etl.started {words}\n"


@pytest.mark.parametrize(
    ("method", "said"), [("debug", ""), ("info", ""), ("warning", " level=warning"), ("error", " level=error")]
)
def test_a_plain_line_says_its_level_only_where_something_is_wrong(method: str, said: str) -> None:
    assert logged("plain", "debug", method=method) == f"2025-11-29T02:00:01Z etl.started{said}\n"


def test_lines_below_the_level_are_not_written() -> None:
    for position, level in enumerate(LEVELS):
        written = [bool(logged("json", level, method=method)) for method in LEVELS]
        assert written == [False] * position + [True] * (len(LEVELS) - position)
    assert logged("json", "WARNING", method="info") == ""


def test_auto_is_json_where_nobody_looks_and_plain_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    configure("auto", "info", terminal).info("etl.started", run_id=5)
    assert terminal.getvalue() == "2025-11-29T02:00:01Z etl.started run_id=5\n"
    assert json.loads(logged("auto"))["event"] == "etl.started"


def test_bound_keys_come_before_those_of_the_line() -> None:
    stream = io.StringIO()
    configure("plain", "info", stream).bind(run_id=5).info("etl.source.read", source="tda")
    assert stream.getvalue() == "2025-11-29T02:00:01Z etl.source.read run_id=5 source=tda\n"


def test_an_exception_is_one_value_of_the_line_with_its_stack() -> None:
    line = logged("json", method="error", event="etl_runner.main.failure", exc_info=failing())
    found = json.loads(line)
    assert line.count("\n") == 1
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert "return 1 // 0" in found["exception"]
    assert found["exception"].splitlines()[-1].startswith("ZeroDivisionError: ")
    assert "exc_info" not in found


def test_an_exception_in_plain_text_stays_on_its_line() -> None:
    line = logged("plain", method="error", exc_info=failing())
    assert line.startswith(
        '2025-11-29T02:00:01Z etl.started level=error exception="Traceback (most recent call last):\\n'
    )
    assert line.count("\n") == 1


def test_no_exception_is_no_key() -> None:
    assert "exc" not in logged("json", method="error", exc_info=None)


@pytest.mark.parametrize(
    "keys",
    [
        {"error": "x" * 200_000},
        {"error": "ñ" * 100_000},
        {"error": "\\" * 100_000, "run_id": 5},
        {"error": '"\n' * 50_000, "other": "y" * 45_000},
        {"sample": [f"040059 {number}" for number in range(20_000)]},
        {f"key{number}": "z" * 2_000 for number in range(100)},
    ],
)
def test_a_long_event_is_cut_to_what_the_journal_keeps_whole(keys: dict[str, Any]) -> None:
    line = logged("json", method="error", event="etl.failed", **keys)
    assert len(line.encode()) < LIMIT
    found = json.loads(line)
    assert list(found)[:3] == ["timestamp", "level", "event"]
    assert (found["level"], found["event"]) == ("error", "etl.failed")
    assert found.keys() >= keys.keys()
    assert any(str(found[name]).endswith("...") for name in keys)


def test_an_event_that_fits_is_not_cut() -> None:
    assert json.loads(logged("json", error="x" * 30_000))["error"] == "x" * 30_000


def journal(path: Path) -> str:
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}"


@pytest.mark.parametrize(
    ("method", "priority"), [("debug", 7), ("info", 5), ("warning", 4), ("error", 3), ("critical", 2)]
)
@pytest.mark.parametrize("style", ["json", "plain"])
def test_a_line_for_the_journal_carries_its_priority(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, style: str, method: str, priority: int
) -> None:
    path = tmp_path / "stdout"
    with path.open("w") as stream:
        monkeypatch.setenv("JOURNAL_STREAM", journal(path))
        getattr(configure(style, "debug", stream), method)("etl.started", run_id=5)
    line = path.read_text()
    head, _, rest = line.partition(">")
    assert head == f"<{priority}"
    assert json.loads(rest)["run_id"] == 5 if style == "json" else rest.startswith("2025-11-29T02:00:01Z etl.started")


def test_another_stream_than_the_journals_has_no_priority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "stdout", tmp_path / "journal"
    theirs.touch()
    monkeypatch.setenv("JOURNAL_STREAM", journal(theirs))
    with ours.open("w") as stream:
        assert not is_journal(stream)
        configure("plain", "info", stream).info("etl.started")
    assert ours.read_text() == "2025-11-29T02:00:01Z etl.started\n"


def test_a_stream_without_a_descriptor_is_no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")
    assert not is_journal(io.StringIO())
    with Path(os.devnull).open() as closed:
        pass
    assert not is_journal(closed)
