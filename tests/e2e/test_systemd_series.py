"""A night with CNBV's own series: the fetch unit downloads it, the run publishes it; and a night without CNBV."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.container import wait_until
from e2e.machine import DATA, FETCH, FORCED, SETTINGS

if TYPE_CHECKING:
    from e2e.machine import Machine

SERVERS = Path(__file__).parents[1] / "fetch"
sys.path.insert(0, str(SERVERS))

from authority import root  # noqa: E402 - in the folder of the tests of fetch

pytestmark = pytest.mark.e2e
OFFICIAL, CNBV = "/root/official", "/root/cnbv-server"
SERVER = f"""
import time
from pathlib import Path
from cnbv import Cnbv, serving
cnbv = Cnbv()
cnbv.files |= {{path.name: path.read_bytes() for path in Path("{OFFICIAL}/cnbv").iterdir()}}
with serving(cnbv, Path("{CNBV}/server.pem")) as address:
    Path("{CNBV}/address.part").write_text(address)
    Path("{CNBV}/address.part").rename("{CNBV}/address")
    time.sleep(3600)
"""


def test_a_night_with_the_series_and_a_night_without_cnbv(machine: Machine, tmp_path: Path) -> None:
    machine.run("bankadvisor-etl", "sample-data", OFFICIAL, "--official")
    top = root()
    machine.write(f"{CNBV}/server.py", SERVER)
    machine.write(f"{CNBV}/cnbv.py", (SERVERS / "cnbv.py").read_text())
    machine.write(f"{CNBV}/server.pem", top.serve(tmp_path, None).read_text())
    machine.write("/etc/bankadvisor-etl/cnbv-root.pem", top.pem.decode())
    machine.run("systemd-run", "--quiet", "--collect", "--unit=cnbv", "python3", f"{CNBV}/server.py")
    wait_until(machine.path(f"{CNBV}/address").exists, "the server listens")
    address = machine.path(f"{CNBV}/address").read_text()
    kinds = ("SERIES", "ICAP", "BULLETINS")
    settings = machine.path(SETTINGS).read_text()
    settings += "".join(f"BANKADVISOR_{kind}_URL={address}\n" for kind in kinds)
    machine.write(SETTINGS, f"{settings}SSL_CERT_FILE=/etc/bankadvisor-etl/cnbv-root.pem\n")
    machine.succeed()
    sources = {row["file_name"]: row["rows_read"] for row in machine.rows("SELECT * FROM etl_run_sources")}
    assert sources["cnbv/sh_datos_csv_40.zip"] > 100_000
    values = int(machine.psql("SELECT sum(n_valores) FROM cnbv_series_valores"))
    assert values == sources["cnbv/sh_datos_csv_40.zip"]
    months = machine.rows("SELECT fuente, count(*) FROM monthly_kpis GROUP BY 1")
    assert {row["fuente"] for row in months} == {"serie", "libro"}
    published = machine.published()
    machine.run("systemctl", "stop", "cnbv")
    machine.override(*FORCED)
    machine.succeed()
    assert machine.show(FETCH, "Result") == "exit-code"
    first, second = machine.etl_runs()
    assert (first["status"], second["status"]) == ("success", "success")
    assert second["rows_unchanged"] == first["rows_inserted"]
    assert machine.published() == published
    assert machine.path(f"{DATA}/cnbv/sh_datos_csv_40.zip").exists()
