"""``MANIFEST.json``: the address of each file, its hash, and the server's validators."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.inputs.files import hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "MANIFEST.json"


@dataclass(frozen=True)
class Entry:
    """One file as it was fetched.

    Attributes:
        address: the URL.
        sha256: of its bytes.
        size: in bytes.
        etag: as sent by the server, weak or strong; empty if it sent none.
        last_modified: as sent by the server; empty if it sent none.
        fetched_at: in UTC.
    """

    address: str
    sha256: str
    size: int
    etag: str
    last_modified: str
    fetched_at: str

    def conditions(self) -> dict[str, str]:
        """The headers that request the file only if it has changed."""
        headers = {"If-None-Match": self.etag} if self.etag else {}
        return headers | ({"If-Modified-Since": self.last_modified} if self.last_modified else {})


class Manifest:
    """The entries of a folder; an entry that does not match the file in it is ignored."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest of a folder; a damaged one counts as empty."""
        self._folder = folder
        self._entries = _read(folder / NAME)
        self._verified: dict[str, bool] = {}

    def entry(self, name: str) -> Entry | None:
        """The entry of a file whose bytes are still those that were fetched."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if name not in self._verified:
            path = self._folder / name
            self._verified[name] = (
                path.is_file() and path.stat().st_size == entry.size and hash_of(path) == entry.sha256
            )
        return entry if self._verified[name] else None

    def record(self, name: str, entry: Entry) -> None:
        """Add an entry and write the manifest."""
        self._entries[name] = entry
        self._verified[name] = True
        content = {"version": 1, "files": {key: asdict(self._entries[key]) for key in sorted(self._entries)}}
        replace(self._folder / NAME, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def replace(path: Path, content: bytes) -> None:
    """Replace a small file: write a temporary one, sync it, and rename it."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames within a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> dict[str, Entry]:
    try:
        files: Mapping[str, dict[str, str | int]] = json.loads(path.read_bytes())["files"]
        return {
            name: Entry(
                address=str(entry["address"]),
                sha256=str(entry["sha256"]),
                size=int(entry["size"]),
                etag=str(entry["etag"]),
                last_modified=str(entry["last_modified"]),
                fetched_at=str(entry["fetched_at"]),
            )
            for name, entry in files.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # damaged: everything is requested again, and the manifest rewritten
