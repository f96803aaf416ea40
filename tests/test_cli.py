"""Every verb as an operator meets it: its help, its answers, its exit codes, its settings."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from psycopg.conninfo import conninfo_to_dict

from bankadvisor_etl import __version__
from bankadvisor_etl.cli import cli
from bankadvisor_etl.cli.runs import show as runs_show
from support.cli import COMMAND, Result, environment, etl, stopped_at
from support.published import ask, everything, figures, last_run, one, runs
from support.small import CARTERA, FLOORS, ICAP, TASAS, set_cell

if TYPE_CHECKING:
    from collections.abc import Mapping

README = Path(__file__).parents[1] / "README.md"
VERBS = (*cli.commands, "runs show")
UNREACHABLE = "postgresql://user@127.0.0.1:1/nowhere"
NO_DATABASE_NEEDED = {"check", "sample-data"}
CPU_LIMIT = 0.3  # seconds


def run(dsn: str, folder: Path, *options: object, **settings: object) -> Result:
    return etl("run", "--data-dir", folder, *options, BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS, **settings)


# --- help


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_stands_in_the_readme(verb: str) -> None:
    done = etl(*verb.split(), "--help")
    assert done.code == 0
    usage, _, words = done.out.partition("\n\n")
    assert usage.startswith(f"Usage: python -m bankadvisor_etl {verb} ")
    assert len(words.split("Options:")[0].split()) >= 6
    assert re.search(rf"(`|bankadvisor-etl ){verb}\b", README.read_text(encoding="utf-8"))


def test_every_option_has_help() -> None:
    commands = [*cli.commands.values(), runs_show]
    options = [option for command in commands for option in command.params if isinstance(option, click.Option)]
    assert len(options) > 40
    assert [option.name for option in options if not option.help] == []


def test_the_verbs_are_those_of_the_contract() -> None:
    expected = {"run", "health", "runs", "changes", "check", "sample-data", "query", "adopt", "finalize"}
    assert set(cli.commands) == expected
    listed = re.findall(r"^  ([a-z-]+)  ", etl("--help").out.partition("Commands:\n")[2], re.MULTILINE)
    assert set(listed) == expected


def test_version() -> None:
    assert etl("--version").out == f"bankadvisor-etl, version {__version__}\n"


# --- speed


def test_help_and_health_take_next_to_no_processor_time(published: str) -> None:
    for arguments in (("--help",), ("run", "--help"), ("health",), ("runs",)):
        spent = min(etl(*arguments, BANKADVISOR_DSN=published).cpu for _ in range(3))
        assert spent < CPU_LIMIT, arguments


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["health"], ["runs"], ["finalize"]])
def test_what_only_looks_does_not_load_polars(published: str, arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "bankadvisor_etl", *arguments]
    settings = environment(BANKADVISOR_DSN=published, INVOCATION_ID="x")
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "click" in modules
    assert not modules & {"polars", "fastexcel", "dataframely"}
    assert ("psycopg" in modules) == ("--help" not in arguments)


# --- exit codes


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run", "--nonsense"],
        ["run", "--log-format", "xml"],
        ["run", "--keep-days", "0"],
        ["health", "--max-age", "36"],
        ["health", "--format", "html"],
        ["runs", "--limit", "0"],
        ["runs", "--status", "partial"],
        ["runs", "show"],
        ["changes", "--desde", "yesterday"],
        ["sample-data"],
        ["query"],
    ],
    ids=" ".join,
)
def test_usage_exits_2(published: str, arguments: list[str]) -> None:
    before = everything(published)
    done = etl(*arguments, BANKADVISOR_DSN=published)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: ")
    assert everything(published) == before


def test_a_bug_exits_1_and_is_on_record(published: str, small: Path) -> None:
    code = (
        "import bankadvisor_etl.transforms.kpis as kpis, bankadvisor_etl.cli as cli\n"
        "def boom(frames): raise ZeroDivisionError('boom')\n"
        "kpis.base = boom\n"
        "cli.main()"
    )
    before = figures(published)
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--data-dir", str(small), "--force"],
        env=environment(BANKADVISOR_DSN=published, BANKADVISOR_THRESHOLD=FLOORS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    failure = json.loads(done.stdout.splitlines()[-1])
    assert "boom" in failure["exception"]
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 1, "base")
    assert row["error_message"] == "a bug: ZeroDivisionError: boom; please report it"
    assert figures(published) == before


def test_data_that_is_wrong_exits_65(published: str, small: Path) -> None:
    set_cell(small / CARTERA, "Cartera Total Etapa 3", lambda _: "n/d", Institucion="040059", Cve_Periodo="202503")
    done = run(published, small)
    assert done.code == last_run(published)["exit_code"] == 65
    message = last_run(published)["error_message"]
    for word in (CARTERA, "Sheet1", "Cartera Total Etapa 3", "n/d"):
        assert word in message


@pytest.mark.parametrize("verb", sorted(set(cli.commands) - NO_DATABASE_NEEDED - {"health", "finalize"}))
def test_a_database_that_is_away_exits_69(verb: str, small: Path) -> None:
    rest = {"query": ["SELECT 1"], "run": ["--data-dir", small]}.get(verb, [])
    done = etl(verb, *rest, BANKADVISOR_DSN=UNREACHABLE)
    assert done.code == 69
    said = done.out if verb == "run" else done.err
    assert "the database cannot be reached" in said
    assert "Traceback" not in said


def test_an_input_that_cannot_be_read_exits_74(published: str, small: Path) -> None:
    (small / ICAP).write_bytes((small / ICAP).read_bytes()[:2000])
    done = run(published, small)
    assert done.code == last_run(published)["exit_code"] == 74
    assert ICAP in last_run(published)["error_message"]


def test_two_runs_at_once(published: str, small: Path, tmp_path: Path) -> None:
    """The first wins, the second exits 75 and leaves no row; health says that one is at work."""
    settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
    with stopped_at("begun", tmp_path / "marker", "run", "--data-dir", small, "--force", **settings) as first:
        second = run(published, small)
        assert second.code == 75
        assert [event["event"] for event in second.events] == [
            "etl_runner.main.started",
            "etl.skipped",
            "etl_runner.main.skipped",
        ]
        assert second.event("etl.skipped")["level"] == "warning"
        assert [row["status"] for row in runs(published)] == ["success", "running"]
        health = etl("health", BANKADVISOR_DSN=published)
        assert (health.code, health.json["etl"]["last_run_status"]) == (0, "running")
        (tmp_path / "marker").unlink()
        assert first.end().code == 0
    assert [row["status"] for row in runs(published)] == ["success", "success"]
    assert run(published, small).code == 0


@pytest.mark.parametrize("verb", sorted(set(cli.commands) - NO_DATABASE_NEEDED - {"finalize"}))
def test_no_database_named_exits_78_and_names_the_choices(verb: str) -> None:
    done = etl(verb, *(["SELECT 1"] if verb == "query" else []))
    assert done.code == 78
    said = done.out if verb == "run" else done.err
    for choice in ("--dsn", "BANKADVISOR_DSN", "DATABASE_URL", "PGHOST", "--embedded"):
        assert choice in said


@pytest.mark.parametrize("dsn", ["postgresql://user@[::1/db", "no equals sign", "host=x nonsense=1", "http://x/y"])
def test_a_connection_string_that_is_none_exits_78(dsn: str) -> None:
    done = etl("runs", "--dsn", dsn)
    assert (done.code, done.out) == (78, "")
    assert "connection string" in done.err


@pytest.mark.parametrize("threshold", ["floor_cartera=many", "floor=3", "floor_cartera"])
def test_a_threshold_that_is_none_exits_78(published: str, small: Path, threshold: str) -> None:
    done = etl("run", "--data-dir", small, "--threshold", threshold, BANKADVISOR_DSN=published)
    assert done.code == 78
    assert "threshold" in done.event("etl_runner.main.failure")["error"]


def test_sigterm_exits_143_and_closes_the_row(published: str, small: Path, tmp_path: Path) -> None:
    before = figures(published)
    settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
    with stopped_at("hashed", tmp_path / "marker", "run", "--data-dir", small, "--force", **settings) as running:
        running.send(signal.SIGTERM)
        done = running.end()
        assert running.survivors == []
    assert done.code == 143
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["phase"]) == ("failure", 143, "discovery")
    assert row["error_message"] == "stopped by SIGTERM"
    assert done.event("etl_runner.main.failure")["exit_code"] == 143
    assert figures(published) == before


def test_ctrl_c_closes_the_row(published: str, small: Path, tmp_path: Path) -> None:
    settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
    with stopped_at("staged", tmp_path / "marker", "run", "--data-dir", small, "--force", **settings) as running:
        running.send(signal.SIGINT)
        assert running.end().code == 130
    row = last_run(published)
    assert (row["status"], row["exit_code"], row["error_message"]) == ("failure", 130, "stopped by Ctrl-C")


# --- settings


@pytest.mark.parametrize(
    ("options", "settings", "expected"),
    [
        ([], {}, "manual"),
        (["--cron"], {}, "cron"),
        ([], {"ETL_TRIGGER": "cron"}, "cron"),
        ([], {"ETL_TRIGGER": "other"}, "manual"),
        ([], {"TRIGGER_UNIT": "bankadvisor-etl.timer", "INVOCATION_ID": "a1", "SYSTEMD_EXEC_PID": "1"}, "timer"),
        ([], {"INVOCATION_ID": "a1", "SYSTEMD_EXEC_PID": "1"}, "systemd"),
        ([], {"TRIGGER_UNIT": "some.path", "INVOCATION_ID": "a1", "SYSTEMD_EXEC_PID": "1"}, "systemd"),
        (["--cron"], {"TRIGGER_UNIT": "bankadvisor-etl.timer", "INVOCATION_ID": "a1"}, "cron"),
    ],
)
def test_who_started_a_run(
    published: str, small: Path, options: list[str], settings: dict[str, str], expected: str
) -> None:
    done = run(published, small, *options, **settings)
    row = last_run(published)
    assert row["triggered_by"] == done.event("etl.started")["triggered_by"] == expected
    assert row["invocation_id"] == settings.get("INVOCATION_ID")


def _as_variables(dsn: str) -> dict[str, str]:
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    return {"PGDATABASE": parts.pop("dbname")} | {f"PG{name.upper()}": value for name, value in parts.items()}


def _as_url(dsn: str, scheme: str) -> str:
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    database = parts.pop("dbname")
    return f"{scheme}:///{database}?" + "&".join(f"{name}={value}" for name, value in parts.items())


def test_the_connection_that_is_set_first_is_taken(published: str) -> None:
    """The option, BANKADVISOR_DSN, DATABASE_URL, libpq's variables; what comes later is not even tried."""
    wrong = {"BANKADVISOR_DSN": UNREACHABLE, "DATABASE_URL": UNREACHABLE, "PGHOST": "127.0.0.1", "PGPORT": "1"}
    answers = [etl("runs", "--json", "--dsn", published, **wrong)]
    answers.append(etl("runs", "--json", **wrong | {"BANKADVISOR_DSN": published}))
    del wrong["BANKADVISOR_DSN"]
    schemes = ("postgresql", "postgres", "postgresql+psycopg2", "postgresql+asyncpg")
    answers += [etl("runs", "--json", **wrong | {"DATABASE_URL": _as_url(published, name)}) for name in schemes]
    answers.append(etl("runs", "--json", "--embedded", **_as_variables(published)))
    assert [(done.code, len(json.loads(done.out or "[]"))) for done in answers] == [(0, 1)] * 7
    assert etl("runs", **wrong).code == 69


