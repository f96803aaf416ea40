"""The verbs that only read: ``runs``, ``changes``, ``query``, ``check``; and ``sample-data``, as input of ``check``."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import pytest

from support.cli import etl
from support.contract import FILES
from support.published import ask, everything, one
from support.small import CARTERA, FLOORS, ICAP, TASAS, run, set_cell

if TYPE_CHECKING:
    from pathlib import Path


def test_runs_as_a_table_and_as_json(published: str, small: Path) -> None:
    (small / CARTERA).rename(small / "elsewhere")
    run(published, small)
    lines = etl("runs", BANKADVISOR_DSN=published).out.splitlines()
    assert lines[0].split()[:4] == ["id", "started", "(UTC)", "status"]
    assert set(lines[1]) == {"-", " "}
    assert [line.split()[0] for line in lines[2:] if not line.startswith("   ")] == ["2", "1"]
    assert CARTERA in lines[3]
    rows = etl("runs", "--json", BANKADVISOR_DSN=published).json
    assert [(row["id"], row["status"]) for row in rows] == [(2, "failure"), (1, "success")]
    assert rows[1]["rows_inserted"] == 793
    assert [row["id"] for row in etl("runs", "--json", "--limit", "1", BANKADVISOR_DSN=published).json] == [2]
    only = etl("runs", "--json", "--status", "success", BANKADVISOR_DSN=published).json
    assert [row["id"] for row in only] == [1]
    assert etl("runs", "--json", "--status", "dry_run", BANKADVISOR_DSN=published).json == []


def test_runs_show_leads_from_a_figure_to_its_file(published: str, small: Path) -> None:
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    run(published, small)
    author = one(published, "SELECT etl_run_id FROM monthly_kpis WHERE codigo_cnbv = '040059' AND fecha = '2025-03-01'")
    shown = etl("runs", "show", author, "--json", BANKADVISOR_DSN=published).json
    assert (shown["id"], shown["rows_updated"]) == (2, 1)
    hashes = dict(ask(published, "SELECT source, sha256 FROM etl_run_sources WHERE run_id = 2"))
    assert {source["source"]: source["sha256"] for source in shown["sources"]} == hashes
    assert shown["changes"] == [
        {"columna": "icap_total", "figures": 1, "first": "2025-03-01", "last": "2025-03-01"},
    ]
    assert [check["passed"] for check in shown["checks"]] == sorted(check["passed"] for check in shown["checks"])
    assert {reject["source"] for reject in shown["rejects"]} == {"castigos_comerciales", "icap", "tasas"}
    text = etl("runs", "show", author, BANKADVISOR_DSN=published).out
    assert hashes["icap"] in text
    for title in ("sources", "checks", "rejects", "changes"):
        assert f"\n{title}\n" in text
    assert len(etl("runs", "show", 2, "--json", "--rejects", "1", BANKADVISOR_DSN=published).json["rejects"]) == 1


def test_a_run_that_is_not_there(published: str) -> None:
    done = etl("runs", "show", 99, BANKADVISOR_DSN=published)
    assert (done.code, done.out) == (78, "")
    assert done.err == "Error: there is no run 99; see: bankadvisor-etl runs\n"


@pytest.mark.parametrize("arguments", [["runs"], ["runs", "show", "1"], ["changes"]])
def test_looking_into_an_empty_database(dsn: str, arguments: list[str]) -> None:
    done = etl(*arguments, BANKADVISOR_DSN=dsn)
    assert done.code == 78
    assert "start with: bankadvisor-etl run" in done.err


def test_changes_shows_what_a_restated_month_moved(published: str, small: Path) -> None:
    set_cell(small / CARTERA, "Reservas Etapa todas", lambda old: old * 1.5, Institucion="040059", Cve_Periodo="202503")
    set_cell(small / ICAP, "CCB", lambda old: old * 2, Cve_Inst="040012", FECHA="2024-12-01")
    run(published, small)
    everything_changed = etl("changes", "--json", BANKADVISOR_DSN=published).json
    moved = {(row["fecha"], row["banco_norm"], row["columna"]): row["cambio_pct"] for row in everything_changed}
    assert len(moved) == len(everything_changed) == 6
    assert moved["2025-03-01", "INVEX", "reservas_etapa_todas"] == pytest.approx(-50, abs=1e-3)
    assert moved["2025-03-01", "INVEX", "pe_total"] == pytest.approx(50, abs=1e-3)
    assert moved["2024-12-01", "BBVA", "icap_ccb"] == pytest.approx(100, abs=1e-3)

    def count(*options: str) -> int:
        return len(etl("changes", "--json", *options, BANKADVISOR_DSN=published).json)

    assert count("--run", "2") == 6
    assert count("--run", "1") == 0
    assert count("--banco", "bbva") == 1
    assert count("--desde", "2025-04") == 1
    assert count("--desde", "202503", "--banco", "INVEX") == 5
    table = etl("changes", "--banco", "BBVA", BANKADVISOR_DSN=published).out.splitlines()
    assert table[0].split() == [
        *("run", "mes", "banco", "columna", "antes", "ahora", "cambio", "%"),
    ]
    assert table[2].split()[:4] == ["2", "2024-12", "BBVA", "icap_ccb"]
    assert len(table) == 3


def test_query_prints_a_table_csv_or_json(published: str) -> None:
    sql = "SELECT fecha, banco_norm, imor, alertas FROM monthly_kpis WHERE banco_norm = 'INVEX' ORDER BY 1 LIMIT 2"
    header, _rule, *rows = etl("query", sql, BANKADVISOR_DSN=published).out.splitlines()
    assert header.split() == ["fecha", "banco_norm", "imor", "alertas"]
    assert [row.split()[:2] for row in rows] == [["2024-01-01", "INVEX"], ["2024-02-01", "INVEX"]]
    lines = list(csv.DictReader(etl("query", "--csv", sql, BANKADVISOR_DSN=published).out.splitlines()))
    stored = one(published, "SELECT imor::text FROM monthly_kpis WHERE codigo_cnbv = '040059' AND fecha = '2024-01-01'")
    assert lines[0]["imor"] == stored
    objects = etl("query", "--json", sql, BANKADVISOR_DSN=published).json
    assert objects[0]["imor"] == float(stored)
    assert objects[1]["fecha"] == "2024-02-01"


WRITING = {
    "insert": "INSERT INTO etl_runs (status) VALUES ('failure')",
    "update": "UPDATE monthly_kpis SET imor = 0",
    "delete": "DELETE FROM monthly_kpis",
    "truncate": "TRUNCATE monthly_kpis",
    "create": "CREATE TABLE canary (i integer)",
    "drop": "DROP TABLE monthly_kpis CASCADE",
    "with": "WITH gone AS (DELETE FROM monthly_kpis RETURNING 1) SELECT count(*) FROM gone",
    "select into": "SELECT 1 AS i INTO canary",
    "commit first": "COMMIT; CREATE TABLE canary (i integer)",
    "after a select": "SELECT 1; COMMIT; CREATE TABLE canary (i integer)",
    "read write": "SET TRANSACTION READ WRITE; DELETE FROM monthly_kpis",
    "session": "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; COMMIT; DELETE FROM monthly_kpis",
    "setval": "SELECT setval('etl_runs_id_seq', 1000)",
    "nextval": "SELECT nextval('etl_runs_id_seq')",
    "large object": "SELECT lo_create(424242)",
    "do": "DO $$ BEGIN CREATE TABLE canary (i integer); END $$",
    "explain analyze": "EXPLAIN ANALYZE DELETE FROM monthly_kpis",
    "set_config": "SELECT set_config('transaction_read_only', 'off', false)",
}


@pytest.mark.parametrize("statement", WRITING.values(), ids=WRITING)
def test_query_cannot_write(published: str, statement: str) -> None:
    def state() -> tuple[dict[str, str], Any]:
        more = "SELECT (SELECT count(*) FROM pg_largeobject_metadata), (SELECT last_value FROM etl_runs_id_seq)"
        return everything(published), ask(published, more)

    before = state()
    done = etl("query", statement, BANKADVISOR_DSN=published)
    # PostgreSQL 15 lets a read-only transaction create a large object; it is rolled back.
    assert done.code == 65 or (done.code == 0 and "lo_create" in statement)
    assert "Traceback" not in done.err
    assert state() == before


def test_query_starts_no_program_and_writes_no_file(published: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for statement in (
        f"COPY (SELECT 1) TO PROGRAM 'touch {tmp_path}/canary'",
        f"COPY (SELECT 1) TO '{tmp_path}/canary'",
        "COPY etl_runs TO STDOUT",
    ):
        done = etl("query", statement, BANKADVISOR_DSN=published)
        assert (done.code, done.out) == (65, "")
    assert list(tmp_path.iterdir()) == []


def test_a_query_that_is_wrong_says_why(published: str) -> None:
    done = etl("query", "SELECT nothing FROM nowhere", BANKADVISOR_DSN=published)
    assert done.code == 65
    assert 'relation "nowhere" does not exist' in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_check_takes_the_files_that_run_takes(small: Path) -> None:
    done = etl("check", "--data-dir", small, BANKADVISOR_THRESHOLD=FLOORS)
    assert (done.code, done.err) == (0, "")
    assert CARTERA in done.out
    assert re.search(r"\n(\d+) of (\d+) checks passed\n$", done.out)
    report = etl("check", "--data-dir", small, "--json", BANKADVISOR_THRESHOLD=FLOORS).json
    assert {file["source"]: file["rows_read"] for file in report["files"]}["cartera"] == 1002
    assert report["errors"] == []
    failed = {check["name"] for check in report["checks"] if not check["passed"]}
    assert failed == {"imor_high", "newest_month_recent", "icap_not_rounded"}


@pytest.mark.slow
def test_check_names_all_that_run_would_refuse(small: Path) -> None:
    (small / ICAP).write_bytes(b"no workbook")
    (small / TASAS).write_text("a,b\n1,2\n")
    done = etl("check", "--data-dir", small, BANKADVISOR_THRESHOLD=FLOORS)
    assert done.code in {65, 74}
    assert ICAP in done.err
    assert TASAS in done.err
    assert "checks passed" in done.out


@pytest.mark.slow
def test_check_says_what_is_wrong_with_the_figures(small: Path) -> None:
    set_cell(small / CARTERA, "Cartera Total Etapa 1", lambda old: old + 1, Institucion="040059", Cve_Periodo="202503")
    done = etl("check", "--data-dir", small, BANKADVISOR_THRESHOLD=FLOORS)
    assert done.code == 65
    assert "run would publish nothing, since" in done.err
    assert "stage_total_e1" in done.out


def test_check_without_the_required_file(small: Path) -> None:
    (small / CARTERA).unlink()
    done = etl("check", "--data-dir", small)
    assert (done.code, done.out) == (74, "")
    assert CARTERA in done.err


@pytest.mark.slow
def test_sample_data_then_check(tmp_path: Path) -> None:
    made = etl("sample-data", tmp_path / "new" / "data", "--tasas-rows", "100")
    assert made.code == 0
    assert len(made.out.splitlines()) == len(FILES)
    assert len((tmp_path / "new" / "data" / TASAS).read_bytes().splitlines()) == 101
    assert etl("check", "--data-dir", tmp_path / "new" / "data").code == 0
