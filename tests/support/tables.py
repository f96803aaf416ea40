"""Tables at the end of the tests' output, from what each test recorded, also with xdist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


def recorded(terminalreporter: pytest.TerminalReporter, name: str) -> list[Any]:
    """The values that tests passed to ``record_property`` with this name, in the order of their ids."""
    reports = [
        report
        for kind in ("passed", "skipped")
        for report in terminalreporter.stats.get(kind, [])
        if hasattr(report, "user_properties")
    ]
    reports.sort(key=lambda report: str(report.nodeid))
    return [
        value for report in reports if report.when == "call" for key, value in report.user_properties if key == name
    ]


def write_table(terminalreporter: pytest.TerminalReporter, rows: Sequence[Sequence[object]]) -> None:
    """Write rows in columns of minimum width."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
