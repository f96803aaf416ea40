from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from surgery import cut_to_last_months
from trial import let_everybody_in, run

from support.databases import fresh_database
from support.folders import made_once
from support.published import copy_of
from support.tables import recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trial import Outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    held = recorded(terminalreporter, "attack")
    if held:
        terminalreporter.section("attacks that were held")
        for kind, name, code, peak, seconds in held:
            figures = f"exit {code:3}  {peak / 1e6:4.0f} MB  {seconds:4.1f} s"
            terminalreporter.write_line(f"{kind:<16} {name:<40} {figures}")
        peak, slowest = max(case[3] for case in held) / 1e6, max(case[4] for case in held)
        terminalreporter.write_line(f"{len(held)} attacks held; at most {peak:.0f} MB resident and {slowest:.1f} s")


@pytest.fixture
def held(record_property: Callable[[str, object], None]) -> Callable[[str, str, Outcome], None]:
    """Called with kind, name and outcome of an attack that was repelled, for the table at the end."""
    return lambda kind, name, done: record_property("attack", [kind, name, done.code, done.peak, done.seconds])


@pytest.fixture(scope="session")
def target_dir(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sample data with the months from 202401 on, always the same bytes, not to be written to."""

    def make(folder: Path) -> None:
        cut_to_last_months(Path(shutil.copytree(sample_dir, folder)))

    return made_once(tmp_path_factory, "target", make)


@pytest.fixture
def target(target_dir: Path, tmp_path: Path) -> Path:
    """A copy of the target's files that a test may break."""
    return Path(shutil.copytree(target_dir, tmp_path / "data"))


@pytest.fixture(scope="session")
def hit_template(server_dsn: str, target_dir: Path) -> Iterator[str]:
    """A database in which the target's files were published once, to be copied."""
    let_everybody_in(server_dsn)
    with fresh_database(server_dsn) as database:
        outcome = run(target_dir, database)
        assert outcome.code == 0, outcome
        yield database


@pytest.fixture
def hit(hit_template: str) -> Iterator[str]:
    """The connection string of a database for one test, in which run 1 published the files of ``target``."""
    with copy_of(hit_template) as database:
        yield database
