"""TLS with ``verify-full``, with our own server and authority."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from support.cli import etl, stopped_at
from support.databases import fresh_database
from support.published import ask, everything, runs
from support.roles import (
    OWNER,
    PASSWORD,
    assert_unsaid,
)
from support.servers import OwnServer, debian_programs
from support.small import FLOORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    # The name of the socket also contains the port, and other tests expect 5432.
    server.restart("fast", listen_addresses="127.0.0.1", port=str(number), ssl="on", max_connections="20")
    return number


@pytest.fixture
def encrypted(server: OwnServer, port: int, certificates: Path, small: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A database of the owner, and libpq's variables to connect to it over TLS."""
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
