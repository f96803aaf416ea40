"""Health over HTTP, from a systemd socket; a password over TLS; a machine that is not configured yet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.container import wait_until
from e2e.machine import DATA, SETTINGS, TIMER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.machine import Machine

pytestmark = pytest.mark.e2e
SOCKET = "bankadvisor-etl-health.socket"
URL = "http://localhost:8001/health"
STATUS = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
TLS_DSN = (
    "postgresql://bankadvisor_etl@localhost/bankadvisor?sslmode=verify-full&sslrootcert=/etc/bankadvisor-etl/ca.crt"
)
SAMPLE_HEALTH = """#!/bin/sh
# The processes that answer and their kilobytes, many times a second.
rm -f /tmp/enough
until [ -e /tmp/enough ]; do
    ps -eo rss=,args= | awk '/bin\\/bankadvisor-etl health-htt[p]/ {n++; sum += $1} END {print n + 0, sum + 0}'
    sleep 0.05
done
"""
AUTHORITY = f"""
cd /etc/bankadvisor-etl
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout /root/ca.key -out ca.crt
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout /root/server.key -out /root/server.csr
echo subjectAltName=DNS:localhost >/root/server.ext
openssl x509 -req -in /root/server.csr -CA ca.crt -CAkey /root/ca.key -CAcreateserial -days 2 \
    -extfile /root/server.ext -out /root/server.crt
chmod 644 ca.crt
for end in crt key; do install -o postgres -m 600 /root/server.$end /var/lib/postgresql/server.$end; done
echo 'localhost:5432:bankadvisor:bankadvisor_etl:only\\:in-the-credential' >>/etc/bankadvisor-etl/pgpass
echo 'BANKADVISOR_DATA_DIR={DATA}' >{SETTINGS}
echo 'BANKADVISOR_DSN={TLS_DSN}' >>{SETTINGS}
"""


@pytest.fixture
def listening(machine: Machine) -> Iterator[Machine]:
    machine.run("systemctl", "enable", "--now", SOCKET)
    yield machine
    machine.run("systemctl", "disable", "--now", SOCKET)


def test_the_socket_is_off_until_it_is_enabled(machine: Machine) -> None:
    assert machine.run(*STATUS, URL, check=False).returncode == 7


def test_health_over_http_as_the_replaced_system_had_it(listening: Machine) -> None:
    assert listening.run(*STATUS, URL).stdout == "503"  # no run yet
    listening.succeed()
    told = json.loads(listening.run("sh", "-c", f"curl --silent {URL} | jq .etl").stdout)
    assert told["last_run_id"] == listening.etl_runs()[-1]["id"]
    assert listening.run(*STATUS, URL).stdout == "200"
    assert listening.run(*STATUS, "http://localhost:8001/").stdout == "404"
    assert listening.run(*STATUS, "--request", "DELETE", URL).stdout == "405"
    listening.run("systemctl", "stop", "postgresql")
    assert listening.run(*STATUS, URL).stdout == "503"


def test_two_hundred_requests_at_once_are_bounded(listening: Machine) -> None:
    listening.succeed()
    listening.write("/usr/local/bin/sample-health", SAMPLE_HEALTH, 0o755)
    sampler = listening.popen("sample-health")
    burst = f"seq 200 | xargs -P 200 -I@ {' '.join(STATUS)} --max-time 60 {URL} | grep -o 200 | wc -l; true"
    answered = int(listening.run("sh", "-c", burst).stdout)
    listening.run("touch", "/tmp/enough")  # noqa: S108 - the container's
    samples = [tuple(map(int, line.split())) for line in sampler.communicate()[0].splitlines()]
    assert answered >= 16  # MaxConnections=16: at least those are answered, the rest may be closed at once
    wait_until(lambda: listening.run(*STATUS, URL, check=False).stdout == "200", "the socket answers as before")
    assert listening.state(SOCKET) == "active"
    processes, kilobytes = (max(column) for column in zip(*samples, strict=True))
    assert 4 < processes <= 16
    assert kilobytes < 16 * 100 * 1024


def test_silent_clients_are_cut_off(listening: Machine) -> None:
    listening.succeed()
    hold = "for i in $(seq 16); do (exec 3<>/dev/tcp/127.0.0.1/8001; sleep 120) & done; sleep 1"
    listening.run("systemd-run", "--quiet", "--collect", "--unit=silent", "bash", "-c", f"{hold}; wait")
    wait_until(lambda: listening.run(*STATUS, URL, check=False).stdout == "200", "they make room", seconds=30)
    listening.run("systemctl", "stop", "silent")


def test_a_password_over_tls_with_verify_full(machine: Machine) -> None:
    machine.run("sh", "-ec", AUTHORITY)
    machine.psql(
        "ALTER SYSTEM SET ssl_cert_file = '/var/lib/postgresql/server.crt'",
        "ALTER SYSTEM SET ssl_key_file = '/var/lib/postgresql/server.key'",
        "ALTER SYSTEM SET ssl = on",
        "SELECT pg_reload_conf()",
        database="postgres",
    )
    wait_until(lambda: machine.psql("SHOW ssl", database="postgres") == "on\n", "the server speaks TLS")
    machine.succeed()
    assert json.loads(machine.run("bankadvisor-etl", "health").stdout)["status"] == "ok"
    assert machine.run("bankadvisor-etl", "doctor").returncode == 0


def test_a_machine_that_is_not_configured_has_no_timer_and_doctor_says_so(machine: Machine) -> None:
    machine.run("systemctl", "disable", "--now", TIMER)
    machine.path(SETTINGS).unlink()
    said = machine.make("install-units")
    assert machine.state(TIMER) == "inactive"
    assert [line.split()[1] for line in said.splitlines() if line.startswith("FAIL")] == ["settings", "timer"]
    machine.configure()
    machine.make("install-units")
    assert machine.state(TIMER) == "active"
