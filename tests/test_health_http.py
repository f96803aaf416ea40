"""One HTTP request on a socket, as passed by systemd; clients that are slow, malformed or gone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from support import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = "postgresql://nobody@127.0.0.1:1/nothing"


@contextmanager
def served(dsn: str = GONE) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """The client's end of an accepted connection, and the process at the other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    environment = {"PATH": os.environ["PATH"], "BANKADVISOR_DSN": dsn, **measured.passed_on()}
    command = [sys.executable, "-m", "bankadvisor_etl", "health-http"]
    with client, subprocess.Popen(command, stdin=accepted, stderr=subprocess.PIPE, env=environment) as process:
        accepted.close()
        client.settimeout(20)
        yield client, process


def answer_to(request: bytes, dsn: str = GONE) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer; the process succeeds without output."""
    with served(dsn) as (client, process):
        client.sendall(request)
        whole = b""
        while part := client.recv(65536):
            whole += part
        client.close()
        assert (process.wait(20), process.stderr and process.stderr.read()) == (0, b"")
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body) or not body
    return int(first.split()[1]), headers, body


def test_a_database_that_is_unreachable_is_503_and_json() -> None:
    status, headers, body = answer_to(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (status, headers["Content-Type"]) == (503, "application/json")
    assert json.loads(body)["status"] == "critical"
    assert "last_run_status" in json.loads(body)["etl"]


def test_head_has_no_body() -> None:
    assert answer_to(b"HEAD /health HTTP/1.0\r\n\r\n")[::2] == (503, b"")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /health/../etc/passwd HTTP/1.1\r\n\r\n", 404),
        (b"POST /health HTTP/1.1\r\nContent-Length: 9\r\n\r\nsome body", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
    ],
)
def test_any_other_request_is_refused_in_json(request_: bytes, expected: int) -> None:
    status, headers, body = answer_to(request_)
    assert status == expected
    assert set(json.loads(body)) == {"error"}
    assert ("Allow" in headers) == (expected == 405)


def test_a_client_that_sends_nothing_is_cut_off() -> None:
    begun = time.monotonic()
    assert answer_to(b"")[0] == 408
    assert time.monotonic() - begun < 15


def test_a_client_that_drips_gets_no_more_time() -> None:
    begun = time.monotonic()
    with served() as (client, process):
        for _ in range(40):
            if process.poll() is not None or time.monotonic() - begun > 15:
                break
            client.send(b"G")
            time.sleep(0.5)
            client.settimeout(0.01)
            try:
                if client.recv(9) == b"HTTP/1.1 ":
                    break
            except TimeoutError:
                continue
        assert 4 < time.monotonic() - begun < 12
        client.close()
        assert process.wait(20) == 0


def test_a_client_that_leaves_is_no_failure() -> None:
    with served() as (client, process):
        client.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        client.close()
        assert process.wait(30) == 0
