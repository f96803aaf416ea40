"""A night in which the regulator's files are fetched, and the files."""

from __future__ import annotations

import io
import random
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.fetch.addresses import Kind, wanted_files
from bankadvisor_etl.fetch.job import fetch_files, make_client
from bankadvisor_etl.fetch.judge import HEADERS, SERIES_MEMBER

if TYPE_CHECKING:
    from pathlib import Path

    from cnbv import Cnbv

    from bankadvisor_etl.fetch.job import Outcome


def series(seed: int = 1, rows: int = 20_000) -> bytes:
    """A zip like that of the series that does not compress well, so that it takes many blocks."""
    values = random.Random(seed)  # noqa: S311 - the same bytes each time
    lines = [HEADERS[Kind.SERIES]]
    lines += [b'40,40100001,"040002","200012",130,%d.0' % values.getrandbits(60) for _ in range(rows)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(SERIES_MEMBER), b"\n".join([*lines, b""]), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def workbook() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return packed.getvalue()


class Quiet:
    """A log that keeps its events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.events.append((event, values))

    warning = error = info


@dataclass
class Night:
    """A server, a data folder, and a fetch between them."""

    cnbv: Cnbv
    address: str
    data: Path
    slept: list[float] = field(default_factory=list)
    requests: int = 0
    log: Quiet = field(default_factory=Quiet)

    @property
    def environment(self) -> dict[str, str]:
        return dict.fromkeys(
            ("BANKADVISOR_SERIES_URL", "BANKADVISOR_ICAP_URL", "BANKADVISOR_BULLETINS_URL"), self.address
        )

    def fetch(self, *what: str, months: tuple[str, ...] = (), timeout: float = 2.0) -> Outcome:
        client = make_client(timeout, retries=3)
        client.sleep = self.slept.append
        files = wanted_files(what or ("serie",), months, self.environment)
        moved = lambda _name, _size, _total: None  # noqa: E731
        outcome = fetch_files(self.data, files, self.log, client=client, moved=moved)
        self.requests = client.requests
        return outcome

    def held(self, name: str = "sh_datos_csv_40.zip") -> bytes | None:
        path = self.data / "cnbv" / name
        return path.read_bytes() if path.exists() else None
