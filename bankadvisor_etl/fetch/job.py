"""A fetch: one request after another, and the outcome of each file."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bankadvisor_etl.errors import InputError, LockedError
from bankadvisor_etl.fetch.client import Client
from bankadvisor_etl.fetch.download import Downloader
from bankadvisor_etl.fetch.errors import MissingError, UnreachableError
from bankadvisor_etl.fetch.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bankadvisor_etl.errors import EtlError
    from bankadvisor_etl.fetch.addresses import Candidate, Wanted

FOLDER = "cnbv"


@dataclass
class Outcome:
    """The outcome of each file, by label."""

    new: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    failed: dict[str, EtlError] = field(default_factory=dict)

    def raise_failure(self) -> None:
        """Raise one error for all failed files: 69 if any server was unreachable, so that the unit tries again."""
        if not self.failed:
            return
        errors = list(self.failed.values())
        worst = next((error for error in errors if isinstance(error, UnreachableError)), errors[0])
        kind = UnreachableError if isinstance(worst, UnreachableError) else InputError
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise kind(f"{len(self.failed)} of the files could not be fetched: {worst}{more}")


def plan(data_dir: Path, wanted: Sequence[Wanted], log: Any) -> None:
    """Log what a fetch would request, without requesting it."""
    folder = data_dir / FOLDER
    manifest = Manifest(folder)
    for file in wanted:
        for candidate in _candidates(file, folder, manifest):
            entry = manifest.entry(candidate.name)
            conditions = entry.conditions() if entry else {}
            log.info("fetch.planned", file=candidate.name, address=candidate.url, held=entry is not None, **conditions)


def fetch_files(
    data_dir: Path,
    wanted: Sequence[Wanted],
    log: Any,
    *,
    client: Client,
    moved: Callable[[str, int, int | None], None],
) -> Outcome:
    """Download what is new into ``<data_dir>/cnbv``; a file that fails does not stop the others.

    Raises:
        InputError: the folder cannot be created or written to.
        LockedError: another fetch is at work there.
    """
    folder = data_dir / FOLDER
    outcome, began = Outcome(), time.monotonic()
    log.info("fetch.started", folder=str(folder), files=len(wanted))
    with _locked(data_dir, folder):
        downloader = Downloader(client, folder, Manifest(folder), log, moved)
        away: dict[str, UnreachableError] = {}
        for file in wanted:
            _fetch_one(file, downloader, outcome, away)
    log.info(
        "fetch.completed",
        new=outcome.new,
        unchanged=len(outcome.unchanged),
        absent=outcome.absent,
        failed=list(outcome.failed),
        requests=client.requests,
        duration_seconds=round(time.monotonic() - began, 3),
    )
    return outcome


def _fetch_one(file: Wanted, downloader: Downloader, outcome: Outcome, away: dict[str, UnreachableError]) -> None:
    log, host = downloader.log, urlsplit(file.candidates[0].url).netloc
    if host in away:
        # The retries for a host that is down are spent once, not for each file.
        _fail(file, UnreachableError(f"not asked for: {away[host]}"), outcome, log)
        return
    try:
        new = _bring_first(file, downloader)
    except MissingError as error:
        if file.optional:
            outcome.absent.append(file.label)
            log.info("fetch.file.absent", file=file.label)
            return
        _fail(file, error, outcome, log)
    except UnreachableError as error:
        away.setdefault(host, error)
        _fail(file, error, outcome, log)
    except InputError as error:
        _fail(file, error, outcome, log)
    else:
        (outcome.new if new else outcome.unchanged).append(file.label)
        log.info("fetch.file.new" if new else "fetch.file.unchanged", file=file.label)


def _fail(file: Wanted, error: EtlError, outcome: Outcome, log: Any) -> None:
    outcome.failed[file.label] = error
    log.error("fetch.file.failed", file=file.label, error=str(error), error_class=type(error).__name__)


def _bring_first(file: Wanted, downloader: Downloader) -> bool:
    """Download the first candidate that the server has; raise the last miss if it has none."""
    candidates = _candidates(file, downloader.folder, downloader.manifest)
    for candidate in candidates[:-1]:
        try:
            return downloader.bring(candidate)
        except MissingError:
            continue
    return downloader.bring(candidates[-1])


def _candidates(file: Wanted, folder: Path, manifest: Manifest) -> Sequence[Candidate]:
    """The names to try; only the existing name if the file exists already."""
    held = [one for one in file.candidates if (folder / one.name).exists() and manifest.entry(one.name)]
    return held[:1] or file.candidates


@contextmanager
def _locked(data_dir: Path, folder: Path) -> Iterator[None]:
    if not data_dir.is_dir():
        raise InputError(f"the data folder {data_dir} does not exist")
    try:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder / ".fetch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise LockedError(f"another fetch is at work in {folder}") from error
    finally:
        os.close(handle)


def make_client(timeout: float, retries: int) -> Client:
    """A client with the machine's root certificates and the package's intermediate certificate."""
    return Client(timeout, retries)
