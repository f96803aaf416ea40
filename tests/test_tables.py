"""The tables: their versions, comments, types and keys, and how long their rows are kept."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from bankadvisor_etl import __version__
from bankadvisor_etl.warehouse.schema import available
from support.cli import environment
from support.contract import COUNT, FILES, PERCENT
from support.published import OUR_TABLES, ask, everything, one, runs
from support.small import (
    ICAP,
    run,
    set_cell,
)

if TYPE_CHECKING:
    from pathlib import Path

SMALL_ROWS = 793


def test_the_version_of_the_tables_is_recorded_once(published: str, small: Path) -> None:
    run(published, small)
    assert ask(published, "SELECT version, etl_version FROM etl_schema") == [
        (version, __version__) for version in available()
    ]


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
    assert len(metrics) == COUNT + 4
    units = {
        column: re.findall(r"Unidad: (MDP|razón|porcentaje)(?:\.|$)", comment) for column, comment in metrics.items()
    }
    assert [column for column, found in units.items() if len(found) != 1] == []
    older = {"pct_etapa_1", "pct_etapa_2", "pct_etapa_3", "quebrantos_cc"}
    assert {column for column, comment in metrics.items() if "Fuente: " not in comment} == older
    assert {column for column, comment in metrics.items() if "Alias de " in comment} == older
    percent = {column for column, found in units.items() if found == ["porcentaje"]}
    assert percent == PERCENT
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
    assert one(published, "SELECT count(*) FROM etl_run_sources WHERE run_id = 1") == len(FILES)
    run(published, small, "--force", "--keep-days", "30")
    assert ask(published, "SELECT DISTINCT run_id FROM etl_rejects ORDER BY 1") == [(3,), (4,)]


def test_a_run_leaves_nothing_behind_in_the_session_of_a_pooler(published: str) -> None:
    """The verbs set nothing that outlives their transactions, and prepare no statements."""
    code = (
        "import os; from bankadvisor_etl.warehouse.connection import connect, transaction\n"
        "with connect(os.environ['DSN']) as c:\n"
        "  for _ in range(20):\n"
        "    with transaction(c) as cursor: cursor.execute('SELECT %s::int', [1])\n"
        "  print(c.execute('SELECT count(*) FROM pg_prepared_statements').fetchone()[0],"
        " c.execute('SHOW statement_timeout').fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(DSN=published), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "0"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO etl_runs (status) VALUES ('failed')",
        "INSERT INTO etl_runs (status, completed_at) VALUES ('success', now() - interval '1 minute')",
        (
            "INSERT INTO monthly_kpis (fecha, codigo_cnbv, institucion, banco_norm, etl_run_id)"
            " VALUES ('2025-01-02', '040059', 'INVEX', 'X', 1)"
        ),
    ],
)
def test_the_tables_refuse_what_cannot_be(published: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        ask(published, statement)  # type: ignore[arg-type]
