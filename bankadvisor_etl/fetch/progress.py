"""The progress of a download: a line that is updated on a terminal, occasional log lines elsewhere."""

from __future__ import annotations

import time
from typing import Any, TextIO

_EVERY_TERMINAL, _EVERY_LOG = 0.1, 15.0
"""Seconds between two updates."""

_MB = 1_000_000


class Progress:
    """Shows the progress of downloads, at limited intervals."""

    def __init__(self, stream: TextIO, log: Any) -> None:
        """Show nothing yet."""
        self._stream, self._log = stream, log
        self._terminal = stream.isatty()
        self._next = time.monotonic() + (0 if self._terminal else _EVERY_LOG)

    def moved(self, name: str, size: int, total: int | None) -> None:
        """Show that ``size`` bytes of a file have arrived."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (_EVERY_TERMINAL if self._terminal else _EVERY_LOG)
        if self._terminal:
            share = f" of {total / _MB:.1f} MB, {100 * size / total:.0f} %" if total else " MB"
            self._stream.write(f"\r\033[K{name}: {size / _MB:.1f}{share}")
            self._stream.flush()
        else:
            self._log.info("fetch.progress", file=name, bytes=size, total=total)

    def clear(self) -> None:
        """Remove the line from the terminal."""
        if self._terminal:
            self._stream.write("\r\033[K")
            self._stream.flush()
