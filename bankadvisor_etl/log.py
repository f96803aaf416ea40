"""Log lines: JSON, one object per line, or plain text; with a priority prefix for the journal."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

PRIORITY = {"debug": 7, "info": 5, "warning": 4, "error": 3, "critical": 2}
"""syslog's priorities: journald removes ``<3>`` from a line and stores it with priority 3. Our ``info`` is one level
above systemd's own messages about a healthy unit, so that the unit can drop those (LogLevelMax=)."""

MAX_EVENT = 40_000
"""Bytes; journald splits lines over 48 KiB, and a split line is not valid JSON."""

SHORT = 40


def configure(
    style: str | structlog.typing.Processor, level: str, stream: TextIO | None = None
) -> structlog.stdlib.BoundLogger:
    """Return the logger of the process.

    Args:
        style: ``json``, ``plain``, ``auto`` (plain on a terminal and JSON elsewhere), or a renderer of events.
        level: the lowest level that is written.
        stream: the output; standard output unless given; nothing is written if that is closed.
    """
    stream = stream or sys.stdout
    # psycopg's warnings about a lost connection are also in the error that is raised; as plain text they are not JSON.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    if style == "auto":
        style = "plain" if stream and stream.isatty() else "json"
    render: structlog.typing.Processor = _json if style == "json" else _plain
    if callable(style):
        render = style
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ" if style == "plain" else "iso", utc=True),
        structlog.processors.format_exc_info,
        _journal(render) if is_journal(stream) else render,
    ]
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", _Unbroken(stream))),  # each line and its newline in one write
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
    )
    return logger


class _Unbroken:
    """A stream that may fail: a run does not fail because its log cannot be written (disk full, reader gone).

    Lines are written directly to the descriptor: what is stuck in a buffer would fail again with each line and at
    exit.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._torn = False
        try:
            self._descriptor = stream.fileno() if stream else None
        except (OSError, ValueError):  # an in-memory stream
            self._descriptor = None

    def write(self, text: str) -> None:
        if self._descriptor is None:
            if self._stream is not None:
                self._stream.write(text)
            return
        encoding, errors = getattr(self._stream, "encoding", "utf-8"), getattr(self._stream, "errors", "strict")
        rest = text.encode(encoding or "utf-8", errors or "strict")
        if self._torn and rest.strip():  # the disk was full in the middle of a line, and has space again
            rest = b"\n" + rest
        with suppress(OSError):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
                self._torn = bool(rest)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


def is_journal(stream: TextIO | None) -> bool:
    """Whether systemd connected the stream to the journal."""
    if stream is None:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    ordered = {**{name: event.pop(name) for name in ("timestamp", "level", "event")}, **event}
    line = _dumps(ordered)
    while len(line.encode()) > MAX_EVENT:
        longest = max(ordered, key=lambda name: len(str(ordered[name])))
        text = str(ordered.pop(longest))
        if len(text) > SHORT:
            ordered[longest] = text[: len(text) // 2] + "..."
        line = _dumps(ordered)
    return line


def _dumps(content: object) -> str:
    text = json.dumps(content, default=str, ensure_ascii=False)
    # A path that is not UTF-8 has surrogates, which a stream cannot write.
    return text if text.isprintable() else json.dumps(content, default=str)


def _plain(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    head = [event.pop("timestamp"), event.pop("event")]
    level = event.pop("level")
    words = {"level": level, **event} if PRIORITY[level] < PRIORITY["info"] else event
    return " ".join([*head, *(f"{name}={_word(value)}" for name, value in words.items())])


def _word(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=\n') else text


def _journal(render: structlog.typing.Processor) -> structlog.typing.Processor:
    def with_priority(logger: WrappedLogger, method: str, event: EventDict) -> str:
        priority = PRIORITY[event["level"]]
        return f"<{priority}>{render(logger, method, event)!s}"

    return with_priority
