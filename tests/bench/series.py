"""``make bench-series``: a run with CNBV's series, compared with ``unzip``, COPY and a primary key.

Alternating, pair by pair, in one run: the machine is shared, so quote the ratios. Then the same file again, the next
month with 5,000 restated values, the size on disk, and three typical queries.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import series_data

from bankadvisor_etl.sources import SERIE
from bench import etl, measure
from support.databases import fresh_database
from support.published import one
from support.servers import own_server

QUESTIONS = {
    "one concept of all banks": "SELECT * FROM cnbv_series WHERE idconcepto = 40100185 AND saldo = 130",
    "a bank's month": "SELECT * FROM cnbv_series_mes('2025-06-01') WHERE entidad = '040005'",
    "one month of everything": "SELECT count(*), sum(valor) FROM cnbv_series_mes('2025-06-01')",
}


def bare(archive: Path, folder: Path, dsn: str, programs: Path) -> tuple[float, float]:
    r"""``unzip``, ``psql \copy`` into a logged table, and its primary key: seconds in all, and of the copy alone."""
    psql = [programs / "psql", dsn, "-qc"]
    columns = "sector int, idconcepto int, entidad text, periodo text, saldo int, valor float8"
    subprocess.run([*psql, f"CREATE TABLE bare ({columns})"], check=True)
    steps = {
        "unzip": ["unzip", "-q", archive, "-d", folder],
        "copy": [*psql, rf"\copy bare FROM '{folder / series_data.NAME}' WITH (FORMAT csv, HEADER)"],
        "key": [*psql, "ALTER TABLE bare ADD PRIMARY KEY (entidad, saldo, idconcepto, periodo)"],
    }
    seconds = {}
    for name, command in steps.items():
        started = time.perf_counter()
        subprocess.run(command, check=True)
        seconds[name] = time.perf_counter() - started
    print("  bare: " + ", ".join(f"{name} {spent:.1f} s" for name, spent in seconds.items()), flush=True)
    return sum(seconds.values()), seconds["copy"]


def loaded(archive: Path, dsn: str) -> tuple[float, float]:
    """A whole run, including ``monthly_kpis``: seconds, and MiB resident in the largest process."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as data:
        (Path(data) / SERIE.folder).mkdir()
        (Path(data) / SERIE.folder / SERIE.files[0]).symlink_to(archive.resolve())
        run = measure([*etl(Path(data), dsn), "--force"], together=False)
    return run.wall, run.largest


def ask(dsn: str, question: str) -> float:
    """Milliseconds that the server takes to plan and execute, the fastest of ten."""
    query = sql.SQL(question)  # type: ignore[arg-type]
    explain = sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {}").format(query)
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = [connection.execute(explain).fetchone() for _ in range(10)]
    plans = [row[0][0] for row in rows if row]
    return float(min(plan["Planning Time"] + plan["Execution Time"] for plan in plans))


def pair(folder: Path, server: str, programs: Path) -> dict[str, float]:
    """One pair, and the measurements beyond a first load."""
    first, newer = folder / "first.zip", folder / "next.zip"
    with fresh_database(server) as database, tempfile.TemporaryDirectory(dir=folder) as unpacked:
        base, copied = bare(first, Path(unpacked), database, programs)
        rows_size = one(database, "SELECT pg_total_relation_size('bare') / 1e6")
    with fresh_database(server) as database:
        wall, resident = loaded(first, database)
        size = one(database, "SELECT pg_total_relation_size('cnbv_series_valores') / 1e6")
        answers = {f"{name}, ms": ask(database, question) for name, question in QUESTIONS.items()}
        again, _ = loaded(first, database)
        month, _ = loaded(newer, database)
        changes = one(database, "SELECT count(*) FROM cnbv_series_cambios")
    if changes != series_data.RESTATED:
        sys.exit(f"{changes} restated values are on record, not {series_data.RESTATED}")
    return {
        "first load, s": wall,
        "first load / (unzip + copy + key)": wall / base,
        "first load / (bare copy)": wall / copied,
        "same file / first load": again / wall,
        "next month / first load": month / wall,
        "resident, MiB": resident,
        "on disk, MB": float(size),
        "on disk as rows, MB": float(rows_size),
        **answers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the archives are, or will be made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, own_server() as server:
        folder = options.folder or Path(temporary)
        if not (folder / "next.zip").exists():
            subprocess.run([sys.executable, series_data.__file__, str(folder)], check=True)
        found = [pair(folder, server.dsn, server.programs) for _ in range(options.pairs)]
    for name in found[0]:
        values = [row[name] for row in found]
        print(f"{name:36} {statistics.median(values):9.2f}   ({', '.join(f'{value:.2f}' for value in values)})")


if __name__ == "__main__":
    main()
