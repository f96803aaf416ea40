"""``psql-url``: access for other tools to the private PostgreSQL, and refused connections."""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from support.cli import Running, etl, started
from support.databases import temporary_folder
from support.small import FLOORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.database, pytest.mark.slow]


@pytest.fixture(scope="module")
def home(small_dir: Path) -> Iterator[Path]:
    """The folder of a private PostgreSQL in which the last months are published."""
    with temporary_folder() as folder:
        done = etl("run", "--embedded", "--data-dir", small_dir, XDG_DATA_HOME=folder, BANKADVISOR_THRESHOLD=FLOORS)
        assert done.code == 0, done
        yield folder


@contextmanager
def open_window(home: Path, *options: object, lines: int) -> Iterator[tuple[Running, list[str]]]:
    with started("psql-url", *options, XDG_DATA_HOME=home, PYTHONUNBUFFERED=1) as running:
        stream: Any = running.process.stdout
        yield running, [stream.readline().strip() for _ in range(lines)]


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM monthly_kpis_float").fetchone()
    assert row is not None
    return int(row[0])


def test_by_the_socket_until_it_is_told_to_stop(home: Path) -> None:
    with open_window(home, lines=1) as (running, (url,)):
        assert count(url) == 793
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM monthly_kpis")
        running.send(signal.SIGTERM)
        assert running.end().code == 0
        assert running.survivors == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_by_a_port_with_the_password_that_is_printed(home: Path) -> None:
    with open_window(home, "--port", 0, lines=2) as (running, (_, url)):
        assert count(url) == count(url.replace("sslmode=disable", "sslmode=prefer")) == 793
        for wrong in (url.replace(":" + url.split(":")[2].split("@")[0] + "@", ":guess@"), url.replace("@", "x@", 1)):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(wrong)
        # The user and the database that a tool requests make no difference.
        other = url.replace("bankadvisor_lector", "bankadvisor").replace("/bankadvisor?", "/postgres?")
        with psycopg.connect(other, autocommit=True) as connection:
            who = connection.execute(
                "SELECT current_user, current_database(), rolsuper FROM pg_roles WHERE rolname = session_user"
            ).fetchone()
            assert who == ("bankadvisor_lector", "bankadvisor", False)
            connection.execute("SET default_transaction_read_only = off")
            for statement in (
                "DELETE FROM monthly_kpis",
                "CREATE TABLE canary (i int)",
                "SET ROLE bankadvisor",
                "COPY (SELECT 1) TO PROGRAM 'true'",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
        running.send(signal.SIGINT)
        assert running.end().code == 0


def test_a_query_through_the_port_can_be_cancelled(home: Path) -> None:
    with open_window(home, "--port", 0, lines=2) as (_, (_, url)), psycopg.connect(url) as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SET statement_timeout = '50ms'; SELECT pg_sleep(30)")
        connection.rollback()
        connection.cancel_safe(timeout=5)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_noise_on_the_port_harms_nobody(home: Path) -> None:
    with open_window(home, "--port", 0, lines=2) as (_, (_, url)):
        port = int(url.split(":")[-1].split("/")[0])
        for noise in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\x7f\xff\xff\xff" * 4, b"\0\0\0\x09\0\3\0\0\0", b"\0\0\0\x04"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(noise)
                client.shutdown(socket.SHUT_WR)
                while client.recv(1000):
                    pass
        assert count(url) == 793


def test_it_ends_by_itself_and_a_port_that_is_taken_is_refused(home: Path) -> None:
    done = etl("psql-url", "--for", "1s", XDG_DATA_HOME=home)
    assert (done.code, done.out.count("postgresql://")) == (0, 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = etl("psql-url", "--port", taken.getsockname()[1], XDG_DATA_HOME=home)
    assert done.code == 78
