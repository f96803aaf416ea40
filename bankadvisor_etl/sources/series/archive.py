"""The series as a stream of whole lines: from the archive, checked and never unpacked to disk, or from the CSV."""

from __future__ import annotations

import os
import struct
import zipfile
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from zlib_ng import zlib_ng

from bankadvisor_etl.errors import DataError, InputError, Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBER = "sh_datos_40.csv"
HEADER = b'"sector","idconcepto","entidad","periodo","saldo","valor"'
BOM = b"\xef\xbb\xbf"
MAX_SIZE, MAX_RATIO = 2 * 2**30, 40
"""The published file unpacks to 0.6 GB, 5.4 times its packed size."""

BLOCK = 8 * 2**20
"""Bytes of lines that are parsed at a time."""

PACKED, PIECE = 2**18, 2**21
"""Bytes that are read and inflated at a time: larger pieces take twice as long, because of fresh memory pages."""

LOCAL_HEADER = 30
"""Bytes of a member's local header; it ends with the lengths of the name and of the extra field."""

LONGEST_LINE = 1_000
"""Bytes; a real line has 50."""
AHEAD = 2
AGAIN = "fetch the file again"
DAMAGE: type[Exception] = zlib_ng.error  # type: ignore[assignment] # its stub calls the class an instance
Item = TypeVar("Item")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def shown(line: bytes) -> str:
    """A line as text, for messages."""
    return line.decode("utf-8", "replace")


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the lines after the header, in blocks of about ``BLOCK`` bytes that end with a whole line.

    Raises:
        InputError: the file is missing, not an archive, damaged, truncated, too large, or without its one member.
        DataError: the header is not that of the series.
    """
    return ahead(_lines(path))  # zlib-ng releases the GIL


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; another thread produces the next ``AHEAD`` while the caller works on one."""
    with ThreadPoolExecutor(1, "series") as pool:
        waiting = deque(pool.submit(next, items, None) for _ in range(AHEAD))
        while (item := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, items, None))
            yield item


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start[:2] == b"PK" or path.suffix.lower() == ".zip":
                with zipfile.ZipFile(file) as archive:
                    member = _only_member(path, archive)
                    archive.open(member).close()  # checks the member's local header
                yield from _whole_lines(path, _inflated(file, member), member.file_size)
            else:
                yield from _whole_lines(path, iter(partial(file.read, PIECE), b""), None)
    except FileNotFoundError as error:
        raise InputError("the file is missing", Place(path.name)) from error
    except (zipfile.BadZipFile, DAMAGE, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"damaged ({error})", Place(path.name), AGAIN) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", Place(path.name)) from error


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if [member.filename for member in members] != [MEMBER]:
        names = ", ".join(repr(member.filename) for member in members[:5]) or "nothing"
        raise InputError(f"must contain only {MEMBER} but contains {names}", Place(path.name), AGAIN)
    (member,) = members
    if member.flag_bits & 0x1 or member.compress_type not in METHODS:
        raise InputError("encrypted, or compressed by a method that CNBV does not use", Place(path.name), AGAIN)
    if member.file_size > MAX_SIZE or member.file_size > MAX_RATIO * member.compress_size:
        raise InputError(
            f"unpacks to {member.file_size:,} bytes from {member.compress_size:,}; allowed are {MAX_SIZE:,}, and "
            f"{MAX_RATIO} times the packed size",
            Place(path.name),
            AGAIN,
        )
    return member


def _inflated(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's content, in pieces of at most ``PIECE`` bytes.

    zlib-ng inflates in a third of the time of Python's zlib, the only one that zipfile supports.
    """
    file.seek(member.header_offset + LOCAL_HEADER - 4)
    name, extra = struct.unpack("<HH", file.read(4))
    file.seek(name + extra, os.SEEK_CUR)
    inflate = zlib_ng.decompressobj(-zlib_ng.MAX_WBITS) if member.compress_type == zipfile.ZIP_DEFLATED else None
    left, crc, ended = member.compress_size, 0, False
    packed = b""
    while not ended:
        came = b"" if packed else file.read(min(left, PACKED))
        packed = packed or came
        left -= len(came)
        piece = inflate.decompress(packed, PIECE) if inflate else packed
        packed = inflate.unconsumed_tail if inflate else b""
        ended = inflate.eof if inflate else not left
        if not (ended or piece or packed or came):
            raise EOFError("the archive ends early")
        crc = zlib_ng.crc32(piece, crc)
        yield piece
    if crc != member.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {member.filename!r}")


def _whole_lines(path: Path, pieces: Iterator[bytes], size: int | None) -> Iterator[bytes]:
    """The lines after the header; the declared size of the content is ``size`` bytes."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) > len(BOM) + len(HEADER) + 1:
            break
    counted, rest = len(start), _after_header(path, start)
    waiting, length = [rest], len(rest)
    for piece in pieces:
        counted += len(piece)
        if counted > (MAX_SIZE if size is None else size):
            raise InputError(f"more than {MAX_SIZE if size is None else size:,} bytes", Place(path.name), AGAIN)
        end = piece.rfind(b"\n") + 1
        if not end and len(piece) > LONGEST_LINE:
            raise InputError(f"{len(piece):,} bytes without the end of a line", Place(path.name), AGAIN)
        waiting.append(piece)
        length += len(piece)
        if end and length >= BLOCK:
            waiting[-1], rest = piece[:end], piece[end:]
            yield b"".join(waiting)
            waiting, length = [rest], len(rest)
    if size is not None and counted != size:
        raise InputError(f"truncated: ends after {counted:,} of {size:,} bytes", Place(path.name), AGAIN)
    rest = b"".join(waiting)
    if size is None and rest and not rest.endswith(b"\n"):
        # In an archive the CRC covers the last line; in a CSV half a number would pass as a number.
        raise InputError("truncated: the last line has no end", Place(path.name, value=shown(rest[-80:])), AGAIN)
    if rest:
        yield rest


def _after_header(path: Path, start: bytes) -> bytes:
    line, _, rest = start.removeprefix(BOM).partition(b"\n")
    if line.removesuffix(b"\r") != HEADER:
        raise DataError(f"is not the header {HEADER.decode()}", Place(path.name, row=1, value=shown(line[:120])), AGAIN)
    return rest
