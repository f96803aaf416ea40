"""``adopt`` refuses what would be lost silently, and then changes nothing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from support.cli import etl
from support.old_databases import ETL_RUNS_ONE, INSTITUCIONES, MONTHLY_KPIS, load
from support.published import ask, everything, one

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def role(dsn: str) -> Iterator[str]:
    name = f"analyst_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        yield name
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


RESTRICTIONS = {
    "a policy": "ALTER TABLE monthly_kpis ENABLE ROW LEVEL SECURITY; GRANT SELECT ON monthly_kpis TO {role};"
    " CREATE POLICY one_bank ON monthly_kpis TO {role} USING (banco_norm = 'INVEX')",
    "security without a policy": "ALTER TABLE monthly_kpis ENABLE ROW LEVEL SECURITY",
    "a policy that is off": "CREATE POLICY one_bank ON monthly_kpis USING (banco_norm = 'INVEX')",
    "a policy of the record": "CREATE POLICY mine ON etl_runs USING (triggered_by = 'cron')",
    "a policy of institutions": "ALTER TABLE instituciones ENABLE ROW LEVEL SECURITY",
    "columns": "GRANT SELECT (fecha, banco_norm, imor) ON monthly_kpis TO {role}",
    "columns of a view": "CREATE VIEW v AS SELECT fecha, imor FROM monthly_kpis; GRANT SELECT (imor) ON v TO {role}",
    "columns for all": "GRANT SELECT (nombre_corto) ON instituciones TO PUBLIC",
    "a publication": "CREATE PUBLICATION copies FOR TABLE monthly_kpis",
    "a publication of a table beside": "CREATE PUBLICATION copies FOR TABLE metricas_financieras",
}


@pytest.mark.parametrize("statement", RESTRICTIONS.values(), ids=RESTRICTIONS)
@pytest.mark.parametrize("options", [[], ["--dry-run"]], ids=["adopt", "dry run"])
@pytest.mark.filterwarnings("ignore")
def test_a_restriction_is_refused(dsn: str, role: str, statement: str, options: list[str]) -> None:
    load(dsn, MONTHLY_KPIS, ETL_RUNS_ONE, INSTITUCIONES)
    ask(dsn, statement.format(role=role))  # type: ignore[arg-type]
    before = everything(dsn)
    done = etl("adopt", *options, BANKADVISOR_DSN=dsn)
    assert (done.code, done.out) == (78, ""), done
    assert "Traceback" not in done.err
    assert everything(dsn) == before
    assert one(dsn, "SELECT count(*) FROM pg_namespace WHERE nspname = 'anterior'") == 0


def test_grants_on_a_whole_table_and_columns_of_the_record_stay(dsn: str, role: str) -> None:
    load(dsn, MONTHLY_KPIS, ETL_RUNS_ONE, INSTITUCIONES)
    grants = f"GRANT SELECT ON monthly_kpis TO {role}; GRANT SELECT (id, status) ON etl_runs TO {role}"
    ask(dsn, grants)  # type: ignore[arg-type]
    assert etl("adopt", BANKADVISOR_DSN=dsn).code == 0
    assert one(dsn, "SELECT has_table_privilege(%s, 'public.monthly_kpis', 'SELECT')", [role])
    for column, may in (("id", True), ("status", True), ("error_message", False)):
        assert one(dsn, "SELECT has_column_privilege(%s, 'public.etl_runs', %s, 'SELECT')", [role, column]) == may


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", "(1), (NULL)"),
        ("bigint", "(NULL)"),
        ("text", "('1'), ('run-2')"),
        ("uuid", "('6d3c2a4e-0000-4000-8000-000000000001')"),
        ("numeric", "(1), (1.5)"),
        ("double precision", "(1), ('NaN')"),
        ("numeric", "(1e30)"),
        ("integer", "(1), (1)"),
    ],
)
def test_an_id_that_is_none_is_wrong_data(dsn: str, kind: str, values: str) -> None:
    ask(dsn, f"CREATE TABLE etl_runs (id {kind}, started_at timestamp DEFAULT now(), status text DEFAULT 'success')")  # type: ignore[arg-type]
    ask(dsn, f"INSERT INTO etl_runs (id) VALUES {values}")  # type: ignore[arg-type]  # noqa: S608
    before = everything(dsn)
    done = etl("adopt", BANKADVISOR_DSN=dsn)
    assert (done.code, done.out) == (65, ""), done
    assert "etl_runs" in done.err
    assert "Traceback" not in done.err
    assert everything(dsn) == before


@pytest.mark.parametrize(("kind", "values"), [("text", "('1'), ('22')"), ("numeric", "(1), (22)")])
def test_ids_of_another_type_are_kept(dsn: str, kind: str, values: str) -> None:
    ask(dsn, f"CREATE TABLE etl_runs (id {kind}, started_at timestamp DEFAULT now(), status text DEFAULT 'success')")  # type: ignore[arg-type]
    ask(dsn, f"INSERT INTO etl_runs (id) VALUES {values}")  # type: ignore[arg-type]  # noqa: S608
    assert etl("adopt", BANKADVISOR_DSN=dsn).code == 0
    assert ask(dsn, "SELECT id FROM etl_runs ORDER BY id") == [(1,), (22,)]
