from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


class Held(NamedTuple):
    """A fault, and what was left of it."""

    where: str
    what: str
    code: object
    row: str
    table: str


HELD = pytest.StashKey[list[Held]]()
NOT_TRIED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[HELD] = []
    config.stash[NOT_TRIED] = []


@pytest.fixture
def held(pytestconfig: pytest.Config) -> Callable[[str, str, object, str, str], None]:
    """Called at the end of a case that was held, with what the table of the report says of it."""
    return lambda *columns: pytestconfig.stash[HELD].append(Held(*columns))


@pytest.fixture
def not_tried(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Skip the case, and say so in the table too."""

    def skip(why: str) -> None:
        pytestconfig.stash[NOT_TRIED].append(why)
        pytest.skip(why)

    return skip


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    cases = config.stash.get(HELD, [])
    if not cases:
        return
    terminalreporter.section("faults")
    rows = [
        Held("stopped at", "by", "exit", "its row says", "the table"),
        *cases,
    ]
    widths = [max(len(str(value)) for value in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (str(value).ljust(width) for value, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
    terminalreporter.write_line(
        f"{len(cases)} fault cases held: the table whole, the record true, the next run a success, no row twice"
    )
    for why in config.stash[NOT_TRIED]:
        terminalreporter.write_line(f"not tried: {why}")
