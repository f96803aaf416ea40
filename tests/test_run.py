"""The whole command ``run``: what it does, what it records, what it refuses."""

from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
from typing import TYPE_CHECKING

import openpyxl
import pytest

from bankadvisor_etl import __version__
from support import oracle
from support.cli import etl
from support.comparison import differences
from support.contract import COUNT, FIGURES, FILES, INPUTS
from support.published import ask, everything, figures, kpis, last_run, one, runs
from support.small import TASAS, run

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = [
    "etl_runner.main.started",
    "etl.started",
    "etl.phase.base.started",
    *["etl.source.read" for given in INPUTS.values() if given.phase == "base"],
    "etl.phase.base.completed",
    "etl.phase.enhanced.started",
    *["etl.source.read" for given in INPUTS.values() if given.phase == "enhanced"],
    "etl.phase.enhanced.completed",
    "etl.check.failed",  # imor_high
    "etl.check.failed",  # newest_month_recent
    "etl.check.failed",  # icap_not_rounded
    "etl.completed",
    "etl_runner.main.success",
]
SMALL_ROWS = 793
SMALL_FACTS = {
    "status": "success",
    "exit_code": 0,
    "rows_processed_base": 793,
    "rows_processed_icap": 751,
    "rows_processed_tda": 757,
    "rows_processed_tasas": 674,
    "rows_rejected": sum(given.rejects for given in INPUTS.values()),
    "warnings": 3,
    "error_message": None,
    "triggered_by": "manual",
    "etl_version": __version__,
    "invocation_id": None,
}

ROWS = {
    "cartera": 1002,
    "instituciones": 55,
    "castigos": 760,
    "castigos_comerciales": 761,
    "icap": 952,
    "tda": 757,
    "tasas": 923,
    "tasa_efectiva": 32,
}
"""Hashes of the original files of the small sample, so that a cut that loses rows is found."""


def rows_of(folder: Path, source: str) -> int:
    """The non-blank rows below the header, according to openpyxl and the lines of the CSV."""
    file, _, sheet, *_ = INPUTS[source]
    if sheet is None:
        return len((folder / file).read_bytes().splitlines()) - 1
    book = openpyxl.load_workbook(folder / file, read_only=True)
    rows = sum(any(cell not in {None, ""} for cell in row) for row in book[sheet].iter_rows(values_only=True))
    book.close()
    return rows - 1


def test_the_whole_sample_into_an_empty_database(dsn: str, sample_dir: Path) -> None:
    """Every cell is what the oracle computes from the same files, including the rates of the CSV."""
    done = etl("run", "--data-dir", sample_dir, BANKADVISOR_DSN=dsn)
    assert done.code == 0, done
    table = kpis(dsn)
    assert len(table) == last_run(dsn)["rows_inserted"] == 4328
    expected = oracle.monthly_kpis(sample_dir)
    cells, wrong = differences(table, expected)
    assert wrong == []
    assert cells == 4328 * (COUNT + 1)  # the figures and the alerts
    for source, names in FIGURES.items():
        blank = [name for name in names if all(row[name] is None for row in table.values())]
        assert blank == (list(names) if source == "serie" else [])
    assert sum(row["tasa_mn"] is not None for row in table.values()) > 2000


