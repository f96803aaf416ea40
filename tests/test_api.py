"""The package as a library."""

from __future__ import annotations

import io
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

import bankadvisor_etl
from bankadvisor_etl import check, compute, read, run
from bankadvisor_etl.errors import ConfigurationError, InputError
from bankadvisor_etl.sources import SOURCES
from support.cli import COMMAND, environment
from support.published import one

if TYPE_CHECKING:
    from pathlib import Path


def test_run_returns_what_it_did(dsn: str, sample_dir: Path) -> None:
    log = io.StringIO()
    first = run(sample_dir, dsn, log=log)
    assert (first.run_id, first.status, first.unchanged) == (1, "success", False)
    assert first.rows == first.rows_inserted == one(dsn, "SELECT count(*) FROM monthly_kpis")
    assert {json.loads(line)["run_id"] for line in log.getvalue().splitlines()} == {1}
    again = run(sample_dir, dsn)
    assert (again.run_id, again.rows_inserted, again.figures_changed, again.unchanged) == (2, 0, 0, True)
    assert run(sample_dir, dsn, dry_run=True).status == "dry_run"


@pytest.mark.slow
def test_check_returns_its_report(sample_dir: Path) -> None:
    report = check(sample_dir)
    assert {source for source, *_ in report.files} == {source.name for source in SOURCES if not source.folder}
    assert report.errors == []
    assert not [finding for finding in report.findings if finding.stops]


def test_read_and_compute_need_no_database(sample_dir: Path) -> None:
    extracts = {source.name: read(source.name, path) for source in SOURCES if (path := source.find(sample_dir))}
    result = compute(extracts)
    frame = result.evidence.kpis.frame
    assert frame.height == result.publication.height > 1_000
    assert frame.select("codigo", "mes").is_unique().all()


def test_what_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read("carter", tmp_path)
    with pytest.raises(InputError):
        read("icap", tmp_path / "ICAP_Bancos.xlsx")


def test_the_library_is_imported_when_it_is_asked_for() -> None:
    code = "import sys, bankadvisor_etl; print('bankadvisor_etl.api' in sys.modules); bankadvisor_etl.run"
    done = subprocess.run([COMMAND[0], "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    with pytest.raises(AttributeError):
        _ = bankadvisor_etl.nothing