def test_a_service_file_names_the_database(published: str, tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in conninfo_to_dict(published).items()]
    (tmp_path / "services").write_text("\n".join(["[banks]", *lines, ""]))
    done = etl("runs", "--json", PGSERVICE="banks", PGSERVICEFILE=tmp_path / "services")
    assert (done.code, len(done.json)) == (0, 1)


def test_the_folder_comes_from_the_option_the_environment_the_default(published: str, small: Path) -> None:
    settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
    elsewhere = small.parent / "elsewhere"
    assert etl("run", "--data-dir", small, BANKADVISOR_DATA_DIR=elsewhere, **settings).code == 0
    assert etl("run", BANKADVISOR_DATA_DIR=small, **settings).code == 0
    assert etl("run", "--data-dir", elsewhere, BANKADVISOR_DATA_DIR=small, **settings).code == 74
    assert str(elsewhere) in last_run(published)["error_message"]
    assert etl("run", cwd=small.parent, **settings).code == 74
    assert "the data folder data/raw does not exist" in last_run(published)["error_message"]
    (small.parent / "data").mkdir()
    small.rename(small.parent / "data" / "raw")
    assert etl("run", cwd=small.parent, **settings).code == 0


@pytest.mark.parametrize(
    ("settings", "status", "rows"),
    [
        ({"BANKADVISOR_DRY_RUN": "1"}, "dry_run", 793),
        ({"BANKADVISOR_DRY_RUN": "false"}, "success", 793),
        ({"BANKADVISOR_FORCE": "yes"}, "success", 793),
    ],
)
def test_flags_come_from_the_environment_too(
    published: str, small: Path, settings: dict[str, str], status: str, rows: int
) -> None:
    done = run(published, small, **settings)
    row = last_run(published)
    assert (row["status"], row["rows_unchanged"]) == (status, rows)
    assert ("etl.source.read" in done.out) == (settings.get("BANKADVISOR_DRY_RUN") != "false")