def test_a_first_run_records_all_it_did(dsn: str, small: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    done = run(dsn, small)
    after = dt.datetime.now(dt.UTC)
    assert (done.code, done.err) == (0, "")
    (row,) = runs(dsn)
    assert {name: row[name] for name in SMALL_FACTS} == SMALL_FACTS
    counts = ("rows_inserted", "rows_updated", "rows_unchanged")
    assert [row[name] for name in counts] == [SMALL_ROWS, 0, 0]
    assert before <= row["started_at"] <= row["completed_at"] <= after
    assert row["duration_seconds"] == pytest.approx((row["completed_at"] - row["started_at"]).total_seconds(), abs=0.1)
    assert row["phase"] == "publish"
    assert row["host"] == subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip()
    assert one(dsn, "SELECT count(*) FROM monthly_kpis") == SMALL_ROWS
    assert one(dsn, "SELECT count(*) FROM monthly_kpis_cambios") == 0
    assert [event["event"] for event in done.events] == EVENTS


def test_each_file_is_on_record_with_its_hash(published: str, small_dir: Path) -> None:
    rows = ask(
        published,
        "SELECT source, file_name, sha256, bytes, rows_read, rows_accepted, rows_rejected, seconds"
        " FROM etl_run_sources WHERE run_id = 1",
    )
    assert {source: name for source, name, *_ in rows} == FILES
    counted = {source: rows_of(small_dir, source) for source in FILES}
    assert {source: counted[source] for source in ROWS} == ROWS
    for source, name, sha256, size, rows_read, accepted, rejected, seconds in rows:
        content = (small_dir / name).read_bytes()
        assert (sha256, size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (rows_read, rejected) == (counted[source], INPUTS[source].rejects)
        assert accepted == rows_read - rejected
        assert 0 < seconds < 30


def test_rejected_rows_are_kept_as_they_stand_in_the_file(published: str, small_dir: Path) -> None:
    rejects = ask(published, "SELECT source, row_number, reason, raw FROM etl_rejects ORDER BY source")
    assert [(source, reason) for source, _, reason, _ in rejects] == [
        ("castigos_comerciales", "its key appears in an earlier row"),
        ("icap", "column 'Cve_Inst': the cell is blank"),
        ("tasas", "column 'Average Rate': the cell is blank"),
    ]
    line = (small_dir / TASAS).read_text(encoding="latin-1").splitlines()[rejects[2][1] - 1]
    assert rejects[2][3]["Total Portfolio"] in line
    assert rejects[2][3]["Average Rate"] is None
    assert rejects[0][3]["Institucion1"] == "040165"


def test_each_check_is_on_record(published: str) -> None:
    checks = ask(
        published, "SELECT check_name, severity, passed, observed, detail FROM etl_run_checks WHERE run_id = 1"
    )
    by_name = {name: row for name, *row in checks}
    assert [name for name, (severity, passed, *_) in by_name.items() if severity == "error" and not passed] == []
    failed = {name for name, (_, passed, *_) in by_name.items() if not passed}
    assert failed == {"imor_high", "newest_month_recent", "icap_not_rounded"}
    assert by_name["icap_not_rounded"] == ["warning", False, "202404", ["202404"]]
    assert len(by_name["imor_high"][3]) == 10
    assert by_name["imor_high"][3][0] == "040165 202507 imor=0.183219"
    assert {"sistema_is_sum", "coverage_icap", "coverage_tda", "todas_is_stages", "few_restated"} <= by_name.keys()


def test_the_same_files_again_are_not_read(published: str, small: Path) -> None:
    before = figures(published)
    done = run(published, small)
    assert done.code == 0
    first, second = runs(published)
    assert {name: second[name] for name in SMALL_FACTS} == SMALL_FACTS
    assert (second["rows_inserted"], second["rows_updated"], second["rows_unchanged"]) == (0, 0, SMALL_ROWS)
    assert second["phase"] == "unchanged"
    assert [event["event"] for event in done.events] == [*EVENTS[:2], *EVENTS[-2:]]
    assert figures(published) == before
    hashes = "SELECT source, sha256, rows_read FROM etl_run_sources WHERE run_id = %s ORDER BY source"
    assert ask(published, hashes, [second["id"]]) == ask(published, hashes, [first["id"]])
    assert ask(published, "SELECT DISTINCT etl_run_id FROM monthly_kpis") == [(first["id"],)]


def test_force_reads_them_and_writes_nothing(published: str, small: Path) -> None:
    before = everything(published)["monthly_kpis"]
    done = run(published, small, "--force")
    assert [event["event"] for event in done.events] == [
        name
        for name in EVENTS
        if name != "etl.check.failed"  # earlier findings are known
    ]
    row = last_run(published)
    assert (row["rows_inserted"], row["rows_updated"], row["rows_unchanged"]) == (0, 0, SMALL_ROWS)
    assert everything(published)["monthly_kpis"] == before
    assert one(published, "SELECT count(*) FROM monthly_kpis_cambios") == 0


def test_another_version_reads_them_again(published: str, small: Path) -> None:
    ask(published, "UPDATE etl_runs SET etl_version = '0.0.9'")
    assert "etl.source.read" in {event["event"] for event in run(published, small).events}
    assert last_run(published)["rows_unchanged"] == SMALL_ROWS


def test_figures_that_somebody_deleted_come_back(published: str, small: Path) -> None:
    """The files are those of the last success, but the table is not."""
    before = figures(published)
    ask(published, "DELETE FROM monthly_kpis WHERE codigo_cnbv = '040059'")
    run(published, small)
    assert last_run(published)["rows_inserted"] == 19
    assert figures(published) == before


def test_the_same_rows_in_another_order_change_nothing(published: str, small: Path) -> None:
    path = small / TASAS
    head, *lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(head + b"".join(reversed(lines)))
    before = figures(published)
    run(published, small)
    row = last_run(published)
    assert (row["rows_updated"], row["rows_unchanged"]) == (0, SMALL_ROWS)
    assert figures(published) == before
