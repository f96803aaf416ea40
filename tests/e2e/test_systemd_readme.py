"""Every command line of the operators' documentation, as written: with peer authentication, and with a password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from e2e import base
from e2e.container import wait_until
from e2e.machine import DATABASE, HOOK, NO_PATIENCE, PASSWORD, PGPASS, SAMPLE, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
MANUAL = (base.PROJECT / "systemd/README.md").read_text()
README = (base.PROJECT / "README.md").read_text()
OPERATORS = re.compile(r"Guía rápida|systemd|Taking over")
"""Headings of the README's sections for operators."""
NOT_RUN = {
    "systemctl edit bankadvisor-etl.timer": "opens an editor",
    "make deb": "needs a package index; test_systemd_deb.py runs it, outside",
    "apt install ./dist/bankadvisor-etl_*.deb": "test_systemd_deb.py runs it, as written",
    "make run": "no systemd in it; .ci/run has run it",
}
SECOND_USER = "bankadvisor-etl "
"""Commands with this prefix can also be run by the service's user."""
AUTHORITY = """
cd /root
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key \
    -out /usr/local/share/ca-certificates/authority.crt
openssl req -newkey rsa:2048 -nodes -subj /CN=db.example.com -keyout server.key -out server.csr
echo subjectAltName=DNS:db.example.com >server.ext
openssl x509 -req -in server.csr -CA /usr/local/share/ca-certificates/authority.crt -CAkey ca.key -CAcreateserial \
    -days 2 -extfile server.ext -out server.crt
for end in crt key; do install -o postgres -m 600 server.$end /var/lib/postgresql/db.$end; done
update-ca-certificates
grep -q db.example.com /etc/hosts || echo '127.0.0.1 db.example.com' >>/etc/hosts
"""
STAND_INS = {
    "mail": "#!/bin/sh\ncat >/tmp/mailed\n",
    "curl": '#!/bin/sh\ncase "$*" in *hc-ping.com*) exit 0 ;; *) exec /usr/bin/curl "$@" ;; esac\n',
}
"""Stand-ins for commands of the examples: the container has neither a mail server nor the Internet."""


def fenced(text: str, language: str) -> list[str]:
    """The blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def lines(blocks: list[str]) -> list[str]:
    """Command lines, with backslash continuations joined."""
    whole = "\n".join(blocks).replace("\\\n", "")
    return [line.strip() for line in whole.splitlines() if line.strip()]


def command_of(line: str) -> str:
    """A line without its comment."""
    return re.sub(r"\s+#.*", "", line)


def operators_lines(readme: str) -> list[str]:
    """The commands of the README's sections for operators: their sh blocks, fenced or indented."""
    found: list[str] = []
    for section in re.split(r"^(?=##+ )", readme, flags=re.MULTILINE):
        if OPERATORS.search(section.partition("\n")[0]):
            found += fenced(section, "sh") + re.findall(r"(?<=\n\n)((?:    .*\n)+)", section)
    return lines(found)


def setting(kind: str) -> str:
    """The manual's DSN for a local or a remote database."""
    (found,) = [
        block for block in fenced(MANUAL, "ini") if "BANKADVISOR_DSN" in block and ("@" in block) == (kind == "remote")
    ]
    return found


@pytest.fixture
def documented(machine: Machine) -> Iterator[Machine]:
    """A machine before the first step of the manual; restored afterwards."""
    for name, text in STAND_INS.items():
        machine.write(f"/usr/local/bin/{name}", text, 0o755)
    machine.run("sh", "-c", f"cp {SAMPLE}/* /src/")
    machine.psql("DROP DATABASE bankadvisor WITH (FORCE)", 'DROP ROLE IF EXISTS "bankadvisor-etl"', database="postgres")
    yield machine
    for name in STAND_INS:
        machine.path(f"/usr/local/bin/{name}").unlink()
    for leftover in (
        "/etc/bankadvisor-etl/no-fetch",
        "/etc/bankadvisor-etl/on-success",
        HOOK,
        "/etc/sudoers.d/bankadvisor-etl",
    ):
        machine.path(leftover).unlink(missing_ok=True)
    machine.run("systemctl", "disable", "--now", "bankadvisor-etl-health.socket", check=False)
    machine.make("install-units")
    machine.psql(
        "DROP DATABASE IF EXISTS bankadvisor WITH (FORCE)",
        'DROP ROLE IF EXISTS "bankadvisor-etl"',
        f"ALTER ROLE bankadvisor_etl PASSWORD '{PASSWORD}'",
        database="postgres",
    )


