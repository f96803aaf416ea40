"""Databases of the replaced system, as SQL: real shapes with invented rows."""

from __future__ import annotations

from pathlib import Path

import psycopg

ETL_RUNS_ONE, ETL_RUNS_TWO = "etl_runs_one", "etl_runs_two"
MONTHLY_KPIS, TWICE = "monthly_kpis", "every_row_twice"
INSTITUCIONES = "instituciones"

FOLDER = Path(__file__).parent


def load(dsn: str, *files: str) -> None:
    """Run files of this folder, without their suffix, or SQL itself."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for file in files:
            path = FOLDER / f"{file}.sql"
            connection.execute((path.read_text() if " " not in file else file).encode())
