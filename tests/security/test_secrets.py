"""A password is never shown: not in the log, not on stderr, not in ``etl_runs``, not in ``ps``."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg.conninfo import make_conninfo

from bankadvisor_etl.errors import ConfigurationError, DatabaseError, message_of
from bankadvisor_etl.warehouse.connection import connect
from support.cli import etl, stopped_at
from support.published import ask, last_run
from support.roles import (
    MARKER,
    PASSWORD,
    VERBS,
    WRITER,
    as_role,
    assert_unsaid,
    contents,
    url,
)
from support.small import FLOORS


@pytest.mark.parametrize(
    "way", ["BANKADVISOR_DSN", "DATABASE_URL", "DATABASE_URL with a driver", "PGPASSWORD", "--dsn"]
)
def test_the_password_appears_nowhere_in_a_run(granted: str, small: Path, tmp_path: Path, way: str) -> None:
    """It is full of characters with a meaning in URLs, and it works; then the connection is also lost."""
    address = url(granted)
    settings: dict[str, object] = {"BANKADVISOR_THRESHOLD": FLOORS}
    options: list[object] = ["--force"]
    if way == "PGPASSWORD":
        settings |= {"BANKADVISOR_DSN": as_role(granted, WRITER), "PGPASSWORD": PASSWORD}
    elif way == "--dsn":
        options += ["--dsn", address]
    else:
        name, _, driver = way.partition(" ")
        settings[name] = address.replace("postgresql:", "postgresql+asyncpg:") if driver else address
    with stopped_at("read_base", tmp_path / "marker", "run", "--data-dir", small, *options, **settings) as running:
        commands = _command_lines(running.process.pid)
        assert running.process.pid in commands
        ask(granted, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [WRITER])
        (tmp_path / "marker").unlink()
        done = running.end()
    if way == "--dsn":  # the caller exposed it; the option's help warns about that
        shown = commands[running.process.pid]
        commands = {pid: line for pid, line in commands.items() if line != shown}
    assert done.code == 69
    assert last_run(granted)["status"] == "failure"
    assert_unsaid(done, contents(granted), *commands.values())
    options = [option for option in options if option != "--force"]
    done = etl("run", "--data-dir", small, *options, **settings)
    assert done.code == 0
    assert_unsaid(done, contents(granted))


def _command_lines(session: int) -> dict[int, str]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                found[int(folder.name)] = (folder / "cmdline").read_bytes().decode().replace("\0", " ")
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


CODES = {"health": (2,), "finalize": (0,)}


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_password_is_not_repeated(granted: str, verb: str) -> None:
    wrong = PASSWORD + "!"
    for settings in (
        {"BANKADVISOR_DSN": url(granted, password=wrong)},
        {"DATABASE_URL": url(granted, password=wrong)},
        {"BANKADVISOR_DSN": as_role(granted, WRITER), "PGPASSWORD": wrong},
        {"BANKADVISOR_DSN": make_conninfo(as_role(granted, WRITER), password=wrong)},
    ):
        done = etl(*VERBS[verb], INVOCATION_ID="x", **settings)
        assert done.code in CODES.get(verb, (69,)), done
        assert "password authentication failed" in done.out + done.err
        assert_unsaid(done, contents(granted))


DSNS = [
    f"postgresql://user:{MARKER}@127.0.0.1:1/db",
    f"postgresql://user:{quote(PASSWORD, safe='')}@no-such-host.invalid/db",
    f"host=127.0.0.1 port=1 password={MARKER}",
    f"postgresql:///db?host=127.0.0.1&port=1&password={MARKER}",
    f"postgresql://user:a/{MARKER}@127.0.0.1/db",
    f"postgresql://user:a@b{MARKER}@127.0.0.1:1/db",
    f"postgresql://user:{MARKER}@127.0.0.1:port/db",
    f"postgresql://user:{MARKER}@[::1/db",
    f"postgresql://user:{MARKER}%zz@127.0.0.1/db",
    f"host=127.0.0.1 password='{MARKER}",
    f"host=127.0.0.1 password={MARKER} and more",
    f"user:{MARKER}@127.0.0.1/db",
    f"mysql://user:{MARKER}@127.0.0.1/db",
    f"password = {MARKER} port = x host = 127.0.0.1",
    f"postgresql://user@127.0.0.1:1/db?passwd={MARKER}",
    f"postgresql://user:{MARKER}#x@127.0.0.1:1/db",
    f"postgresql://user:x?{MARKER}@127.0.0.1:1/db",
]
PIECES = ["ssw0rd", "hunter", "w0rdtail"]
AWKWARD = [
    f"{first}{letters}{second}"
    for letters in ("@", "/", ":", "%", "%41", "@@", "/@", ":@", "@:1", "?", "#", "%zz", "@/", " ", "://", "@[")
    for first, second in (("p", "ssw0rd"), ("hunter", "w0rdtail"))
]


@pytest.mark.parametrize("password", AWKWARD)
def test_no_piece_of_an_awkward_password_is_repeated(password: str) -> None:
    """The host fails in every form, whatever part of the password libpq would use as the host."""
    for dsn in (
        f"postgresql://user:{password}@no-such-host.invalid/db",
        f"postgres://user:{password}@127.0.0.1:1/db?connect_timeout=1",
        f"postgresql://user:{password}@no-such-host.invalid",
        f"postgresql://user:{quote(password, safe='')}@no-such-host.invalid/db",
        f"postgresql:///db?host=no-such-host.invalid&password={password}",
        f"postgresql://{password}@no-such-host.invalid:x/db",
        f"host=no-such-host.invalid user=user password={password}",
        f"host=user:{password}@no-such-host.invalid dbname=db",
        f"host=127.0.0.1 port=1 dbname=postgresql://user:{password}@other/db",
        f"user:{password}@no-such-host.invalid/db",
    ):
        with pytest.raises((ConfigurationError, DatabaseError)) as caught:
            connect(dsn)
        words = message_of(caught.value)
        assert not [piece for piece in PIECES if piece in words], (dsn, words)
        assert caught.value.__context__ is None or caught.value.__suppress_context__


UNREACHABLE, UNREADABLE = DSNS[0], DSNS[9]


@pytest.mark.parametrize(
    ("verb", "dsn"),
    [(verb, dsn) for verb in VERBS for dsn in (DSNS if verb == "health" else [UNREACHABLE, UNREADABLE])],
)
def test_a_connection_string_is_not_repeated(verb: str, dsn: str) -> None:
    """Neither an invalid string nor an unreachable one, whichever part libpq takes the password for."""
    done = etl(*VERBS[verb], BANKADVISOR_DSN=dsn, INVOCATION_ID="x")
    assert done.code in CODES.get(verb, (69, 78)), done
    assert done.out + done.err != ""
    assert_unsaid(done)
    assert "Traceback" not in done.out + done.err
