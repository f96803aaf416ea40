from __future__ import annotations

import io
import random
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from authority import root
from cnbv import Cnbv, serving

from bankadvisor_etl.fetch.addresses import Kind, wanted_files
from bankadvisor_etl.fetch.job import fetch_files, make_client
from bankadvisor_etl.fetch.judge import HEADERS, SERIES_MEMBER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    """CNBV as in reality: a certificate without its intermediate, which is at its AIA address."""
    top = root()
    link = top.issue("Test Intermediate")
    (tmp_path / "root.pem").write_bytes(top.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    cnbv, issuers = Cnbv(), Cnbv()
    issuers.files["ca.crt"] = link.der
    cnbv.files |= {
        "sh_datos_csv_40.zip": series(),
        "cat_conceptos_40.csv": HEADERS[Kind.CONCEPTS] + b'\r\n40,1,40100001,"Activo",1,0,1\r\n',
        "cat_instituciones_40.csv": HEADERS[Kind.INSTITUTIONS] + b'\n40,"5","Total",5,"Total",1\n',
        "040_15b_R1.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000),
        "BE BM 202509.xlsx": workbook(),
    }
    data = tmp_path / "data"
    data.mkdir()
    with (
        serving(issuers, None) as aia,
        serving(cnbv, link.serve(tmp_path, aia + "ca.crt")) as address,
    ):
        yield Night(cnbv, address, data)
