"""Downloads one file, if it is new, and puts it in its place."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import InputError
from bankadvisor_etl.fetch.client import MAX_WAIT
from bankadvisor_etl.fetch.errors import NotTheFileError, UnreachableError
from bankadvisor_etl.fetch.judge import judge
from bankadvisor_etl.fetch.manifest import Entry, sync_folder
from bankadvisor_etl.fetch.part import Part
from bankadvisor_etl.inputs.files import hash_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bankadvisor_etl.fetch.addresses import Candidate
    from bankadvisor_etl.fetch.client import Client
    from bankadvisor_etl.fetch.manifest import Manifest

MAX_REQUESTS = 20
"""Per name, however much each request brings."""

TAIL = 64 * 1024
_NOT_MODIFIED, _PARTIAL = 304, 206


@dataclass(frozen=True)
class Downloader:
    """Downloads files into a folder.

    Attributes:
        client: sends the requests.
        folder: the folder of the files.
        manifest: of that folder.
        log: gets a line per retry.
        moved: called with (name, bytes, total) while bytes arrive.
    """

    client: Client
    folder: Path
    manifest: Manifest
    log: Any
    moved: Callable[[str, int, int | None], None]

    def bring(self, candidate: Candidate) -> bool:
        """Download a file if there is a newer one; return whether there was.

        Raises:
            UnreachableError: the server cannot be reached, or broke off too often; what arrived is kept for the next
            run.
            NotTheFileError: what arrived is not the file; the existing file stays.
            InputError: the disk is full or cannot be written to.
        """
        part = Part(self.folder, candidate)
        try:
            if self._is_the_same(candidate, part) or not self._receive(candidate, part):
                part.discard()
                return False
            return self._accept(candidate, part)
        except NotTheFileError:
            part.discard()
            raise
        except UnreachableError:
            if not part.validator:
                part.discard()  # without a validator, the rest may be of another version
            raise
        except OSError as error:
            # The database needs the space more than half a download does.
            with suppress(OSError):
                part.discard()
            raise InputError(
                f"{candidate.name}: cannot be written to {self.folder}: {error.strerror or error}"
            ) from error

    def _receive(self, candidate: Candidate, part: Part) -> bool:
        """Send requests until the part is complete; return False if the existing file is still the newest."""
        held = self.manifest.entry(candidate.name)
        failures, most = 0, part.size
        for request in range(1, MAX_REQUESTS + 1):
            headers = part.conditions() or (held.conditions() if held else {})
            try:
                with self.client.get(candidate.url, headers) as answer:
                    if answer.status == _NOT_MODIFIED:
                        if held is None:
                            raise NotTheFileError(f"{candidate.url}: answers 304 although nothing was there")
                        return False
                    part.receive(answer, lambda size, total: self.moved(candidate.name, size, total))
                    return True
            except UnreachableError as error:
                # Bytes that can be resumed are progress; a download that starts over is not.
                gained = part.size > most and bool(part.validator)
                failures = 0 if gained else failures + 1
                most = max(most, part.size)
                if error.permanent or failures > self.client.retries or request == MAX_REQUESTS:
                    raise
                self._wait(error, failures, candidate.name)
        raise AssertionError  # the last request either succeeded or raised

    def _wait(self, error: UnreachableError, failures: int, name: str) -> None:
        seconds = error.retry_after
        if seconds is None:
            seconds = min(2.0**failures, 30) * random.uniform(0.5, 1)  # noqa: S311 - not a secret, only jitter
        if seconds > MAX_WAIT:
            raise UnreachableError(f"{error}; it asks to wait {seconds:.0f} s, so the next run will try")
        self.log.warning("fetch.retry", file=name, error=str(error), seconds=round(seconds, 1))
        self.client.sleep(seconds)

    def _accept(self, candidate: Candidate, part: Part) -> bool:
        try:
            judge(part.path, candidate.kind, candidate.name)
        except NotTheFileError:
            if not part.resumed:
                raise
            # Perhaps two halves of different files that the validator did not distinguish: download it again whole.
            part.discard()
            self._receive(candidate, part)
            judge(part.path, candidate.kind, candidate.name)
        place, digest = self.folder / candidate.name, hash_of(part.path)
        entry = Entry(
            address=candidate.url,
            sha256=digest,
            size=part.size,
            etag=part.headers.get("etag", ""),
            last_modified=part.headers.get("last-modified", ""),
            fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        same = place.is_file() and place.stat().st_size == entry.size and hash_of(place) == digest
        if not same:
            part.path.chmod(0o640)
            part.path.replace(place)
            sync_folder(self.folder)
        part.discard()
        self.manifest.record(candidate.name, entry)
        return not same

    def _is_the_same(self, candidate: Candidate, part: Part) -> bool:
        """Whether a server without validators still has the existing file: same size and same last bytes.

        A zip ends with the CRCs of all its members, and a catalogue is no longer than the bytes that are compared.
        Neither is true of an old workbook, so it is always downloaded.
        """
        held = self.manifest.entry(candidate.name)
        if held is None or held.conditions() or part.conditions():
            return False
        if candidate.name.endswith(".xls") or (candidate.name.endswith(".csv") and held.size > TAIL):
            return False
        begin = max(0, held.size - TAIL)
        with suppress(UnreachableError), self.client.get(candidate.url, {"Range": f"bytes={begin}-"}) as answer:
            whole = f"bytes {begin}-{held.size - 1}/{held.size}"
            if answer.status != _PARTIAL or answer.headers.get("content-range") != whole:
                return False
            with (self.folder / candidate.name).open("rb") as file:
                file.seek(begin)
                here, there = file.read(), b"".join(answer.blocks())
            return here == there
        return False