def test_a_threshold_by_option_goes_before_the_environment(published: str, small: Path) -> None:
    done = run(published, small, "--force", "--threshold", "floor_cartera=5000", "--threshold", "floor_icap=100")
    assert done.code == 65
    assert "rows_floor_cartera: 1,002 rows; expected at least 5,000 rows" in last_run(published)["error_message"]


# --- runs, runs show


def test_runs_as_a_table_and_as_json(published: str, small: Path) -> None:
    (small / CARTERA).rename(small / "elsewhere")
    run(published, small)
    lines = etl("runs", BANKADVISOR_DSN=published).out.splitlines()
    assert lines[0].split()[:4] == ["id", "started_at", "status", "duration_seconds"]
    assert set(lines[1]) == {"-", " "}
    assert [line.split()[0] for line in lines[2:]] == ["2", "1"]
    assert CARTERA in lines[2]
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


# --- changes


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
        *("run_id", "fecha", "banco_norm", "columna", "valor_anterior", "valor_nuevo", "cambio_pct"),
    ]
    assert table[2].split()[:4] == ["2", "2024-12-01", "BBVA", "icap_ccb"]
    assert len(table) == 3


# --- query


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
    # PostgreSQL 15 lets a transaction that only reads make a large object; it is rolled back.
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


# --- check


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


