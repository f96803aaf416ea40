"""Least privilege: an owner for the tables, a writer for the run, a reader for BankAdvisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from bankadvisor_etl.tables import VIEWS
from support.cli import etl
from support.published import OUR_TABLES, ask, everything, figures, one
from support.roles import (
    GRANTS,
    OWNER,
    PASSWORD,
    READER,
    WRITER,
    as_role,
    restate,
    run_as,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("first", ["run", "adopt"])
def test_the_writer_runs_what_the_owner_made(database: str, small: Path, first: str) -> None:
    owner, writer = as_role(database, OWNER), as_role(database, WRITER)
    made = run_as(owner, small) if first == "run" else etl("adopt", BANKADVISOR_DSN=owner, PGPASSWORD=PASSWORD)
    assert made.code == 0, made
    with psycopg.connect(owner, password=PASSWORD) as connection:
        connection.execute(GRANTS.encode())
    assert run_as(writer, small, "--force").code == 0
    assert one(database, "SELECT count(*) FROM monthly_kpis") == 793
    restate(small)
    assert run_as(writer, small, "--dry-run").code == 65  # a month is missing
    assert run_as(writer, small, "--allow-removals").code == 0
    assert one(database, "SELECT count(*) FROM monthly_kpis") == 793 - 42
    for verb in (["health"], ["runs"], ["runs", "show", "1"], ["changes"], ["finalize"]):
        done = etl(*verb, BANKADVISOR_DSN=writer, PGPASSWORD=PASSWORD, INVOCATION_ID="x")
        assert done.code == 0, done


NEEDED = [
    ("SELECT", "etl_schema"),
    *((right, "etl_runs") for right in ("SELECT", "INSERT", "UPDATE")),
    *((right, "etl_run_sources") for right in ("SELECT", "INSERT", "UPDATE")),
    *((right, "instituciones") for right in ("SELECT", "INSERT", "UPDATE")),
    *((right, "etl_run_checks") for right in ("INSERT", "DELETE")),
    *((right, "etl_rejects") for right in ("INSERT", "DELETE")),
    ("INSERT", "monthly_kpis_cambios"),
    *((right, "monthly_kpis") for right in ("SELECT", "INSERT", "UPDATE", "DELETE")),
]


BALANCES = ("metricas_financieras", "metricas_cartera_segmentada", "captacion")


def test_each_of_the_writers_rights_is_needed(granted: str, small: Path) -> None:
    """Without any one of them the run publishes nothing and exits 78; with all it succeeds."""
    writer = as_role(granted, WRITER)
    restate(small)
    before = figures(granted)
    for right, table in NEEDED:
        words = sql.SQL("{} {} ON {} {} bankadvisor_writer")
        grant = [sql.SQL(right), sql.Identifier(table)]  # type: ignore[arg-type]
        with psycopg.connect(granted, autocommit=True) as connection:
            connection.execute(words.format(sql.SQL("REVOKE"), *grant, sql.SQL("FROM")))
        done = run_as(writer, small, "--allow-removals")
        message = done.event("etl_runner.main.failure")["error"]
        assert (done.code, table in message) == (78, True), (right, table, message)
        assert "see 'Roles' in systemd/README.md" in message
        assert figures(granted) == before
        with psycopg.connect(granted, autocommit=True) as connection:
            connection.execute(words.format(sql.SQL("GRANT"), *grant, sql.SQL("TO")))
    assert run_as(writer, small, "--allow-removals").code == 0
    # Besides these the writer may only read, for `runs show` and `changes`.
    held = ask(
        granted,
        "SELECT privilege_type::text, table_name::text FROM information_schema.role_table_grants WHERE grantee = %s",
        [WRITER],
    )
    looking = {("SELECT", table) for table in ("etl_run_checks", "etl_rejects", "monthly_kpis_cambios")}
    series = {
        *((right, "cnbv_series_valores") for right in ("SELECT", "INSERT", "DELETE")),
        *((right, "cnbv_conceptos") for right in ("SELECT", "INSERT", "UPDATE")),
        *(
            (right, table)
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
            for table in ("kpis_consolidados", *BALANCES)
        ),
        *((right, "conciliacion") for right in ("SELECT", "INSERT", "DELETE")),
        ("SELECT", "segmentos_cartera"),
        *(
            (right, table)
            for right in ("SELECT", "INSERT")
            for table in ("cnbv_series_cambios", *(f"{name}_cambios" for name in ("kpis_consolidados", *BALANCES)))
        ),
    }
    assert set(held) == set(NEEDED) | looking | series


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE monthly_kpis",
        "ALTER TABLE monthly_kpis ADD COLUMN mine integer",
        "TRUNCATE monthly_kpis",
        "CREATE TABLE mine (i integer)",
        "CREATE INDEX mine ON monthly_kpis (imor)",
        "DELETE FROM etl_runs",
        "DELETE FROM monthly_kpis_cambios",
        "UPDATE monthly_kpis_cambios SET valor_nuevo = 0",
        "UPDATE etl_run_checks SET passed = true",
        "UPDATE etl_schema SET version = 2",
        "GRANT ALL ON monthly_kpis TO PUBLIC",
    ],
)
def test_the_writer_may_not(granted: str, statement: str) -> None:
    before = everything(granted)
    with psycopg.connect(as_role(granted, WRITER), password=PASSWORD) as connection:
        error = psycopg.errors.InsufficientPrivilege
        if statement.startswith("GRANT"):
            connection.execute(statement)  # type: ignore[call-overload]  # PostgreSQL only warns, and grants nothing
        else:
            with pytest.raises(error):
                connection.execute(statement)  # type: ignore[call-overload]
    assert everything(granted) == before
    query = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_name = %s"
    assert one(granted, query, ["monthly_kpis"]) == 0


def test_the_reader_reads_its_tables_and_no_more(granted: str) -> None:
    readable = {"monthly_kpis", "monthly_kpis_cambios", "instituciones", "etl_runs"}
    readable |= {"cnbv_conceptos", "cnbv_series_valores", "cnbv_series_cambios"}
    readable |= {"kpis_consolidados", "kpis_consolidados_cambios", *BALANCES, "segmentos_cartera", "conciliacion"}
    with psycopg.connect(as_role(granted, READER), password=PASSWORD, autocommit=True) as connection:
        for table in OUR_TABLES:
            name = sql.Identifier(table)
            if table in readable:
                connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name))
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name))
            for statement in ("DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} ADD mine integer"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(sql.SQL(statement).format(name))
        for view in VIEWS:
            connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(view.name)))
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(view.name)))
        for statement in ("CREATE TABLE mine (i integer)", "CREATE TEMPORARY TABLE mine (i integer)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL(statement))


def test_the_reader_may_ask_for_health_and_not_run(granted: str, small: Path) -> None:
    reader = {"BANKADVISOR_DSN": as_role(granted, READER), "PGPASSWORD": PASSWORD}
    for verb in (["health"], ["runs"], ["changes"], ["query", "SELECT count(*) FROM monthly_kpis"]):
        assert etl(*verb, **reader).code == 0
    before = everything(granted)
    done = run_as(reader["BANKADVISOR_DSN"], small)
    assert done.code == 78
    assert "see 'Roles' in systemd/README.md" in done.event("etl_runner.main.failure")["error"]
    assert etl("query", "SELECT * FROM etl_rejects", **reader).code == 65
    assert everything(granted) == before


def test_a_writer_before_the_owner_is_refused(database: str, small: Path) -> None:
    done = run_as(as_role(database, WRITER), small)
    assert done.code == 78
    assert "lacks a privilege" in done.event("etl_runner.main.failure")["error"]
    assert everything(database) == {}