def type_in(machine: Machine, line: str, user: str = "root") -> tuple[str, str, int]:
    """Run a line as a user, in the checkout; the user, the line and the exit code."""
    shell = ["env", "EDITOR=true", "runuser", "-u", user, "--", "bash", "-o", "pipefail", "-c"]
    done = machine.run(*shell, f"cd /src && {line}", check=False)
    return user, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}" if done.returncode else line, done.returncode


def walk(machine: Machine, typed: list[str]) -> list[tuple[str, str, int]]:
    """Run each line as root, and as the service's user if the manual says so; return what failed."""
    results: list[tuple[str, str, int]] = []
    for line in typed:
        results.append(type_in(machine, line))
        if line.startswith(SECOND_USER):
            results.append(type_in(machine, line, "bankadvisor-etl"))
    return [result for result in results if result[2]]


def test_few_lines_are_not_run_and_each_is_there() -> None:
    written = {command_of(line) for line in lines(fenced(MANUAL, "sh")) + operators_lines(README)}
    assert written >= set(NOT_RUN) - {"make run"}
    assert len(written) > 30
    assert len(NOT_RUN) == 4


def test_the_manual_with_peer_authentication(documented: Machine) -> None:
    documented.write(SETTINGS, NO_PATIENCE + setting("local"))
    typed = [line for line in lines(fenced(MANUAL, "sh")) if command_of(line) not in NOT_RUN]
    assert walk(documented, typed) == []
    assert ": INVEX y el sistema</h1>" in documented.path("/srv/www/banca/index.html").read_text()
    assert not documented.path("/etc/bankadvisor-etl").exists()  # the last line purges


def test_the_manual_with_a_password_over_tls_with_verify_full(documented: Machine) -> None:
    documented.run("sh", "-ec", AUTHORITY)
    (secret,) = fenced(MANUAL, "text")
    password = secret.strip().rpartition(":")[2]
    documented.psql(
        f"ALTER ROLE bankadvisor_etl PASSWORD '{password}'",
        "ALTER SYSTEM SET ssl_cert_file = '/var/lib/postgresql/db.crt'",
        "ALTER SYSTEM SET ssl_key_file = '/var/lib/postgresql/db.key'",
        "ALTER SYSTEM SET ssl = on",
        "SELECT pg_reload_conf()",
        DATABASE,
        database="postgres",
    )
    wait_until(lambda: documented.psql("SHOW ssl", database="postgres") == "on\n", "the server speaks TLS")
    documented.write(SETTINGS, NO_PATIENCE + setting("remote"))
    documented.write(PGPASS, secret)
    typed = [line for line in lines(fenced(MANUAL, "sh")) if command_of(line) not in NOT_RUN]
    local = lines(fenced(MANUAL.partition("## A local PostgreSQL")[2].partition("## A remote")[0], "sh"))
    assert len(local) == 2
    assert walk(documented, [line for line in typed if line not in local]) == []


def test_the_readme_for_operators(documented: Machine) -> None:
    typed = [line for line in operators_lines(README) if command_of(line) not in NOT_RUN]
    assert len(typed) >= 8
    documented.psql(DATABASE, database="postgres")
    assert walk(documented, typed) == []
    assert {run["status"] for run in documented.etl_runs()} == {"success"}
