from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from nights import House
from sheets import load

from bankadvisor_etl.warehouse import runs, schema
from support.databases import fresh_database
from support.tables import recorded, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sheets import Table

TITLES = {
    "poorer": ("file", "what was changed", "figures before", "after", "exit", "finding"),
    "honest": ("file", "what was changed", "figures before", "after", "exit", "changes"),
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, title in TITLES.items():
        if rows := recorded(terminalreporter, name):
            terminalreporter.section(f"{name} files")
            write_table(terminalreporter, [title, *rows])
            terminalreporter.write_line(f"{len(rows)} {name} files")


@pytest.fixture(scope="session")
def inherited(server_dsn: str, small_dir: Path) -> Iterator[House]:
    """A database in which the small files are published, in a transaction that is never committed."""
    with fresh_database(server_dsn) as dsn, psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        schema.prepare(cursor)
        assert runs.begin(cursor, "manual") == 1
        house = House(cursor)
        assert house.night(small_dir).code == 0
        yield house


@pytest.fixture
def house(inherited: House) -> Iterator[House]:
    """The same for one test."""
    cursor = inherited.cursor
    cursor.execute("SAVEPOINT clean")
    yield House(cursor, dict(inherited.rows), dict(inherited.accepted))
    cursor.execute("ROLLBACK TO clean")


@pytest.fixture
def folder(small_dir: Path, tmp_path: Path) -> Path:
    """A folder of links to the small files: an edit replaces a link by a file."""
    for path in small_dir.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.fixture(scope="session")
def table(small_dir: Path) -> Callable[[str], Table]:
    """A copy of the rows of a small file, to be edited."""
    loaded: dict[str, Table] = {}

    def copy(name: str) -> Table:
        if name not in loaded:
            loaded[name] = load(small_dir / name)
        origin = loaded[name]
        return type(origin)(name, [list(row) for row in origin.rows], origin.sheet)

    return copy
