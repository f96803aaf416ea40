"""Sample figures and real ones are never in the same table."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg

from support.cli import etl

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 4_328


def count(dsn: str, table: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a name of this file
    return row[0] if row else 0


def authors(dsn: str) -> list[tuple[int, int]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT etl_run_id, count(*) FROM monthly_kpis GROUP BY 1 ORDER BY 1").fetchall()


def without_marker(sample: Path) -> Path:
    """The same files, as if CNBV had published them."""
    real = shutil.copytree(sample, sample.parent / "real")
    (real / "SAMPLE-DATA.txt").unlink()
    return real


def test_real_files_take_the_place_of_all_that_was_invented(data_dir: Path, dsn: str) -> None:
    real = without_marker(data_dir)
    assert etl("run", "--data-dir", data_dir, BANKADVISOR_DSN=dsn).code == 0
    assert authors(dsn) == [(1, ROWS)]

    done = etl("run", "--data-dir", real, BANKADVISOR_DSN=dsn)
    assert done.code == 0
    assert done.event("etl.sample.withdrawn")["rows"] == ROWS
    assert authors(dsn) == [(2, ROWS)]  # every row is new, although its figures are the same
    assert count(dsn, "monthly_kpis_cambios") == 0  # nothing was restated

    again = etl("run", "--data-dir", real, BANKADVISOR_DSN=dsn)
    assert again.code == 0
    assert "etl.sample.withdrawn" not in again.out
    assert authors(dsn) == [(2, ROWS)]


def test_real_files_that_are_refused_leave_the_invented_figures(data_dir: Path, dsn: str) -> None:
    real = without_marker(data_dir)
    assert etl("run", "--data-dir", data_dir, BANKADVISOR_DSN=dsn).code == 0
    (real / "TDA.xlsx").write_bytes(b"no workbook")
    assert etl("run", "--data-dir", real, BANKADVISOR_DSN=dsn).code == 74
    assert authors(dsn) == [(1, ROWS)]


def test_a_sample_never_touches_real_figures(data_dir: Path, dsn: str) -> None:
    real = without_marker(data_dir)
    assert etl("run", "--data-dir", real, BANKADVISOR_DSN=dsn).code == 0
    for force in ((), ("--force",), ("--allow-removals",)):
        done = etl("run", "--data-dir", data_dir, *force, BANKADVISOR_DSN=dsn)
        assert done.code == 78
        assert "the folder holds sample figures (SAMPLE-DATA.txt) and the database real ones" in done.out
    assert authors(dsn) == [(1, ROWS)]
