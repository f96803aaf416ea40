from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.databases import fresh_database, temporary_folder
from support.fault_case import RESTATED, Case, Record, publish
from support.proxy import Proxy, proxied
from support.published import copy_of, runs
from support.small import CARTERA, ICAP, editing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


HELD = pytest.StashKey[list[tuple[str, ...]]]()
NOT_TRIED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[HELD] = []
    config.stash[NOT_TRIED] = []


@pytest.fixture
def held(pytestconfig: pytest.Config) -> Record:
    """Called at the end of a case that was held, with what the table of the report says of it."""
    return lambda *columns: pytestconfig.stash[HELD].append(tuple(map(str, columns)))


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
    rows = [("stopped at", "by", "exit", "its row says", "the table"), *cases]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (value.ljust(width) for value, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
    terminalreporter.write_line(
        f"{len(cases)} fault cases held: the table whole, the record true, the next run a success, no row twice"
    )
    for why in config.stash[NOT_TRIED]:
        terminalreporter.write_line(f"not tried: {why}")


@pytest.fixture(scope="session")
def folders(small_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The old files and the new ones: a portfolio, and capital ratios that were all restated by a thousandth."""
    old, new = (tmp_path_factory.mktemp("faults") / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        for name in (CARTERA, ICAP):
            shutil.copy(small_dir / name, folder / name)
    with editing(new / ICAP) as sheet:
        places = [cell.column - 1 for cell in sheet[1] if cell.value in {"ICAP Total", "CCB", "CCF"}]
        for row in sheet.iter_rows(min_row=2):
            for place in places:
                if isinstance(row[place].value, int | float):
                    row[place].value *= 1.001
    return old, new


@pytest.fixture(scope="session")
def template(server_dsn: str, folders: tuple[Path, Path]) -> Iterator[tuple[str, str, str]]:
    """A database with the old figures, and the checksums of the old and the new ones."""
    old, new = folders
    with fresh_database(server_dsn) as database:
        before = publish(database, old)
        with copy_of(database) as another:
            after = publish(another, new)
            assert runs(another)[-1]["rows_updated"] == RESTATED
        assert before != after
        yield database, before, after


@pytest.fixture
def case(template: tuple[str, str, str], folders: tuple[Path, Path], tmp_path: Path, held: Record) -> Iterator[Case]:
    database, old, new = template
    with copy_of(database) as dsn:
        yield Case(dsn, Path(shutil.copytree(folders[1], tmp_path / "data")), old, new, held)


@pytest.fixture
def through(case: Case) -> Iterator[tuple[Proxy, str]]:
    """A proxy before the server, and the connection string through it."""
    with temporary_folder() as folder, proxied(case.dsn, folder) as (proxy, dsn):
        yield proxy, dsn
