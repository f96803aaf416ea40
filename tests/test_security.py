"""Who may do what, what is never said, and what every session is limited by."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from support.cli import Result, etl, stopped_at
from support.databases import fresh_database
from support.published import OUR_TABLES, ask, everything, figures, last_run, one, runs
from support.servers import OwnServer, debian_programs, own_server
from support.small import CARTERA, FLOORS, ICAP, delete_rows, set_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER, WRITER, READER = "bankadvisor_owner", "bankadvisor_writer", "bankadvisor_reader"
GRANTS = (Path(__file__).parent / "support" / "roles.sql").read_text(encoding="utf-8")
MARKER = "XYZZYmarker"
PASSWORD = f"p@ss/{MARKER}:100% 'q'"
RULES = "local all bankadvisor trust\nlocal all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server that asks everybody but its superuser for a password; over TCP only with TLS where it has it."""
    with own_server(debian_programs()) as mine:
        (mine.data / "pg_hba.conf").write_text(RULES if debian_programs() else RULES.partition("hostssl")[0])
        with psycopg.connect(mine.dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
            for role in (OWNER, WRITER, READER):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD))
                )
        yield mine


@pytest.fixture
def database(server: OwnServer) -> Iterator[str]:
    """An empty database of the owner's; its superuser's connection string."""
    with fresh_database(server.dsn) as dsn:
        name = sql.Identifier(conninfo_to_dict(dsn)["dbname"])
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(OWNER)))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
            for role, rights in ((WRITER, "CONNECT, TEMPORARY"), (READER, "CONNECT")):
                connection.execute(
                    sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(rights), name, sql.Identifier(role))  # type: ignore[arg-type]
                )
        yield dsn


def as_role(dsn: str, role: str) -> str:
    return make_conninfo(dsn, user=role)


def run(dsn: str, folder: Path, *options: object, **settings: object) -> Result:
    given = {"BANKADVISOR_DSN": dsn, "PGPASSWORD": PASSWORD} | settings
    return etl("run", "--data-dir", folder, *options, BANKADVISOR_THRESHOLD=FLOORS, **given)


@pytest.fixture
def granted(database: str, small: Path) -> str:
    """The database after the owner's first run and the GRANTs."""
    assert run(as_role(database, OWNER), small).code == 0
    with psycopg.connect(as_role(database, OWNER), password=PASSWORD) as connection:
        connection.execute(GRANTS.encode())
    return database


def restate(small: Path) -> None:
    """Change a figure, and take a month away."""
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    delete_rows(small / CARTERA, "Cve_Periodo", lambda month: month == "202507")


# --- least privilege


@pytest.mark.parametrize("first", ["run", "adopt"])
def test_the_writer_runs_what_the_owner_made(database: str, small: Path, first: str) -> None:
    owner, writer = as_role(database, OWNER), as_role(database, WRITER)
    made = run(owner, small) if first == "run" else etl("adopt", BANKADVISOR_DSN=owner, PGPASSWORD=PASSWORD)
    assert made.code == 0, made
    with psycopg.connect(owner, password=PASSWORD) as connection:
        connection.execute(GRANTS.encode())
    assert run(writer, small, "--force").code == 0
    assert one(database, "SELECT count(*) FROM monthly_kpis") == 793
    restate(small)
    assert run(writer, small, "--dry-run").code == 65  # a month is missing
    assert run(writer, small, "--allow-removals").code == 0
    assert one(database, "SELECT count(*) FROM monthly_kpis") == 793 - 42
    for verb in (["health"], ["runs"], ["runs", "show", "1"], ["changes"], ["finalize"]):
        done = etl(*verb, BANKADVISOR_DSN=writer, PGPASSWORD=PASSWORD, INVOCATION_ID="x")
        assert done.code == 0, done


NEEDED = [
    ("SELECT", "etl_schema"),
    *((right, "etl_runs") for right in ("SELECT", "INSERT", "UPDATE")),
    *((right, "etl_run_sources") for right in ("SELECT", "INSERT", "UPDATE")),
    *((right, "instituciones") for right in ("SELECT", "INSERT", "UPDATE")),
    *((right, "etl_run_checks") for right in ("INSERT", "DELETE")),
    *((right, "etl_rejects") for right in ("INSERT", "DELETE")),
    ("INSERT", "monthly_kpis_cambios"),
    *((right, "monthly_kpis") for right in ("SELECT", "INSERT", "UPDATE", "DELETE")),
]


