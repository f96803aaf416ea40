"""The output of a run at a terminal: a line per file, a sentence per new finding, a failure once.

A renderer for ``log.configure``: it turns log events into lines no wider than the terminal. During a wait the last
line of the screen shows for how long, with a bar for a long file; the next line overwrites it.
"""

from __future__ import annotations

import os
import shutil
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

import click
import structlog

from bankadvisor_etl import __version__
from bankadvisor_etl.looking.checks import in_english
from bankadvisor_etl.looking.names import with_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict, WrappedLogger

    from bankadvisor_etl.job.progress import Progress

WIPE = "\r\033[K"
TICK = 0.25
PATIENT = 1.0
"""Seconds before a wait is shown."""
WIDEST = 120
INDENT = 11
BAR = 20
COLOURS = {
    "read": "green",
    "missing": "yellow",
    "aside": "yellow",
    "warning": "yellow",
    "error": "red",
    "failed": "red",
}
QUIET = {
    "etl.phase.base.completed",
    "etl.phase.enhanced.completed",
    "etl.completed",
    "etl.failed",  # shown by etl_runner.main.failure
    "etl_runner.main.success",
    "etl_runner.main.skipped",  # shown by etl.skipped
}


class Terminal:
    """The renderer, for one run."""

    def __init__(self, stream: TextIO, watch: Callable[[], Progress | None], database: str = "") -> None:
        """Write to a terminal.

        Args:
            stream: the terminal.
            watch: returns how far a long file has been read.
            database: the option that other commands need for the run's database; empty if they find it the same way.
        """
        self._stream, self._watch, self.database = stream, watch, database
        self._waiting: tuple[str, float] | None = None
        self._ticker: threading.Thread | None = None
        self._run_id: int | None = None
        self._lines: dict[str, Callable[[EventDict], str | None]] = {
            "etl_runner.main.started": self._begin,
            "etl.started": self._started,
            "etl.phase.base.started": self._wait,
            "etl.phase.enhanced.started": self._wait,
            "etl.source.read": _read,
            "etl.source.missing": lambda e: _line("missing", f"{e['file']}: its columns stay as they are published"),
            "etl.source.set_aside": lambda e: _line("aside", f"{e['file']} is poorer than what is published: not used"),
            "etl.check.failed": _finding,
            "etl.sample.withdrawn": lambda e: _line("note", f"{e['rows']:,} rows of sample figures were withdrawn"),
            "etl.accept.unused": lambda e: _line("note", f"--accept {e['check']}: there was nothing to accept"),
            "etl.series.loaded": _series,
            "etl.source.moved": _moved,
            "etl.skipped": lambda e: _line("skipped", str(e["reason"])),
            "etl_runner.main.failure": self._failure,
        }

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        """The lines of an event, after clearing the line of the wait.

        Raises:
            structlog.DropEvent: the event is not shown.
        """
        name = event["event"]
        say = self._lines.get(name, _anything)
        text = None if name in QUIET else say(event)
        if text is None:
            raise structlog.DropEvent
        return WIPE + text

    def rest(self) -> None:
        """Stop showing a wait."""
        self._waiting = None
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
            self._put(WIPE)

    def _begin(self, _event: EventDict) -> str:
        self._wait_for("starting")
        return (
            click.style(f"bankadvisor-etl {__version__}", bold=True) if coloured() else f"bankadvisor-etl {__version__}"
        )

    def _started(self, event: EventDict) -> None:
        self._run_id = event["run_id"]

    def _wait(self, _event: EventDict) -> None:
        self._wait_for("working")

    def _failure(self, event: EventDict) -> str:
        self.rest()
        lines = [_line("failed", f"{with_names(event['error'])} (exit {event['exit_code']})")]
        if event.get("exception"):
            lines.append(event["exception"])
        if self._run_id is not None:
            more = f"bankadvisor-etl runs show {self._run_id}{self.database}"
            lines.append(_line("", f"nothing was published; more: {more}"))
        return "\n".join(lines)

    def _wait_for(self, what: str) -> None:
        self._waiting = what, time.monotonic()
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        said = ""
        while waiting := self._waiting:
            what, since = waiting
            seconds = time.monotonic() - since
            if seconds >= PATIENT and (text := waited(what, seconds, self._watch())) != said:
                self._put(WIPE + text)
                said = text
            time.sleep(TICK)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the terminal is gone; the run continues
            self._waiting = None


