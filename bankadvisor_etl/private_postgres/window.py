"""A local TCP port that forwards to the private PostgreSQL, for tools without Unix sockets.

The server itself has no password and listens on a socket that only its owner may enter. Here a client with the current
password is let in as a role that can only read, whatever user and database it requests: the first message of
PostgreSQL's protocol (version 3) is read, the password requested, and the rest forwarded unchanged.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import signal
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

ENCRYPTION = {80877103, 80877104}
"""Requests for TLS and for GSSAPI, which are refused with one byte: the client continues without."""
CANCEL = 80877102
LONGEST_START = 10_000
BLOCK = 65_536
WRONG = b"SFATAL\0VFATAL\0C28P01\0Mthe password is not the one that psql-url printed\0\0"


@dataclass(frozen=True)
class Window:
    """Where connections are forwarded to.

    Attributes:
        socket: of the server.
        role: the role of every connection.
        database: the database of every connection.
        password: the required password.
    """

    socket: Path
    role: str
    database: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)

    @asynccontextmanager
    async def open(self, port: int) -> AsyncIterator[int]:
        """Listen on 127.0.0.1 during the block; yield the port, a free one for 0.

        Raises:
            OSError: the port is in use.
        """
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            try:
                await self._let_in(reader, writer)
            finally:
                writer.close()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, body = await _first(reader)
        while code in ENCRYPTION:
            writer.write(b"N")
            code, body = await _first(reader)
        if code == CANCEL:  # it contains the secret of the session to cancel
            await self._pass(reader, writer, struct.pack("!ii", 8 + len(body), code) + body)
            return
        writer.write(struct.pack("!cii", b"R", 8, 3))  # clear-text password: it does not leave this machine
        kind, length = struct.unpack("!ci", await reader.readexactly(5))
        given = await reader.readexactly(min(length - 4, LONGEST_START)) if kind == b"p" else b""
        if not hmac.compare_digest(given.rstrip(b"\0"), self.password.encode()):
            writer.write(b"E" + struct.pack("!i", 4 + len(WRONG)) + WRONG)
            await writer.drain()
            return
        await self._pass(reader, writer, self._start(code, body))

    def _start(self, code: int, body: bytes) -> bytes:
        """The first message, with our role and database instead of the requested ones."""
        words = body.rstrip(b"\0").split(b"\0")
        settings = dict(zip(words[::2], words[1::2], strict=False))
        settings |= {b"user": self.role.encode(), b"database": self.database.encode()}
        settings.pop(b"replication", None)
        body = b"".join(name + b"\0" + value + b"\0" for name, value in settings.items()) + b"\0"
        return struct.pack("!ii", 8 + len(body), code) + body

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self.socket))
        inner_writer.write(first)
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


def keep_open(window: Window, port: int | None, seconds: float | None, say: Callable[[str], None]) -> None:
    """Wait until the time is up, or for SIGINT or SIGTERM; with a port, accept connections until then.

    Args:
        window: where connections are forwarded to.
        port: of 127.0.0.1; a free one for 0, no port for None.
        seconds: how long; without limit if None.
        say: called with the address, including the password.

    Raises:
        ConfigurationError: the port is in use.
    """
    asyncio.run(_keep_open(window, port, seconds, say))


async def _keep_open(window: Window, port: int | None, seconds: float | None, say: Callable[[str], None]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if port is None:
                await stop.wait()
                return
            try:
                async with window.open(port) as found:
                    at = f"127.0.0.1:{found}/{window.database}"
                    say(f"postgresql://{window.role}:{window.password}@{at}?sslmode=disable")
                    await stop.wait()
            except OSError as error:
                if isinstance(error, TimeoutError):
                    raise
                raise ConfigurationError(f"cannot listen on --port {port}: {error.strerror}") from error


async def _first(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """A message without a type byte: its code, and the rest.

    Raises:
        ValueError: it is not a message of PostgreSQL's protocol.
    """
    length, code = struct.unpack("!ii", await reader.readexactly(8))
    if not 8 <= length <= LONGEST_START:  # noqa: PLR2004 - length and code
        raise ValueError("not PostgreSQL's protocol")
    return code, await reader.readexactly(length - 8)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()
    finally:
        writer.close()
