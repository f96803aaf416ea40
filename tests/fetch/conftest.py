from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from authority import root
from cnbv import Cnbv, serving
from night import Night, series, workbook

from bankadvisor_etl.fetch.addresses import Kind
from bankadvisor_etl.fetch.judge import HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
