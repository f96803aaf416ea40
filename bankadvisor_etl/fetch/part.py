"""An incomplete download: what arrived so far, and whether the rest can still be requested."""

from __future__ import annotations

import json
import os
import shutil
from email.utils import parsedate_to_datetime
from typing import IO, TYPE_CHECKING

from bankadvisor_etl.errors import InputError
from bankadvisor_etl.fetch.errors import NotTheFileError, UnreachableError
from bankadvisor_etl.fetch.judge import MAX_BYTES, SNIFFED, sniff
from bankadvisor_etl.fetch.manifest import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bankadvisor_etl.fetch.addresses import Candidate
    from bankadvisor_etl.fetch.client import Answer

_PARTIAL, _OUT_OF_RANGE = 206, 416
_SETTLED = 60
"""Seconds between Last-Modified and Date for Last-Modified to be a strong validator (RFC 9110, 8.8.2.2)."""

_SPARE = 16 * 1024 * 1024
"""Bytes that a download leaves free on the disk."""


class Part:
    """The bytes of one candidate, in a hidden file in the same folder; kept from one run to the next.

    It is resumed only with a strong validator; otherwise the download starts over.
    """

    def __init__(self, folder: Path, candidate: Candidate) -> None:
        """Find what an earlier run left."""
        self._candidate = candidate
        self.path = folder / f".{candidate.name}.part"
        self._note = folder / f".{candidate.name}.part.json"
        self.headers: dict[str, str] = {}
        self.validator = ""
        self.total: int | None = None
        self.resumed = False
        self._recall()

    @property
    def size(self) -> int:
        """Bytes that arrived so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def conditions(self) -> dict[str, str]:
        """The headers that request the rest, if the file is still the same."""
        if not self.size or not self.validator:
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self.validator}

    def receive(self, answer: Answer, moved: Callable[[int, int | None], None]) -> None:
        """Write an answer's body to the disk.

        Raises:
            UnreachableError: it broke off, or does not continue what is there; what can be kept is kept.
            NotTheFileError: it is larger than declared, or than such a file can be, or not such a file at all.
            InputError: there is no room for it.
        """
        self._begin(answer)
        name = self._candidate.name
        most = self.total if self.total is not None else MAX_BYTES[self._candidate.kind]
        with self.path.open("ab") as file:
            try:
                for block in answer.blocks():
                    if file.tell() + len(block) > most:
                        raise NotTheFileError(f"{name}: more bytes came than the {most} that it can have")
                    self._write(file, block)
                    moved(file.tell(), self.total)
            finally:
                file.flush()
                os.fsync(file.fileno())
        if self.total is not None and self.size < self.total:
            raise UnreachableError(f"{name}: the connection broke off after {self.size} of {self.total} bytes")

    def discard(self) -> None:
        """Delete what arrived."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.validator, self.total, self.headers, self.resumed = "", None, {}, False

    def _begin(self, answer: Answer) -> None:
        if answer.status == _OUT_OF_RANGE or (answer.status == _PARTIAL and not self._continues(answer)):
            self.discard()
            raise UnreachableError(f"{self._candidate.name}: changed on the server; it is downloaded from the start")
        if answer.status != _PARTIAL:
            self.discard()
            self.headers = dict(answer.headers)
            self.validator = strong_validator(answer.headers)
            length = answer.headers.get("content-length", "")
            self.total = int(length) if length.isdigit() else None
            self._assert_room()
            note = {
                "url": self._candidate.url,
                "validator": self.validator,
                "total": self.total,
                "headers": self.headers,
            }
            replace(self._note, json.dumps(note).encode())
        else:
            self.resumed = True

    def _continues(self, answer: Answer) -> bool:
        unit, _, span = answer.headers.get("content-range", "").partition(" ")
        begin, _, total = span.partition("/")
        same = strong_validator(answer.headers) in {"", self.validator}
        known = self.total is None or total == str(self.total)
        return unit == "bytes" and begin.startswith(f"{self.size}-") and known and same

    def _assert_room(self) -> None:
        name, total = self._candidate.name, self.total or 0
        if total > MAX_BYTES[self._candidate.kind]:
            raise NotTheFileError(f"{name}: {total} bytes are more than such a file can have")
        if shutil.disk_usage(self.path.parent).free < total + _SPARE:
            raise InputError(f"{name}: no room for its {total} bytes in {self.path.parent}")

    def _write(self, file: IO[bytes], block: bytes) -> None:
        # The first bytes of a file arrive in one piece: a TLS record is larger.
        if file.tell() == 0:
            sniff(block[:SNIFFED], self._candidate.kind, self._candidate.name)
        file.write(block)

    def _recall(self) -> None:
        try:
            note = json.loads(self._note.read_bytes())
            if note["url"] != self._candidate.url or not self.path.exists():
                self.discard()
                return
            self.validator, self.total, self.headers = note["validator"], note["total"], note["headers"]
        except (OSError, ValueError, KeyError, TypeError):
            self.discard()


def strong_validator(headers: Mapping[str, str]) -> str:
    """A strong validator: a strong ETag, otherwise a Last-Modified old enough to be one, otherwise empty."""
    etag = headers.get("etag", "")
    if etag:
        return "" if etag.startswith("W/") else etag
    modified, sent = headers.get("last-modified", ""), headers.get("date", "")
    try:
        age = parsedate_to_datetime(sent) - parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return ""
    return modified if age.total_seconds() >= _SETTLED else ""
