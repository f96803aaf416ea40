"""A server on 127.0.0.1 that behaves like CNBV's, with faults that the test chooses for each path."""

from __future__ import annotations

import ssl
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = b"<!DOCTYPE html><html><body>No existe</body></html>"
ONE_DAY = 86_400


class Cnbv:
    """The files and behaviour of the server, and the requests that it received."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.etag: str | None = "strong"
        self.modified: float | None = time.time() - ONE_DAY
        self.ranges = True
        self.answers: list[Any] = []  # each is used once, by the next request: a status, or a callable on the handler
        self.status: dict[str, int] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.sent = 0
        self.cut_after: list[int] = []

    def headers_of(self, content: bytes) -> dict[str, str]:
        tag = f'"{hash(content) & 0xFFFFFFFF:08x}"'
        headers = {"Date": formatdate(usegmt=True)}
        if self.etag:
            headers["ETag"] = tag if self.etag == "strong" else f"W/{tag}"
        if self.modified:
            headers["Last-Modified"] = formatdate(self.modified, usegmt=True)
        return headers


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        cnbv: Cnbv = self.server.cnbv
        name = unquote(self.path.rpartition("/")[2])
        asked = {key.lower(): value for key, value in self.headers.items()}
        cnbv.asked.append((name, asked))
        mood = cnbv.answers.pop(0) if cnbv.answers else cnbv.status.get(name)
        if callable(mood):
            mood(self)
        elif mood:
            self.plain(mood, PAGE)
        elif name not in cnbv.files:
            self.plain(404, PAGE)
        else:
            self.file(cnbv, cnbv.files[name], asked)

    def plain(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response_only(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def file(self, cnbv: Cnbv, content: bytes, asked: dict[str, str]) -> None:
        own = cnbv.headers_of(content)
        if asked.get("if-none-match") == own.get("ETag", "none") or (
            "ETag" not in own and asked.get("if-modified-since") == own.get("Last-Modified", "none")
        ):
            self.send_response_only(304)
            self.end_headers()
            return
        begin, span = 0, asked.get("range", "")
        fits = asked.get("if-range") in {None, own.get("ETag"), own.get("Last-Modified")}
        if span and cnbv.ranges and fits:
            begin = int(span.removeprefix("bytes=").removesuffix("-"))
            own["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self.send_response_only(206 if begin or "Content-Range" in own else 200)
        for key, value in own.items():
            self.send_header(key, value)
        rest = content[begin:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        part = rest[: cnbv.cut_after.pop(0)] if cnbv.cut_after else rest
        self.wfile.write(part)
        cnbv.sent += len(part)
        if len(part) < len(rest):
            self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        pass  # clients that refuse the certificate


@contextmanager
def serving(cnbv: Cnbv, certificate: Path | None) -> Iterator[str]:
    """The address of the server during the block; plain HTTP without a certificate."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.cnbv = cnbv  # type: ignore[attr-defined]
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
