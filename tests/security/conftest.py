from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from support.databases import fresh_database
from support.roles import (
    GRANTS,
    OWNER,
    PASSWORD,
    READER,
    WRITER,
    as_role,
    run_as,
)
from support.servers import OwnServer, debian_programs, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = "local all bankadvisor trust\nlocal all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server that requires a password from everybody except its superuser; over TCP only with TLS, if it has TLS."""
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
    """An empty database of the owner; the superuser's connection string."""
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


@pytest.fixture
def granted(database: str, small: Path) -> str:
    """The database after the owner's first run and the GRANTs."""
    assert run_as(as_role(database, OWNER), small).code == 0
    with psycopg.connect(as_role(database, OWNER), password=PASSWORD) as connection:
        connection.execute(GRANTS.encode())
    return database
