"""The three roles of the README, their password, and the outputs that must never show it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from support.cli import Result, etl
from support.published import everything
from support.small import CARTERA, FLOORS, ICAP, delete_rows, set_cell

OWNER, WRITER, READER = "bankadvisor_owner", "bankadvisor_writer", "bankadvisor_reader"
GRANTS = (Path(__file__).parent / "roles.sql").read_text(encoding="utf-8")
MARKER = "XYZZYmarker"
PASSWORD = f"p@ss/{MARKER}:100% 'q'"
VERBS = {
    "run": ["run", "--data-dir", "/"],
    "health": ["health"],
    "runs": ["runs"],
    "changes": ["changes"],
    "query": ["query", "SELECT 1"],
    "adopt": ["adopt", "--dry-run"],
    "finalize": ["finalize"],
}


def as_role(dsn: str, role: str) -> str:
    return make_conninfo(dsn, user=role)


def run_as(dsn: str, folder: Path, *options: object, **settings: object) -> Result:
    given = {"BANKADVISOR_DSN": dsn, "PGPASSWORD": PASSWORD} | settings
    return etl("run", "--data-dir", folder, *options, BANKADVISOR_THRESHOLD=FLOORS, **given)


def restate(small: Path) -> None:
    """Change a figure, and take a month away."""
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    delete_rows(small / CARTERA, "Cve_Periodo", lambda month: month == "202507")


def url(dsn: str, role: str = WRITER, password: str = PASSWORD) -> str:
    parts = conninfo_to_dict(dsn)
    host = quote(str(parts["host"]), safe="")
    return f"postgresql://{role}:{quote(password, safe='')}@{host}:{parts['port']}/{parts['dbname']}"


def assert_unsaid(done: Result, *more: str) -> None:
    for text in (done.out, done.err, *more):
        assert MARKER not in text
        assert quote(PASSWORD, safe="") not in text


def contents(dsn: str) -> str:
    """Every row of every table, as text."""
    with psycopg.connect(dsn) as connection:
        tables = [sql.Identifier(table) for table in everything(dsn)]
        return "\n".join(
            str(connection.execute(sql.SQL("SELECT t::text FROM {} t").format(table)).fetchall()) for table in tables
        )