def test_each_of_the_writers_rights_is_needed(granted: str, small: Path) -> None:
    """Without any one of them the run publishes nothing, exits 78 and says where to look; with all it succeeds."""
    writer = as_role(granted, WRITER)
    restate(small)
    before = figures(granted)
    for right, table in NEEDED:
        words = sql.SQL("{} {} ON {} {} bankadvisor_writer")
        grant = [sql.SQL(right), sql.Identifier(table)]  # type: ignore[arg-type]
        with psycopg.connect(granted, autocommit=True) as connection:
            connection.execute(words.format(sql.SQL("REVOKE"), *grant, sql.SQL("FROM")))
        done = run(writer, small, "--allow-removals")
        message = done.event("etl_runner.main.failure")["error"]
        assert (done.code, table in message) == (78, True), (right, table, message)
        assert "see 'Roles' in the README" in message
        assert figures(granted) == before
        with psycopg.connect(granted, autocommit=True) as connection:
            connection.execute(words.format(sql.SQL("GRANT"), *grant, sql.SQL("TO")))
    assert run(writer, small, "--allow-removals").code == 0
    # Besides these the writer may only look, for `runs show` and `changes`.
    held = ask(
        granted,
        "SELECT privilege_type::text, table_name::text FROM information_schema.role_table_grants WHERE grantee = %s",
        [WRITER],
    )
    looking = {("SELECT", table) for table in ("etl_run_checks", "etl_rejects", "monthly_kpis_cambios")}
    assert set(held) == set(NEEDED) | looking


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE monthly_kpis",
        "ALTER TABLE monthly_kpis ADD COLUMN mine integer",
        "TRUNCATE monthly_kpis",
        "CREATE TABLE mine (i integer)",
        "CREATE INDEX mine ON monthly_kpis (imor)",
        "DELETE FROM etl_runs",
        "DELETE FROM monthly_kpis_cambios",
        "UPDATE monthly_kpis_cambios SET valor_nuevo = 0",
        "UPDATE etl_run_checks SET passed = true",
        "UPDATE etl_schema SET version = 2",
        "GRANT ALL ON monthly_kpis TO PUBLIC",
    ],
)
def test_the_writer_may_not(granted: str, statement: str) -> None:
    before = everything(granted)
    with psycopg.connect(as_role(granted, WRITER), password=PASSWORD) as connection:
        error = psycopg.errors.InsufficientPrivilege
        if statement.startswith("GRANT"):
            connection.execute(statement)  # type: ignore[call-overload]  # PostgreSQL only warns, and grants nothing
        else:
            with pytest.raises(error):
                connection.execute(statement)  # type: ignore[call-overload]
    assert everything(granted) == before
    query = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_name = %s"
    assert one(granted, query, ["monthly_kpis"]) == 0


