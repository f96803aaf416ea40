"""The hidden verb ``health-http``: answers one HTTP request on standard input, a socket accepted by systemd."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from bankadvisor_etl.cli.health import Duration, to_json
from bankadvisor_etl.cli.options import database, database_options
from bankadvisor_etl.cli.table import dumps
from bankadvisor_etl.errors import EtlError, message_of

if TYPE_CHECKING:
    from datetime import timedelta

PATIENCE = 5.0
"""Seconds that a client has for its whole request, and again for receiving the answer."""
LONGEST_REQUEST = 8_192
DRAINED = 65_536
"""Bytes read and discarded after the answer: with unread ones the kernel would reset the connection."""


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    """Raised for a request that is answered without asking the database."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@click.command(hidden=True)
@database_options
@click.option("--max-age", type=Duration(), default="36h", show_default=True, help="As for health.")
def health_http(dsn: str | None, max_age: timedelta, *, embedded: bool) -> None:
    """Answer one HTTP request for /health on the socket at standard input.

    200 when ok or warning, 503 otherwise, with the JSON of health either way.
    """
    connection = socket.socket(fileno=sys.stdin.fileno())
    with suppress(OSError):  # the client may disconnect
        try:
            method = _read_request(connection)
            status, body = _ask(dsn, max_age, embedded=embedded)
        except _Refused as refusal:
            method, status, body = "GET", refusal.status, dumps({"error": refusal.status.phrase})
        _answer(connection, status, body, bare=method == "HEAD")


def _ask(dsn: str | None, max_age: timedelta, *, embedded: bool) -> tuple[HTTPStatus, str]:
    from bankadvisor_etl.job.health import CRITICAL, OK, WARNING, ask  # noqa: PLC0415 - refusals need no psycopg

    try:
        with database(dsn, embedded=embedded) as chosen:
            state = ask(chosen, max_age)
    except EtlError as error:
        return HTTPStatus.SERVICE_UNAVAILABLE, dumps({"status": CRITICAL, "message": message_of(error), "etl": {}})
    well = state.status in {OK, WARNING}
    return HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE, to_json(state, max_age)


def _read_request(connection: socket.socket) -> str:
    """The method of a request for /health.

    Raises:
        _Refused: it is another request, too long, too slow, or not HTTP.
    """
    words = _read_head(connection).split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise _Refused(HTTPStatus.BAD_REQUEST)
    if words[1].split(b"?", 1)[0] != b"/health":
        raise _Refused(HTTPStatus.NOT_FOUND)
    if words[0] not in {b"GET", b"HEAD"}:
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED)
    return words[0].decode()


def _read_head(connection: socket.socket) -> bytes:
    head, deadline = b"", time.monotonic() + PATIENCE
    while b"\r\n\r\n" not in head:
        if len(head) > LONGEST_REQUEST:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        left = deadline - time.monotonic()
        if left <= 0:
            raise _Refused(HTTPStatus.REQUEST_TIMEOUT)
        connection.settimeout(left)
        try:
            part = connection.recv(LONGEST_REQUEST)
        except TimeoutError:
            raise _Refused(HTTPStatus.REQUEST_TIMEOUT) from None
        if not part:
            raise _Refused(HTTPStatus.BAD_REQUEST)
        head += part
    return head


def _answer(connection: socket.socket, status: HTTPStatus, body: str, *, bare: bool) -> None:
    content = f"{body}\n".encode()
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    connection.settimeout(PATIENCE)
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + (b"" if bare else content))
    connection.shutdown(socket.SHUT_WR)
    deadline, drained = time.monotonic() + 1, 0
    while drained < DRAINED and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        part = connection.recv(LONGEST_REQUEST)
        if not part:
            break
        drained += len(part)
