"""A proxy between a run and the server that drops the connections when a test says so."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 5432  # names the socket
BLOCK = 65_536


class Proxy:
    """Forwards bytes, both ways, for every connection.

    Attributes:
        refuses: whether new connections are dropped at once, as if the server were unreachable.
        swallows: when a client next sends these bytes, the server gets them but its answer is lost.
    """

    def __init__(self, listener: socket.socket, server: str) -> None:
        self.refuses = False
        self.swallows: bytes | None = None
        self._listener = listener
        self._server = server
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def cut(self) -> None:
        """Drop every open connection; new ones are accepted."""
        while self._pairs:
            _drop(*self._pairs.pop())

    def serve(self) -> None:
        """Accept until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuses:
                    client.close()
                    continue
                server = _connect(self._server)
                self._pairs.append((client, server))
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=_pump, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while block := client.recv(BLOCK):
                if self.swallows is not None and self.swallows in block:
                    self.swallows = None
                    self._pairs.remove((client, server))
                    self._lose_the_answer(client, server, block)
                    return
                server.sendall(block)
        _drop(client, server)

    def _lose_the_answer(self, client: socket.socket, server: socket.socket, block: bytes) -> None:
        """The client is gone before the server answers, but the server executes the statement."""
        _drop(client)
        server.sendall(block)
        with suppress(OSError):
            server.settimeout(10)
            server.recv(BLOCK)
        _drop(server)


@contextmanager
def proxied(dsn: str, folder: Path) -> Iterator[tuple[Proxy, str]]:
    """Put a proxy in front of the server of ``dsn``; yield it, and the connection string through it."""
    path = folder / f".s.PGSQL.{PORT}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        proxy = Proxy(listener, dsn)
        thread = threading.Thread(target=proxy.serve, daemon=True)
        thread.start()
        try:
            yield proxy, make_conninfo(dsn, host=str(folder), port=PORT)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            proxy.cut()
            path.unlink()


def _connect(dsn: str) -> socket.socket:
    """Connect to the address that libpq chooses for the connection string."""
    with psycopg.connect(dsn) as connection:
        host, port = connection.info.host, connection.info.port
    if host.startswith("/"):
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(Path(host, f".s.PGSQL.{port}")))
        return server
    return socket.create_connection((host, port))


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(BLOCK):
            target.sendall(block)
    _drop(source, target)


def _drop(*connections: socket.socket) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