def waited(what: str, seconds: float, reading: Progress | None) -> str:
    """The line of a wait, with a bar while a long file is being read."""
    if reading is None:
        return f"  {what} ... {seconds:.0f} s"[: width() - 1]
    done = reading.position / reading.size
    bar = ("#" * round(done * BAR)).ljust(BAR, ".")
    return f"  {'reading':<{INDENT - 2}}{reading.name:<30.30}  [{bar}] {done:>4.0%}  {seconds:>4.0f} s"[: width() - 1]


def width() -> int:
    """The width of the terminal, limited to a readable one."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def coloured() -> bool:
    """Whether colours are wanted: https://no-color.org."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _line(word: str, text: str) -> str:
    """``word`` in its colour, followed by the text, wrapped and indented."""
    wrapped = textwrap.wrap(text, width() - INDENT - 1, break_on_hyphens=False) or [""]
    head = f"  {word:<{INDENT - 2}}"
    if coloured() and word in COLOURS:
        head = click.style(head, fg=COLOURS[word])
    return "\n".join([head + wrapped[0], *(" " * INDENT + more for more in wrapped[1:])])


def _read(event: EventDict) -> str:
    rows, aside = f"{event['rows_read']:,} rows", event["rows_rejected"]
    text = f"{event['file']:<30.30}  {rows:>14}  {event['seconds']:>5.1f} s"
    return _line("read", text + (f"  {aside:,} aside" if aside else ""))


def _series(event: EventDict) -> str:
    text = f"{event['new']:,} new, {event['changed']:,} changed, {event['unchanged']:,} as they were"
    restated = f"; {event['restated']:,} values restated" if event["restated"] else ""
    kept = f"; {event['withdrawn']:,} values that it lacks are kept" if event["withdrawn"] else ""
    return _line("series", f"{text}{restated}{kept}")


def _moved(event: EventDict) -> str:
    largest = f", the largest by {event['largest']:.3%} ({event['where']})" if event["figures"] else ""
    return _line(
        "moved", f"{event['rows']:,} bank-months to another source; {event['figures']:,} of their figures{largest}"
    )


def _finding(event: EventDict) -> str:
    word = "error" if event["severity"] == "error" and not event.get("accepted") else "warning"
    sample = f", such as {'; '.join(event['sample'][:2])}" if event.get("sample") else ""
    accepted = " (accepted)" if event.get("accepted") else ""
    return _line(
        word, with_names(f"{in_english(event['check'])}: {event['observed']}{sample}{accepted} [{event['check']}]")
    )


def _anything(event: EventDict) -> str:
    level = event["level"]
    words = {name: value for name, value in event.items() if name not in {"event", "level", "timestamp", "run_id"}}
    return _line(
        level if level in COLOURS else "note", " ".join([event["event"], *(f"{n}={v}" for n, v in words.items())])
    )


def summary(state: dict[str, Any], database: str = "") -> str:
    """The summary of a run, from ``warehouse.queries.state_after``; ``database`` as for ``Terminal``."""
    copied = f"; a copy of the month before, newest complete one {state['whole']:%Y-%m}" if state["copied"] else ""
    outcome = "dry run, nothing was published," if state["status"] == "dry_run" else "published"
    parts = [
        f"{outcome} in {state['seconds']:.1f} s",
        f"{state['rows']:,} rows: {state['inserted']:,} new, {state['updated']:,} changed",
    ]
    if state["unchanged"]:
        parts[1] = f"{state['rows']:,} rows, the files are those of the last success"
    lines = [_line("done", ", ".join(parts))]
    if state["newest"]:
        lines.append(_line("newest", f"{state['newest']:%Y-%m}, {state['banks']} banks{copied}"))
    if state["figures"]:
        bank, column, month, old, new, percent = state["largest"]
        moved = "" if percent is None else f", {percent:+,.1f} %"
        now = "withdrawn" if new is None else f"{new:,.6g}"
        lines.append(
            _line(
                "changed",
                f"{state['figures']:,} published figures, the largest {column} of {bank} in {month:%Y-%m}:"
                f" {old:,.6g} to {now}{moved}",
            )
        )
    if state["new_warnings"]:
        lines.append(_line("warnings", f"{len(state['new_warnings'])} new: {', '.join(state['new_warnings'])}"))
    lines.append(_line("next", f"bankadvisor-etl report{database} --open"))
    lines.append(_line("", f"bankadvisor-etl runs show {state['run_id']}{database}"))
    return "\n".join(lines)
