"""The limits of every session."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING

import psycopg

from support.cli import COMMAND, environment, etl
from support.roles import (
    OWNER,
    PASSWORD,
    VERBS,
    as_role,
    restate,
    run_as,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import OwnServer


def test_every_transaction_of_every_verb_sets_its_timeouts_first(server: OwnServer, database: str, small: Path) -> None:
    """According to the server's log, no statement is outside a transaction, and each begins with the timeouts."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%a %c '")
        connection.execute("SELECT pg_reload_conf()")
    begin = len((server.folder / "server.log").read_text())
    settings = {"BANKADVISOR_DSN": as_role(database, OWNER), "PGPASSWORD": PASSWORD, "INVOCATION_ID": "x"}
    assert run_as(settings["BANKADVISOR_DSN"], small).code == 0
    restate(small)
    assert run_as(settings["BANKADVISOR_DSN"], small, "--allow-removals").code == 0
    verbs = [*VERBS.values(), ["runs", "show", "1"]]
    assert [etl(*verb, **settings).code for verb in verbs] == [74, 2, 0, 0, 0, 0, 0, 0]
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")
    sessions = defaultdict(list)
    for line in (server.folder / "server.log").read_text()[begin:].splitlines():
        if found := re.match(r"bankadvisor-etl (\S+) LOG:  (?:statement|execute [^:]*): (.*)", line):
            sessions[found[1]].append(found[2])
    assert len(sessions) >= 3 * 3 + len(verbs) - 1  # a run has three
    transactions = 0
    for statements in sessions.values():
        inside = False
        for statement, following in zip(statements, [*statements[1:], ""], strict=True):
            if statement.startswith("BEGIN"):
                inside, transactions = True, transactions + 1
                assert following.startswith("SELECT set_config"), following
            elif statement in {"COMMIT", "ROLLBACK"}:
                inside = False
            assert inside or statement in {"COMMIT", "ROLLBACK"}, statement
    assert transactions > 40


def test_the_timeouts_are_those_that_are_documented(database: str) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone")
    query = "SELECT " + ", ".join(f"current_setting('{name}') AS {name}" for name in names)
    settings = {"BANKADVISOR_DSN": as_role(database, OWNER), "PGPASSWORD": PASSWORD}
    assert etl("query", "--json", query, **settings).json == [
        dict(zip(names, ("2min", "20s", "1h", "UTC"), strict=True)),
    ]


def test_a_query_is_stopped_by_its_timeout(database: str) -> None:
    code = (
        "import os; from bankadvisor_etl.warehouse import connection, reader\n"
        "from bankadvisor_etl.errors import DatabaseError\n"
        "connection.TIMEOUTS['statement_timeout'] = '200ms'\n"
        "try: reader.query(os.environ['DSN'], 'SELECT pg_sleep(30)')\n"
        "except DatabaseError as error: print(error)"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", code], env=environment(DSN=database), capture_output=True, text=True, check=True, timeout=20
    )
    assert "statement timeout" in done.stdout
