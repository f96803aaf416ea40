"""The series as a stream of whole lines: the archive under its guards, never unpacked to disk, or the bare CSV."""

from __future__ import annotations

import zipfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, TypeVar

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
LONGEST_LINE = 1_000
"""Bytes; an honest line has 50."""
AHEAD = 2
AGAIN = "fetch the file again"
Item = TypeVar("Item")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def shown(line: bytes) -> str:
    """A line as a message shows it."""
    return line.decode("utf-8", "replace")


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the lines after the header, in blocks of about ``BLOCK`` bytes that end with a whole line.

    Raises:
        InputError: the file is missing, no archive, damaged, cut, larger than honest ones, or without its one member.
        DataError: the header is not that of the series.
    """
    return ahead(_lines(path))  # zlib lets go of the GIL


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items, of which another thread makes the next ``AHEAD`` while the caller works on one."""
    with ThreadPoolExecutor(1, "series") as pool:
        waiting = deque(pool.submit(next, items, None) for _ in range(AHEAD))
        while (item := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, items, None))
            yield item


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with _opened(path) as (file, size):
            yield from _whole_lines(path, file, size)
    except FileNotFoundError as error:
        raise InputError("the file is missing", Place(path.name)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"damaged ({error})", Place(path.name), AGAIN) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", Place(path.name)) from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], int | None]]:
    """The CSV, and how many bytes the archive promises (None: it is no archive)."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start[:2] != b"PK" and path.suffix.lower() != ".zip":
            yield file, None
            return
        with zipfile.ZipFile(file) as archive:
            member = _only_member(path, archive)
            with archive.open(member) as content:
                yield content, member.file_size


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if [member.filename for member in members] != [MEMBER]:
        names = ", ".join(repr(member.filename) for member in members[:5]) or "nothing"
        raise InputError(f"has to hold {MEMBER} alone and holds {names}", Place(path.name), AGAIN)
    (member,) = members
    if member.flag_bits & 0x1 or member.compress_type not in METHODS:
        raise InputError("encrypted, or packed by a method that CNBV does not use", Place(path.name), AGAIN)
    if member.file_size > MAX_SIZE or member.file_size > MAX_RATIO * member.compress_size:
        raise InputError(
            f"unpacks to {member.file_size:,} bytes from {member.compress_size:,}; at most {MAX_SIZE:,}, and "
            f"{MAX_RATIO} times the packed size, are read",
            Place(path.name),
            AGAIN,
        )
    return member


def _whole_lines(path: Path, file: IO[bytes], size: int | None) -> Iterator[bytes]:
    rest = file.read(BLOCK)
    counted = len(rest)
    rest = _after_header(path, rest)
    while block := file.read(BLOCK):
        counted += len(block)
        if counted > MAX_SIZE:
            raise InputError(f"more than {MAX_SIZE:,} bytes", Place(path.name), AGAIN)
        end = block.rfind(b"\n") + 1
        if not end:
            if len(rest) + len(block) > LONGEST_LINE:
                raise InputError(f"{len(block):,} bytes without the end of a line", Place(path.name), AGAIN)
            rest += block
            continue
        yield b"".join((rest, memoryview(block)[:end]))
        rest = block[end:]
    if size is not None and counted != size:
        raise InputError(f"cut: ends after {counted:,} of {size:,} bytes", Place(path.name), AGAIN)
    if size is None and rest and not rest.endswith(b"\n"):
        # In an archive the CRC has vouched for the last line; here half a number would pass for a number.
        raise InputError("cut: the last line has no end", Place(path.name, value=shown(rest[-80:])), AGAIN)
    if rest:
        yield rest


def _after_header(path: Path, start: bytes) -> bytes:
    line, _, rest = start.removeprefix(BOM).partition(b"\n")
    if line.removesuffix(b"\r") != HEADER:
        raise DataError(f"is not the header {HEADER.decode()}", Place(path.name, row=1, value=shown(line[:120])), AGAIN)
    return rest