def test_check_names_all_that_run_would_refuse(small: Path) -> None:
    (small / ICAP).write_bytes(b"no workbook")
    (small / TASAS).write_text("a,b\n1,2\n")
    done = etl("check", "--data-dir", small, BANKADVISOR_THRESHOLD=FLOORS)
    assert done.code in {65, 74}
    assert ICAP in done.err
    assert TASAS in done.err
    assert "checks passed" in done.out


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


# --- sample-data


def test_sample_data_then_check(tmp_path: Path) -> None:
    made = etl("sample-data", tmp_path / "new" / "data", "--tasas-rows", "100")
    assert made.code == 0
    assert len(made.out.splitlines()) == 8
    assert len((tmp_path / "new" / "data" / TASAS).read_bytes().splitlines()) == 101
    assert etl("check", "--data-dir", tmp_path / "new" / "data").code == 0


# --- health


def _age(dsn: str, hours: int) -> None:
    ask(
        dsn,
        "UPDATE etl_runs SET started_at = started_at - make_interval(hours => %(hours)s),"
        " completed_at = completed_at - make_interval(hours => %(hours)s)",
        {"hours": hours},
    )


@pytest.mark.parametrize(
    ("hours", "options", "code", "status"),
    [
        (0, [], 0, "ok"),
        (35, [], 0, "ok"),
        (37, [], 1, "warning"),
        (71, [], 1, "warning"),
        (73, [], 2, "critical"),
        (37, ["--max-age", "2d"], 0, "ok"),
        (3, ["--max-age", "120m"], 1, "warning"),
        (3, ["--max-age", "3600s"], 2, "critical"),
    ],
)
def test_health_of_a_success_by_its_age(published: str, hours: int, options: list[str], code: int, status: str) -> None:
    _age(published, hours)
    done = etl("health", *options, BANKADVISOR_DSN=published)
    assert (done.code, done.json["status"]) == (code, status)
    assert done.json["etl"]["last_success_id"] == 1


def test_max_age_from_the_environment(published: str) -> None:
    _age(published, 3)
    assert etl("health", BANKADVISOR_DSN=published, BANKADVISOR_MAX_AGE="2h").code == 1
    assert etl("health", "--max-age", "4h", BANKADVISOR_DSN=published, BANKADVISOR_MAX_AGE="2h").code == 0


