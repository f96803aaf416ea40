"""``python tests/bench/series_load.py PATH DSN``: read a series and load it in one transaction, on record as a run."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bankadvisor_etl.sources import series
from bankadvisor_etl.sources.series import encoding
from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse import series as warehouse
from bankadvisor_etl.warehouse.connection import connect, transaction


def load(connection: psycopg.Connection, path: Path, *, accept_withdrawn: bool = False) -> warehouse.Loaded:
    """Read the file and load it in one transaction, which it begins and commits."""
    began = time.perf_counter()
    read = series.read(path, datetime.now(UTC).date())
    parsed = time.perf_counter()
    with transaction(connection) as cursor:
        schema.prepare(cursor)
        row = cursor.execute("INSERT INTO etl_runs (status) VALUES ('running') RETURNING id").fetchone()
        assert row
        difference = encoding.compare(read, warehouse.heads(cursor))
        loaded = warehouse.load(cursor, difference, row[0], accept_withdrawn=accept_withdrawn)
        cursor.execute(
            "UPDATE etl_runs SET status = 'success', completed_at = clock_timestamp() WHERE id = %s", [row[0]]
        )
    print(f"read {parsed - began:.2f} s, load {time.perf_counter() - parsed:.2f} s: {loaded}")
    return loaded


if __name__ == "__main__":
    with connect(sys.argv[2]) as connection:
        load(connection, Path(sys.argv[1]))