def test_the_reader_reads_four_tables_and_no_more(granted: str) -> None:
    readable = {"monthly_kpis", "monthly_kpis_cambios", "instituciones", "etl_runs"}
    with psycopg.connect(as_role(granted, READER), password=PASSWORD, autocommit=True) as connection:
        for table in OUR_TABLES:
            name = sql.Identifier(table)
            if table in readable:
                connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name))
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name))
            for statement in ("DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} ADD mine integer"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(sql.SQL(statement).format(name))
        for statement in ("CREATE TABLE mine (i integer)", "CREATE TEMPORARY TABLE mine (i integer)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL(statement))


def test_the_reader_may_ask_for_health_and_not_run(granted: str, small: Path) -> None:
    reader = {"BANKADVISOR_DSN": as_role(granted, READER), "PGPASSWORD": PASSWORD}
    for verb in (["health"], ["runs"], ["changes"], ["query", "SELECT count(*) FROM monthly_kpis"]):
        assert etl(*verb, **reader).code == 0
    before = everything(granted)
    done = run(reader["BANKADVISOR_DSN"], small)
    assert done.code == 78
    assert "see 'Roles' in the README" in done.event("etl_runner.main.failure")["error"]
    assert etl("query", "SELECT * FROM etl_rejects", **reader).code == 65
    assert everything(granted) == before


def test_a_writer_before_the_owner_is_refused(database: str, small: Path) -> None:
    done = run(as_role(database, WRITER), small)
    assert done.code == 78
    assert "lacks a privilege" in done.event("etl_runner.main.failure")["error"]
    assert everything(database) == {}


# --- secrets


def url(dsn: str, role: str = WRITER, password: str = PASSWORD) -> str:
    parts = conninfo_to_dict(dsn)
    host = quote(str(parts["host"]), safe="")
    return f"postgresql://{role}:{quote(password, safe='')}@{host}:{parts['port']}/{parts['dbname']}"


def assert_unsaid(done: Result, *more: str) -> None:
    for text in (done.out, done.err, *more):
        assert MARKER not in text
        assert quote(PASSWORD, safe="") not in text


def contents(dsn: str) -> str:
    """Every row of every table, as text."""
    with psycopg.connect(dsn) as connection:
        tables = [sql.Identifier(table) for table in everything(dsn)]
        return "\n".join(
            str(connection.execute(sql.SQL("SELECT t::text FROM {} t").format(table)).fetchall()) for table in tables
        )


@pytest.mark.parametrize(
    "way", ["BANKADVISOR_DSN", "DATABASE_URL", "DATABASE_URL with a driver", "PGPASSWORD", "--dsn"]
)
def test_the_password_appears_nowhere_in_a_run(granted: str, small: Path, tmp_path: Path, way: str) -> None:
    """It is full of letters that mean something in a URL, and it works; then the connection is lost, too."""
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
    if way == "--dsn":  # the caller showed it himself; the option's help warns of that
        commands.pop(running.process.pid)
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


VERBS = {
    "run": ["run", "--data-dir", "nowhere"],
    "health": ["health"],
    "runs": ["runs"],
    "changes": ["changes"],
    "query": ["query", "SELECT 1"],
    "adopt": ["adopt", "--dry-run"],
    "finalize": ["finalize"],
}
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
UNREACHABLE, UNREADABLE = DSNS[0], DSNS[9]


@pytest.mark.parametrize(
    ("verb", "dsn"),
    [(verb, dsn) for verb in VERBS for dsn in (DSNS if verb == "health" else [UNREACHABLE, UNREADABLE])],
)
def test_a_connection_string_is_not_repeated(verb: str, dsn: str) -> None:
    """Neither one that cannot be read nor one that leads nowhere, whichever part libpq takes the password for."""
    done = etl(*VERBS[verb], BANKADVISOR_DSN=dsn, INVOCATION_ID="x")
    assert done.code in CODES.get(verb, (69, 78)), done
    assert done.out + done.err != ""
    assert_unsaid(done)
    assert "Traceback" not in done.out + done.err


# --- limits of every session


def test_every_transaction_of_every_verb_sets_its_timeouts_first(server: OwnServer, database: str, small: Path) -> None:
    """By the server's own log: no statement stands outside of a transaction, and each begins with the timeouts."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%a %c '")
        connection.execute("SELECT pg_reload_conf()")
    begin = len((server.folder / "server.log").read_text())
    settings = {"BANKADVISOR_DSN": as_role(database, OWNER), "PGPASSWORD": PASSWORD, "INVOCATION_ID": "x"}
    assert run(settings["BANKADVISOR_DSN"], small).code == 0
    restate(small)
    assert run(settings["BANKADVISOR_DSN"], small, "--allow-removals").code == 0
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
        "import os; from bankadvisor_etl.warehouse import connection, reports\n"
        "from bankadvisor_etl.errors import DatabaseError\n"
        "connection.TIMEOUTS['statement_timeout'] = '200ms'\n"
        "try: reports.query(os.environ['DSN'], 'SELECT pg_sleep(30)')\n"
        "except DatabaseError as error: print(error)"
    )
    from support.cli import COMMAND, environment  # noqa: PLC0415

    done = subprocess.run(
        [COMMAND[0], "-c", code], env=environment(DSN=database), capture_output=True, text=True, check=True, timeout=20
    )
    assert "statement timeout" in done.stdout


# --- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority, a certificate of it for ``localhost``, and another authority."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    openssl(
        *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"),
    )
    openssl(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "2", "-extfile", "names", "-out", "server.crt"),
    )
    return folder


@pytest.fixture(scope="module")
def port(server: OwnServer, certificates: Path) -> int:
    """The port of localhost on which the server speaks TLS only."""
    if debian_programs() is None:
        pytest.skip("TLS takes a PostgreSQL with OpenSSL, as the system's packages are; the wheel has none")
    for name in ("server.key", "server.crt"):
        target = server.data / name
        target.write_bytes((certificates / name).read_bytes())
        target.chmod(0o600)
        server.account.own(target)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    # The socket in the folder bears the number too, and the other tests know it by 5432.
    server.restart("fast", listen_addresses="127.0.0.1", port=str(number), ssl="on", max_connections="20")
    return number


@pytest.fixture
def encrypted(server: OwnServer, port: int, certificates: Path, small: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A database of the owner's, and libpq's variables that lead to it over TLS."""
    root = make_conninfo(server.dsn, port=port)
    with fresh_database(root) as dsn:
        name = conninfo_to_dict(dsn)["dbname"]
        ask(dsn, f'ALTER DATABASE "{name}" OWNER TO {OWNER}')  # type: ignore[arg-type]
        yield (
            dsn,
            {
                "PGHOST": "localhost",
                "PGPORT": str(port),
                "PGUSER": OWNER,
                "PGDATABASE": str(name),
                "PGPASSWORD": PASSWORD,
                "PGSSLMODE": "verify-full",
                "PGSSLROOTCERT": str(certificates / "ca.crt"),
                "BANKADVISOR_DATA_DIR": str(small),
                "BANKADVISOR_THRESHOLD": FLOORS,
            },
        )


def test_a_run_over_tls_that_is_verified(encrypted: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    dsn, settings = encrypted
    with stopped_at("published", tmp_path / "marker", "run", **settings) as running:
        query = "SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = %s"
        sessions = ask(dsn, query, [OWNER])
        (tmp_path / "marker").unlink()
        assert running.end().code == 0
    assert sessions == [(True, "TLSv1.3")] * 2
    assert [row["status"] for row in runs(dsn)] == ["success"]
    as_url = (
        f"postgresql://{OWNER}:{quote(PASSWORD, safe='')}@localhost:{settings['PGPORT']}/{settings['PGDATABASE']}"
        f"?sslmode=verify-full&sslrootcert={quote(settings['PGSSLROOTCERT'], safe='')}"
    )
    assert etl("health", BANKADVISOR_DSN=as_url).code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"PGSSLROOTCERT": "other.crt"}, "certificate verify failed"),
        ({"PGHOST": "127.0.0.1"}, 'does not match host name "127.0.0.1"'),
        ({"PGSSLMODE": "disable"}, "no encryption"),
        ({"PGSSLROOTCERT": "missing.crt"}, "does not exist"),
    ],
    ids=["another authority", "another name", "no TLS", "no authority"],
)
def test_a_connection_that_cannot_be_verified_is_refused(
    encrypted: tuple[str, dict[str, str]], certificates: Path, change: dict[str, str], words: str
) -> None:
    dsn, settings = encrypted
    changed = {name: str(certificates / value) if name == "PGSSLROOTCERT" else value for name, value in change.items()}
    done = etl("run", **settings | changed)
    assert done.code == 69
    assert words in done.event("etl_runner.main.failure")["error"]
    assert_unsaid(done)
    assert everything(dsn) == {}


def test_sigterm_while_it_connects(tmp_path: Path) -> None:
    """A server that accepts and says nothing: the run is stopped all the same."""
    from support.cli import started  # noqa: PLC0415

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".s.PGSQL.5432"))
        listener.listen()
        with started("run", "--data-dir", tmp_path, BANKADVISOR_DSN=f"host={tmp_path} dbname=x") as running:
            connection, _ = listener.accept()
            running.send(signal.SIGTERM)
            done = running.end()
            connection.close()
    assert done.code == 143
    assert done.event("etl_runner.main.failure")["error"] == "stopped by SIGTERM"
