from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from support import measured
from support.databases import NONE_FOUND, Source, choose_source, fresh_database
from support.folders import find_real_data, made_once
from support.published import copy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent
SOURCE = pytest.StashKey[Source | None]()
DATABASE_FILES = {"test_embedded.py", "test_server.py"}
"""Test files that start servers of their own."""
SLOW_FIXTURES = {"real_data", "staged"}
"""Fixtures of slow tests; ``staged`` installs the package twice."""
SLOW_FILES = {"test_bounds.py", "test_child.py", "test_fetch.py"}
"""Test files without a database that still take half a minute."""
VERSION = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bankadvisor-etl")
    group.addoption(
        "--dsn",
        default=os.environ.get("BANKADVISOR_TEST_DSN"),
        help="the PostgreSQL to make databases in (default: $BANKADVISOR_TEST_DSN, else one started for it)",
    )
    group.addoption("--pg-bin", type=Path, metavar="DIR", help="start the PostgreSQL whose initdb lies here")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SOURCE] = choose_source(config.option.dsn, config.option.pg_bin)


def pytest_report_header(config: pytest.Config) -> str:
    source = config.stash[SOURCE]
    return f"PostgreSQL: {source.name if source else 'none'}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if version := config.stash.get(VERSION, None):
        terminalreporter.write_line(f"ran on PostgreSQL {version}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # under xdist: passed to the process that writes the report
        session.config.workeroutput["postgresql"] = session.config.stash.get(VERSION, None)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    if version := getattr(node, "workeroutput", {}).get("postgresql"):
        node.config.stash[VERSION] = version


@pytest.hookimpl(tryfirst=True)  # before -m selects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        folder = item.path.relative_to(TESTS).parts[0]
        if "real_data" in fixtures:
            item.add_marker(pytest.mark.real)
        if "server_dsn" in fixtures or folder == "security" or item.path.name in DATABASE_FILES:
            item.add_marker(pytest.mark.database)
        if SLOW_FIXTURES & fixtures or folder in {"attacks", "poorer"} or item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _children_that_end() -> None:
    if measured.passed_on():
        measured.let_children_end()


@pytest.fixture(scope="session")
def server_dsn(pytestconfig: pytest.Config) -> Iterator[str]:
    source = pytestconfig.stash[SOURCE]
    if source is None:
        pytest.exit(NONE_FOUND, returncode=pytest.ExitCode.USAGE_ERROR)
    with source.serve() as dsn:
        with psycopg.connect(dsn) as connection:
            pytestconfig.stash[VERSION] = f"{connection.info.parameter_status('server_version')} ({source.name})"
        yield dsn


@pytest.fixture
def dsn(server_dsn: str) -> Iterator[str]:
    """The connection string of an empty database for one test."""
    with fresh_database(server_dsn) as database:
        yield database


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the regulator's real files, not to be written to."""
    return find_real_data()


@pytest.fixture(scope="session")
def sample_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sample data, not to be written to: tests share it."""
    from bankadvisor_etl.sample_data import write_sample  # noqa: PLC0415 (polars: only where it is needed)

    return made_once(tmp_path_factory, "sample", write_sample)


@pytest.fixture
def data_dir(sample_dir: Path, tmp_path: Path) -> Path:
    """A copy of the sample data that a test may change."""
    return Path(shutil.copytree(sample_dir, tmp_path / "data"))


@pytest.fixture(scope="session")
def small_dir(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sample data's last months (``support.small``), not to be written to."""
    from support.small import write_small  # noqa: PLC0415 (openpyxl: only where it is needed)

    return made_once(tmp_path_factory, "small", lambda folder: write_small(sample_dir, folder))


@pytest.fixture
def small(small_dir: Path, tmp_path: Path) -> Path:
    """A copy of the sample data's last months that a test may change."""
    return Path(shutil.copytree(small_dir, tmp_path / "small"))


@pytest.fixture(scope="session")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two editions of CNBV's own files for the months of ``small`` (``support.official``), not to be written to."""
    from support.official import write_official  # noqa: PLC0415

    return made_once(tmp_path_factory, "editions", write_official)


@pytest.fixture(scope="session")
def published_template(server_dsn: str, small_dir: Path) -> Iterator[str]:
    """A database in which the last months were published once, to be copied; nobody is connected to it."""
    from support.cli import etl  # noqa: PLC0415
    from support.small import FLOORS  # noqa: PLC0415

    with fresh_database(server_dsn) as database:
        done = etl("run", "--data-dir", small_dir, BANKADVISOR_DSN=database, BANKADVISOR_THRESHOLD=FLOORS)
        assert done.code == 0, done
        yield database


@pytest.fixture
def published(published_template: str) -> Iterator[str]:
    """The connection string of a database for one test, in which run 1 published the files of ``small``."""
    with copy_of(published_template) as database:
        yield database