def test_health_of_a_failure(published: str) -> None:
    row = "INSERT INTO etl_runs (status, completed_at, error_message) VALUES ('failure', now(), 'broken |\nx')"
    ask(published, row)
    done = etl("health", BANKADVISOR_DSN=published)
    assert done.code == 2
    assert done.json["message"] == "run 2 failed: broken |\nx"
    assert (done.json["etl"]["last_run_id"], done.json["etl"]["last_success_id"]) == (2, 1)
    nagios = etl("health", "--format", "nagios", BANKADVISOR_DSN=published)
    assert nagios.code == 2
    assert nagios.out.count("\n") == 1
    assert re.fullmatch(r"BANKADVISOR_ETL CRITICAL - run 2 failed: broken / x \| age=\d+s;129600;259200\n", nagios.out)


def test_health_of_a_row_that_nobody_is_at_work_on(published: str) -> None:
    ask(published, "INSERT INTO etl_runs (status) VALUES ('running')")
    done = etl("health", BANKADVISOR_DSN=published)
    assert (done.code, done.json["etl"]["last_run_status"]) == (2, "running")
    assert "it was killed" in done.json["message"]


def test_health_of_a_run_that_is_stuck(published: str, small: Path, tmp_path: Path) -> None:
    _age(published, 2)
    settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
    with stopped_at("begun", tmp_path / "marker", "run", "--data-dir", small, **settings):
        ask(published, "UPDATE etl_runs SET started_at = now() - interval '61 minutes' WHERE status = 'running'")
        done = etl("health", BANKADVISOR_DSN=published)
    assert done.code == 2
    assert "stuck" in done.json["message"]


def test_health_of_the_first_run_while_it_is_at_work(dsn: str, small: Path, tmp_path: Path) -> None:
    settings = {"BANKADVISOR_DSN": dsn, "BANKADVISOR_THRESHOLD": FLOORS}
    with stopped_at("begun", tmp_path / "marker", "run", "--data-dir", small, **settings):
        done = etl("health", BANKADVISOR_DSN=dsn)
    assert (done.code, done.json["status"]) == (1, "warning")


def test_health_does_not_take_a_dry_run_for_a_run(published: str, small: Path) -> None:
    _age(published, 73)
    run(published, small, "--dry-run")
    done = etl("health", BANKADVISOR_DSN=published)
    assert (done.code, done.json["etl"]["last_run_status"]) == (2, "dry_run")


def test_health_without_a_run(dsn: str) -> None:
    done = etl("health", BANKADVISOR_DSN=dsn)
    assert done.code == 3
    assert (done.json["status"], done.json["etl"]["last_run_status"]) == ("unknown", "never_run")
    assert "no run yet" in done.json["message"]
    assert etl("health", "--format", "nagios", BANKADVISOR_DSN=dsn).out.startswith("BANKADVISOR_ETL UNKNOWN - no run")


@pytest.mark.parametrize("style", ["json", "text", "nagios", "prometheus"])
def test_health_of_a_database_that_is_away_is_critical(style: str) -> None:
    done = etl("health", "--format", style, BANKADVISOR_DSN=UNREACHABLE)
    assert (done.code, done.err) == (2, "")
    expected = {
        "json": '"status": "critical"',
        "text": "critical: the database cannot be reached",
        "nagios": "BANKADVISOR_ETL CRITICAL - the database cannot be reached",
        "prometheus": "bankadvisor_etl_up 0",
    }
    assert expected[style] in done.out


def test_health_as_text_nagios_and_prometheus(published: str) -> None:
    text = etl("health", "--format", "text", BANKADVISOR_DSN=published).out.splitlines()
    assert re.fullmatch("ok: run 1 succeeded .+ ago", text[0])
    assert text[2].split() == ["rows", "793"]
    nagios = etl("health", "--format", "nagios", BANKADVISOR_DSN=published)
    assert re.fullmatch(
        r"BANKADVISOR_ETL OK - run 1 succeeded [^|]+ ago \| age=\d+s;129600;259200 duration=\d+\.\d\ds rows=793\n",
        nagios.out,
    )
    metrics = _metrics(etl("health", "--format", "prometheus", BANKADVISOR_DSN=published).out)
    row = last_run(published)
    assert metrics == {
        "bankadvisor_etl_up": 1,
        "bankadvisor_etl_last_run_success": 1,
        "bankadvisor_etl_last_run_timestamp_seconds": pytest.approx(row["started_at"].timestamp()),
        "bankadvisor_etl_last_run_duration_seconds": pytest.approx(row["duration_seconds"]),
        "bankadvisor_etl_last_run_rows": 793,
        "bankadvisor_etl_last_run_warnings": 3,
        "bankadvisor_etl_last_success_timestamp_seconds": pytest.approx(row["completed_at"].timestamp()),
    }


