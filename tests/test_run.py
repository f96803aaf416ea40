"""The run as a whole, by its command: what it says, what it records, what it refuses."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from bankadvisor_etl import __version__
from support import oracle
from support.cli import Result, etl
from support.comparison import differences
from support.published import OUR_TABLES, ask, everything, figures, kpis, last_run, one, runs
from support.small import (
    CARTERA,
    CASTIGOS,
    CASTIGOS_COMERCIALES,
    FLOORS,
    ICAP,
    INSTITUCIONES,
    TASA_EFECTIVA,
    TASAS,
    TDA,
    set_cell,
)

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = [
    "etl_runner.main.started",
    "etl.started",
    "etl.phase.base.started",
    "etl.source.read",  # cartera
    "etl.source.read",  # instituciones
    "etl.source.read",  # castigos
    "etl.source.read",  # castigos_comerciales
    "etl.phase.base.completed",
    "etl.phase.enhanced.started",
    "etl.source.read",  # icap
    "etl.source.read",  # tda
    "etl.source.read",  # tasas
    "etl.source.read",  # tasa_efectiva
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
    "rows_rejected": 3,
    "warnings": 3,
    "error_message": None,
    "triggered_by": "manual",
    "etl_version": __version__,
    "invocation_id": None,
}
MONITORING = (
    (
        "SELECT id, started_at, completed_at, status, duration_seconds, rows_processed_base, error_message"
        " FROM etl_runs ORDER BY started_at DESC LIMIT 10;"
    ),
    (
        "SELECT started_at, duration_seconds, rows_processed_base FROM etl_runs"
        " WHERE status = 'success' ORDER BY started_at DESC LIMIT 1;"
    ),
    (
        "SELECT id, started_at, error_message FROM etl_runs"
        " WHERE status = 'failure' AND started_at > NOW() - INTERVAL '7 days' ORDER BY started_at DESC;"
    ),
)


def run(dsn: str, folder: Path, *options: object, **settings: object) -> Result:
    return etl("run", "--data-dir", folder, *options, BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS, **settings)


# --- a first run


def test_the_whole_sample_into_an_empty_database(dsn: str, sample_dir: Path) -> None:
    """Every cell is what the oracle computes from the same files, rates of the CSV included."""
    done = etl("run", "--data-dir", sample_dir, BANKADVISOR_DSN=dsn)
    assert done.code == 0, done
    table = kpis(dsn)
    assert len(table) == last_run(dsn)["rows_inserted"] == 4328
    expected = oracle.monthly_kpis(sample_dir)
    cells, wrong = differences(table, expected)
    assert wrong == []
    assert cells == 4328 * (38 + 1)  # the figures and the alerts
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
    assert row["duration_seconds"] == pytest.approx((row["completed_at"] - row["started_at"]).total_seconds(), abs=1e-4)
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
    names = {
        "cartera": CARTERA,
        "instituciones": INSTITUCIONES,
        "castigos": CASTIGOS,
        "castigos_comerciales": CASTIGOS_COMERCIALES,
        "icap": ICAP,
        "tda": TDA,
        "tasas": TASAS,
        "tasa_efectiva": TASA_EFECTIVA,
    }
    read = {
        "cartera": (1002, 0),
        "instituciones": (55, 0),
        "castigos": (760, 0),
        "castigos_comerciales": (761, 1),
        "icap": (952, 1),
        "tda": (757, 0),
        "tasas": (923, 1),
        "tasa_efectiva": (32, 0),
    }
    assert {source: name for source, name, *_ in rows} == names
    for source, name, sha256, size, rows_read, accepted, rejected, seconds in rows:
        content = (small_dir / name).read_bytes()
        assert (sha256, size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (rows_read, rejected) == read[source]
        assert accepted == rows_read - rejected
        assert 0 < seconds < 30


def test_rejected_rows_are_kept_as_they_stand_in_the_file(published: str, small_dir: Path) -> None:
    rejects = ask(published, "SELECT source, row_number, reason, raw FROM etl_rejects ORDER BY source")
    assert [(source, reason) for source, _, reason, _ in rejects] == [
        ("castigos_comerciales", "its key stands in an earlier row"),
        ("icap", "column 'Cve_Inst' is blank"),
        ("tasas", "column 'Average Rate' is blank"),
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


# --- runs on the same files


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
    assert [event["event"] for event in done.events] == EVENTS
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


# --- dry runs


@pytest.mark.parametrize("changed", [False, True])
def test_a_dry_run_leaves_nothing_but_its_row(published: str, small: Path, *, changed: bool) -> None:
    if changed:
        set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    before = everything(published)
    done = run(published, small, "--dry-run")
    assert done.code == 0
    after = everything(published)
    assert {name for name in after if after[name] != before[name]} == {"etl_runs"}
    row = last_run(published)
    assert (row["status"], row["exit_code"]) == ("dry_run", 0)
    assert (row["rows_inserted"], row["rows_updated"], row["rows_unchanged"]) == (0, int(changed), 793 - int(changed))
    assert row["completed_at"] >= row["started_at"]
    assert done.event("etl.completed")["status"] == "dry_run"
    assert [event["event"] for event in done.events].count("etl.source.read") == 8


def test_a_dry_run_on_an_empty_database_makes_only_the_tables(dsn: str, small: Path) -> None:
    assert run(dsn, small, "--dry-run").code == 0
    filled = {name for name, content in everything(dsn).items() if not content.startswith("0 ")}
    assert filled == {"etl_schema", "etl_runs"}


def test_a_dry_run_that_fails_says_so(published: str, small: Path) -> None:
    (small / ICAP).write_bytes(b"no workbook")
    before = everything(published)
    assert run(published, small, "--dry-run").code == 74
    after = everything(published)
    assert {name for name in after if after[name] != before[name]} == {"etl_runs"}
    assert last_run(published)["status"] == "failure"


# --- failures


def test_the_required_workbook_missing(published: str, small: Path) -> None:
    before = everything(published)
    away = (small / CARTERA).rename(small / "elsewhere")
    done = run(published, small)
    assert done.code == 74
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 74, "discovery")
    assert CARTERA in row["error_message"]
    assert row["completed_at"] is not None
    assert row["duration_seconds"] >= 0
    failed = done.event("etl.failed")
    assert (failed["error_class"], failed["phase"], failed["run_id"]) == ("InputError", "discovery", row["id"])
    assert failed["error"] == row["error_message"] == done.event("etl_runner.main.failure")["error"]
    after = everything(published)
    assert {name for name in after if after[name] != before[name]} == {"etl_runs"}
    health = etl("health", BANKADVISOR_DSN=published)
    assert (health.code, health.json["status"]) == (2, "critical")
    assert CARTERA in health.json["message"]
    away.rename(small / CARTERA)
    assert run(published, small).code == 0
    assert etl("health", BANKADVISOR_DSN=published).code == 0


def test_a_folder_that_is_missing(published: str, small: Path) -> None:
    assert run(published, small / "nowhere").code == 74
    assert str(small / "nowhere") in last_run(published)["error_message"]


def test_a_check_that_fails_publishes_nothing_and_keeps_its_findings(published: str, small: Path) -> None:
    before = figures(published)
    set_cell(small / CARTERA, "Cartera Total Etapa 1", lambda old: old + 1, Institucion="040059", Cve_Periodo="202503")
    done = run(published, small)
    assert done.code == 65
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 65, "audit")
    assert "stage_total_e1" in row["error_message"]
    assert "040059 202503" in row["error_message"]
    assert figures(published) == before
    query = "SELECT passed, observed, detail FROM etl_run_checks WHERE check_name = 'stage_total_e1' AND run_id = %s"
    ((passed, observed, detail),) = ask(published, query, [row["id"]])
    assert not passed
    assert observed.startswith("largest difference 1 MDP")
    assert detail == ["040059 202503 diferencia=1"]
    failed = {e["check"] for e in done.events if e["event"] == "etl.check.failed" and e["level"] == "error"}
    assert failed == {"stage_total_e1", "todas_is_stages", "sistema_is_sum"}
    assert one(published, "SELECT count(*) FROM etl_run_sources WHERE run_id = %s", [row["id"]]) == 8
    assert one(published, "SELECT count(*) FROM etl_rejects WHERE run_id = %s", [row["id"]]) == 3


def test_a_row_left_running_is_closed_by_the_next_run(published: str, small: Path) -> None:
    ask(published, "INSERT INTO etl_runs (status, started_at) VALUES ('running', now() - interval '2 hours')")
    assert run(published, small).code == 0
    _, dead, alive = runs(published)
    assert dead["status"] == "failure"
    assert dead["error_message"].startswith("abandoned")
    assert dead["duration_seconds"] == pytest.approx(7200, abs=30)
    assert alive["status"] == "success"


# --- what people ask of etl_runs


def test_the_three_monitoring_queries_work_as_written(published: str, small: Path) -> None:
    (small / CARTERA).rename(small / "elsewhere")
    run(published, small)
    newest, success, failure = (ask(published, query) for query in MONITORING)  # type: ignore[arg-type]
    assert [(row[0], row[3], row[5]) for row in newest] == [(2, "failure", 0), (1, "success", SMALL_ROWS)]
    assert success[0][2] == SMALL_ROWS
    assert [(row[0], CARTERA in row[2]) for row in failure] == [(2, True)]


def test_health_piped_to_jq_has_the_promised_shape(published: str) -> None:
    health = etl("health", BANKADVISOR_DSN=published)
    answer = subprocess.run(["jq", "-c", ".etl"], input=health.out, capture_output=True, text=True, check=True)
    etl_part = json.loads(answer.stdout)
    assert etl_part.keys() >= {
        "last_run_id",
        "last_run_started",
        "last_run_completed",
        "last_run_status",
        "last_run_duration_seconds",
        "last_run_rows",
    }
    assert (etl_part["last_run_id"], etl_part["last_run_status"], etl_part["last_run_rows"]) == (1, "success", 793)
    assert dt.datetime.fromisoformat(etl_part["last_run_started"]).utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO etl_runs (status) VALUES ('failed')",
        "INSERT INTO etl_runs (status, completed_at) VALUES ('success', now() - interval '1 minute')",
        "INSERT INTO monthly_kpis VALUES (DEFAULT, '2025-01-02', '040059', 'INVEX', 'X')",
    ],
)
def test_the_tables_refuse_what_cannot_be(published: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        ask(published, statement)  # type: ignore[arg-type]


# --- log lines


def test_the_events_carry_what_the_contract_says(dsn: str, small: Path) -> None:
    done = run(dsn, small, "--cron")
    keys = {
        "etl_runner.main.started": {"triggered_by"},
        "etl.started": {"run_id", "triggered_by"},
        "etl.phase.base.started": {"run_id"},
        "etl.phase.base.completed": {"run_id", "rows_processed"},
        "etl.phase.enhanced.started": {"run_id"},
        "etl.phase.enhanced.completed": {"run_id", "icap_rows", "tda_rows", "tasas_rows"},
        "etl.completed": {
            *("run_id", "status", "duration_seconds"),
            *("rows_base", "rows_icap", "rows_tda", "rows_tasas"),
        },
        "etl_runner.main.success": set(),
    }
    for name, expected in keys.items():
        assert done.event(name).keys() == {"timestamp", "level", "event"} | expected
    for event in done.events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event["timestamp"])
        assert event["level"] in {"info", "warning"}
    assert done.event("etl.started")["triggered_by"] == "cron"
    completed = done.event("etl.completed")
    assert (completed["rows_base"], completed["rows_icap"], completed["rows_tda"], completed["rows_tasas"]) == (
        *(793, 751, 757, 674),
    )
    assert {event["run_id"] for event in done.events[1:-1]} == {1}


def test_the_plain_format(published: str, small: Path) -> None:
    lines = run(published, small, "--log-format", "plain", ETL_TRIGGER="cron").out.splitlines()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    patterns = [
        rf"{stamp} etl_runner\.main\.started triggered_by=cron",
        rf"{stamp} etl\.started run_id=2 triggered_by=cron",
        (
            rf"{stamp} etl\.completed run_id=2 status=success duration_seconds=\d+\.\d+"
            r" rows_base=793 rows_icap=751 rows_tda=757 rows_tasas=674"
        ),
        rf"{stamp} etl_runner\.main\.success",
    ]
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


def test_the_log_level_hides_what_is_below_it(published: str, small: Path) -> None:
    done = run(published, small, "--force", "--log-level", "warning")
    assert {event["level"] for event in done.events} == {"warning"}
    assert len(done.events) == 3


def test_nothing_but_log_lines_in_a_pipe(published: str, small: Path) -> None:
    done = run(published, small, "--force")
    assert done.err == ""
    assert all(line.startswith("{") for line in done.out.splitlines())


# --- the tables


def test_the_version_of_the_tables_is_recorded_once(published: str, small: Path) -> None:
    run(published, small)
    assert ask(published, "SELECT version, etl_version FROM etl_schema") == [(1, __version__)]


def test_tables_of_a_newer_version_are_refused(published: str, small: Path) -> None:
    ask(published, "INSERT INTO etl_schema (version, etl_version) VALUES (99, '9.0')")
    before = everything(published)
    done = run(published, small)
    assert done.code == 78
    assert "99" in done.event("etl_runner.main.failure")["error"]
    assert everything(published) == before


@pytest.mark.parametrize("table", ["etl_runs", "monthly_kpis", "instituciones"])
def test_tables_of_another_system_are_left_alone(dsn: str, small: Path, table: str) -> None:
    ask(dsn, f"CREATE TABLE {table} AS SELECT 7 AS id")  # type: ignore[arg-type]
    done = run(dsn, small)
    assert done.code == 78
    assert "adopt" in done.event("etl_runner.main.failure")["error"]
    assert ask(dsn, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'") == [(table,)]


def test_every_column_has_a_comment_and_every_figure_a_unit(published: str) -> None:
    columns = ask(
        published,
        "SELECT a.attrelid::regclass::text, a.attname::text, a.atttypid::regtype::text,"
        " col_description(a.attrelid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped",
    )
    assert {table for table, *_ in columns} == set(OUR_TABLES)
    assert [f"{table}.{column}" for table, column, _, comment in columns if not comment] == []
    metrics = {
        column: comment for table, column, kind, comment in columns if table == "monthly_kpis" and kind == "numeric"
    }
    assert len(metrics) == 38 + 4
    units = {column: re.findall(r"Unit: (MDP|ratio|percent)\b", comment) for column, comment in metrics.items()}
    assert [column for column, found in units.items() if len(found) != 1] == []
    older = {"pct_etapa_1", "pct_etapa_2", "pct_etapa_3", "quebrantos_cc"}
    assert [column for column, comment in metrics.items() if "Source: " not in comment and column not in older] == []
    percent = {column for column, found in units.items() if found == ["percent"]}
    assert percent == {"market_share_pct", "tasa_sistema", "tasa_invex_consumo"}
    assert [t for t in OUR_TABLES if one(published, "SELECT obj_description(%s::regclass)", [t]) is None] == []


def test_the_older_names_are_generated(published: str) -> None:
    query = (
        "SELECT count(*), count(*) FILTER (WHERE (pct_etapa_1, pct_etapa_2, pct_etapa_3, quebrantos_cc)"
        " IS DISTINCT FROM (ct_etapa_1, ct_etapa_2, ct_etapa_3, quebrantos_comerciales)), count(quebrantos_cc)"
        " FROM monthly_kpis"
    )
    ((rows, apart, losses),) = ask(published, query)
    assert (rows, apart) == (SMALL_ROWS, 0)
    assert losses > 600
    with pytest.raises(psycopg.errors.GeneratedAlways):
        ask(published, "UPDATE monthly_kpis SET pct_etapa_1 = 1")


def test_amounts_and_ratios_have_their_types(published: str) -> None:
    kinds = dict(
        ask(
            published,
            "SELECT format_type(atttypid, atttypmod), array_agg(attname::text ORDER BY attname) FROM pg_attribute"
            " WHERE attrelid = 'monthly_kpis'::regclass AND attnum > 0 GROUP BY 1",
        )
    )
    assert kinds["date"] == ["fecha"]
    assert len(kinds["numeric(20,6)"]) == 15 + 2
    assert "cartera_total" in kinds["numeric(20,6)"]
    assert {"imor", "icap_total", "market_share_pct"} <= set(kinds["numeric(18,8)"])
    assert kinds["text[]"] == ["alertas"]
    key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'monthly_kpis_pkey'"
    assert one(published, key) == "PRIMARY KEY (fecha, banco_norm)"
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'monthly_kpis'"
    found = " ".join(definition for (definition,) in ask(published, indexes))
    assert "(banco_norm, fecha DESC)" in found
    assert "btree (fecha)" in found


def test_instituciones_names_the_banks_and_the_system(published: str) -> None:
    query = "SELECT codigo_cnbv, banco_norm, nombre_corto, nombre_oficial, es_sistema FROM instituciones"
    rows: dict[str, Any] = {code: rest for code, *rest in ask(published, query)}
    assert rows["040059"] == ["INVEX", "INVEX", rows["040059"][2], False]
    assert rows["5"][:2] == ["SISTEMA", "SISTEMA"]
    assert [code for code, row in rows.items() if row[3]] == ["5"]
    assert rows["040154"][0] == "COVALTO"
    codes = {code for (code,) in ask(published, "SELECT DISTINCT codigo_cnbv FROM monthly_kpis")}
    assert codes <= rows.keys()
    lost = "SELECT count(*) FROM monthly_kpis m LEFT JOIN instituciones i USING (banco_norm) WHERE i.id IS NULL"
    assert one(published, lost) == 0


def test_old_checks_and_rejects_are_pruned_and_runs_and_changes_are_not(published: str, small: Path) -> None:
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    run(published, small)
    changes = one(published, "SELECT count(*) FROM monthly_kpis_cambios")
    ask(published, "UPDATE etl_runs SET started_at = now() - interval '401 days' WHERE id = 1")
    ask(published, "UPDATE etl_runs SET started_at = now() - interval '399 days' WHERE id = 2")
    assert run(published, small, "--force").code == 0
    for table in ("etl_run_checks", "etl_rejects"):
        query = f"SELECT DISTINCT run_id FROM {table} ORDER BY 1"  # noqa: S608 (a constant)
        assert ask(published, query) == [(2,), (3,)]  # type: ignore[arg-type]
    assert [row["id"] for row in runs(published)] == [1, 2, 3]
    assert one(published, "SELECT count(*) FROM monthly_kpis_cambios") == changes > 0
    assert one(published, "SELECT count(*) FROM etl_run_sources WHERE run_id = 1") == 8
    run(published, small, "--force", "--keep-days", "30")
    assert ask(published, "SELECT DISTINCT run_id FROM etl_rejects ORDER BY 1") == [(3,), (4,)]


def test_a_run_leaves_nothing_behind_in_the_session_of_a_pooler(published: str) -> None:
    """The verbs set nothing that outlives their transactions, and prepare no statement."""
    code = (
        "import os; from bankadvisor_etl.warehouse.connection import connect, transaction\n"
        "with connect(os.environ['DSN']) as c:\n"
        "  for _ in range(20):\n"
        "    with transaction(c) as cursor: cursor.execute('SELECT %s::int', [1])\n"
        "  print(c.execute('SELECT count(*) FROM pg_prepared_statements').fetchone()[0],"
        " c.execute('SHOW statement_timeout').fetchone()[0])"
    )
    from support.cli import environment  # noqa: PLC0415

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(DSN=published), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "0"]
