"""Decides whether a file is what its name says: by its first bytes, its size, its zip directory and its header."""

from __future__ import annotations

import zipfile
import zlib
from typing import IO, TYPE_CHECKING

from bankadvisor_etl.fetch.addresses import Kind
from bankadvisor_etl.fetch.errors import MissingError, NotTheFileError

if TYPE_CHECKING:
    from pathlib import Path

_MIB = 1024 * 1024
MAX_BYTES = {
    Kind.SERIES: 1024 * _MIB,  # in fact 109
    Kind.CONCEPTS: 8 * _MIB,
    Kind.INSTITUTIONS: 8 * _MIB,
    Kind.WORKBOOK: 64 * _MIB,  # in fact 2.4
    Kind.OLD_WORKBOOK: 64 * _MIB,
}
MAX_UNPACKED = 2048 * _MIB
MAX_RATIO = 40
"""For the series, whose ratio is 5.4. A workbook's sheets compress better: ``MAX_SHEET_RATIO``."""

MAX_SHEETS_UNPACKED = 512 * _MIB
MAX_SHEET_RATIO = 100
MAX_MEMBERS = 2000
SERIES_MEMBER = "sh_datos_40.csv"

HEADERS = {
    Kind.SERIES: b'"sector","idconcepto","entidad","periodo","saldo","valor"',
    Kind.CONCEPTS: b'"sector","idtema","idconcepto","descripcion","nivel","indicador","orden"',
    Kind.INSTITUTIONS: b'"sector","entidad","nombre_entidad","grupo","nombre_grupo","orden"',
}
_ZIP, _OLE, _BOM = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xef\xbb\xbf"
SNIFFED = 512
"""Bytes that are enough to distinguish an HTML page from a file."""

_ENCRYPTED = 0x1


def sniff(first: bytes, kind: Kind, name: str) -> None:
    """Check the first bytes, so that an HTML page is not downloaded to its end.

    Raises:
        MissingError: it is an HTML page, which some servers send instead of a 404.
        NotTheFileError: it is something else.
    """
    start = first.removeprefix(_BOM).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise MissingError(f"{name}: the server sent an HTML page instead")
    magic = {Kind.SERIES: _ZIP, Kind.WORKBOOK: _ZIP, Kind.OLD_WORKBOOK: _OLE}.get(kind)
    good = first.startswith(magic) if magic else _header(first) == HEADERS[kind]
    if not good:
        raise NotTheFileError(f"{name}: not {kind.value}; it begins with {first[:24]!r}")


def judge(path: Path, kind: Kind, name: str) -> None:
    """Check a complete file.

    Raises:
        NotTheFileError: it is not what its name says, or is damaged.
    """
    size = path.stat().st_size
    if size > MAX_BYTES[kind]:
        raise NotTheFileError(f"{name}: {size} bytes are more than such a file can have")
    with path.open("rb") as file:
        sniff(file.read(SNIFFED), kind, name)
        file.seek(max(0, size - 1))
        if kind in {Kind.CONCEPTS, Kind.INSTITUTIONS}:
            if file.read(1) != b"\n":
                raise NotTheFileError(f"{name}: ends in the middle of a line")
            return
    if kind is Kind.OLD_WORKBOOK:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            (_judge_series if kind is Kind.SERIES else _judge_workbook)(archive, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise NotTheFileError(f"{name}: the zip is damaged: {error}") from error


def _judge_series(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    if [member.filename for member in members] != [SERIES_MEMBER]:
        raise NotTheFileError(f"{name}: must contain {SERIES_MEMBER} and nothing else")
    _assert_bounded(members, name, MAX_UNPACKED, MAX_RATIO)
    with archive.open(members[0]) as text:
        if _header(text.read(SNIFFED)) != HEADERS[Kind.SERIES]:
            raise NotTheFileError(f"{name}: {SERIES_MEMBER} does not have the header of the series")
        _drain(text)


def _judge_workbook(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS or not {"[Content_Types].xml", "xl/workbook.xml"} <= set(archive.namelist()):
        raise NotTheFileError(f"{name}: the zip is not a workbook")
    _assert_bounded(members, name, MAX_SHEETS_UNPACKED, MAX_SHEET_RATIO)
    for member in members:
        with archive.open(member) as part:
            _drain(part)


def _assert_bounded(members: list[zipfile.ZipInfo], name: str, most: int, ratio: int) -> None:
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise NotTheFileError(f"{name}: is encrypted")
    if unpacked > most or unpacked > ratio * max(packed, 1):
        raise NotTheFileError(f"{name}: {packed} bytes claim to unpack to {unpacked}")


def _drain(member: IO[bytes]) -> None:
    """Read to the end: zipfile stops at the declared size and compares the CRC there."""
    while member.read(_MIB):
        pass


def _header(first: bytes) -> bytes:
    return first.removeprefix(_BOM).split(b"\n", 1)[0].removesuffix(b"\r")
