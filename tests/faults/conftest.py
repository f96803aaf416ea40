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
from support.tables import recorded, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def held(record_property: Callable[[str, object], None]) -> Record:
    """Called at the end of a passed case, with its line for the table of the report."""
    return lambda *columns: record_property("fault", list(map(str, columns)))


@pytest.fixture
def not_tried(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Skip the case, also in the table."""

    def skip(why: str) -> None:
        record_property("fault not tried", why)
        pytest.skip(why)

    return skip


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    cases = recorded(terminalreporter, "fault")
    if not cases:
        return
    terminalreporter.section("faults")
    write_table(terminalreporter, [("stopped at", "by", "exit", "its row says", "the table"), *cases])
    terminalreporter.write_line(
        f"{len(cases)} fault cases held: the table whole, the record true, the next run a success, no row twice"
    )
    for why in recorded(terminalreporter, "fault not tried"):
        terminalreporter.write_line(f"not tried: {why}")


@pytest.fixture(scope="session")
def folders(small_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The old files and the new ones: a portfolio, and capital ratios that are all restated by a thousandth."""
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
    """A proxy in front of the server, and the connection string through it."""
    with temporary_folder() as folder, proxied(case.dsn, folder) as (proxy, dsn):
        yield proxy, dsn