def _metrics(text: str) -> Mapping[str, float]:
    """Read the exposition format: HELP, TYPE and one value for each name."""
    lines = text.splitlines()
    found = {}
    for words, kind, sample in zip(lines[0::3], lines[1::3], lines[2::3], strict=True):
        name, value = sample.split(" ")
        assert re.fullmatch(rf"# HELP {name} .+", words)
        assert kind == f"# TYPE {name} gauge"
        found[name] = float(value)
    return found


# --- finalize


def _running(dsn: str, invocation: str) -> None:
    ask(dsn, "INSERT INTO etl_runs (status, invocation_id) VALUES ('running', %s)", [invocation])


@pytest.mark.parametrize(
    ("end", "message", "code"),
    [
        (("signal", "killed", "KILL"), "killed by signal KILL (signal)", 137),
        (("oom-kill", "killed", "KILL"), "killed by signal KILL (oom-kill)", 137),
        (("timeout", "killed", "TERM"), "timed out, killed by signal TERM", 143),
        (("core-dump", "dumped", "ABRT"), "killed by signal ABRT (core-dump)", 134),
        (("exit-code", "exited", "1"), "ended with exit status 1 (exit-code) without closing its row", 1),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_finalize_closes_the_row_of_its_invocation(
    published: str, end: tuple[str, str, str], message: str, code: int
) -> None:
    _running(published, "mine")
    _running(published, "another")
    result, exit_word, status = end
    settings = {"SERVICE_RESULT": result, "EXIT_CODE": exit_word, "EXIT_STATUS": status}
    done = etl("finalize", BANKADVISOR_DSN=published, INVOCATION_ID="mine", **settings)
    assert (done.code, done.out, done.err) == (0, "", "finalize: closed run 2\n")
    _, mine, another = runs(published)
    assert (mine["status"], mine["error_message"], mine["exit_code"]) == ("failure", message, code)
    assert mine["completed_at"] >= mine["started_at"]
    assert mine["duration_seconds"] >= 0
    assert (another["status"], another["completed_at"]) == ("running", None)


def test_finalize_leaves_a_closed_row_alone(published: str, small: Path) -> None:
    run(published, small, INVOCATION_ID="mine")
    before = everything(published)
    done = etl("finalize", BANKADVISOR_DSN=published, INVOCATION_ID="mine", SERVICE_RESULT="success", EXIT_STATUS="0")
    assert (done.code, done.err) == (0, "")
    assert everything(published) == before


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"BANKADVISOR_DSN": UNREACHABLE, "INVOCATION_ID": "mine"}, "cannot be reached"),
        ({"INVOCATION_ID": "mine"}, "no database is named"),
        ({"BANKADVISOR_DSN": "PUBLISHED"}, "INVOCATION_ID is not set"),
    ],
    ids=["away", "no database", "no invocation"],
)
def test_finalize_never_fails(published: str, settings: dict[str, str], said: str) -> None:
    _running(published, "mine")
    named = {name: published if value == "PUBLISHED" else value for name, value in settings.items()}
    done = etl("finalize", **named)
    assert (done.code, done.out) == (0, "")
    assert said in done.err
    assert last_run(published)["status"] == "running"


def test_finalize_on_an_empty_database(dsn: str) -> None:
    assert etl("finalize", BANKADVISOR_DSN=dsn, INVOCATION_ID="mine").code == 0
    assert everything(dsn) == {}


def test_the_two_names_of_the_command_are_one() -> None:
    """The script of the wheel calls what ``python -m`` calls."""
    code = (
        "import tomllib, pathlib, importlib\n"
        "import bankadvisor_etl.__main__ as m\n"
        "module, _, name = 'bankadvisor_etl.cli:main'.partition(':')\n"
        "assert m.main is getattr(importlib.import_module(module), name)"
    )
    subprocess.run([COMMAND[0], "-c", code], env=environment(), check=True)
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'bankadvisor-etl = "bankadvisor_etl.cli:main"' in text
