"""Handmade series, and the complete load of one into a database.

``python -m support.series PATH DSN`` loads a file in one transaction, recorded as a run.
"""

from __future__ import annotations

import signal
import sys
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.findings import failures
from bankadvisor_etl.checks.withdrawn import MAX_WITHDRAWN, withdrawn
from bankadvisor_etl.errors import DataError, EtlError, Terminated, exit_code_of
from bankadvisor_etl.sources import series
from bankadvisor_etl.sources.series import comparison
from bankadvisor_etl.sources.series.archive import HEADER, MEMBER
from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse import series as warehouse
from bankadvisor_etl.warehouse.connection import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from bankadvisor_etl.sources.series.arrays import Series

Value = tuple[str, int, int, int, object]
"""entidad, saldo, idconcepto, periodo, valor."""


def lines(values: Iterable[Value]) -> bytes:
    """The lines of these values, in CNBV's format."""
    return "".join(
        f'40,{concept},"{entity}","{period}",{saldo},{value}\n' for entity, saldo, concept, period, value in values
    ).encode()


def csv_file(path: Path, *values: Value) -> Path:
    path.write_bytes(HEADER + b"\n" + lines(values))
    return path


def zip_file(path: Path, content: bytes, name: str = MEMBER, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, content)
    return path


def read(path: Path) -> Series:
    return series.read(path, datetime.now(UTC).date())


def load(connection: psycopg.Connection[Any], path: Path, *, accept_withdrawn: bool = False) -> warehouse.Loaded:
    """Read the file and load it in one transaction, which it begins and commits."""
    began = time.perf_counter()
    found = read(path)
    parsed = time.perf_counter()
    with transaction(connection) as cursor:
        schema.prepare(cursor)
        row = cursor.execute("INSERT INTO etl_runs (status) VALUES ('running') RETURNING id").fetchone()
        assert row
        difference = comparison.compare(found, warehouse.heads(cursor))
        loaded = warehouse.load(cursor, difference, row[0], 1 if accept_withdrawn else MAX_WITHDRAWN)
        found = withdrawn(loaded.withdrawn, loaded.stored, loaded.first, accepted=accept_withdrawn)
        if words := failures(found):
            raise DataError(words)
        cursor.execute(
            "UPDATE etl_runs SET status = 'success', completed_at = clock_timestamp() WHERE id = %s", [row[0]]
        )
    print(f"read {parsed - began:.2f} s, load {time.perf_counter() - parsed:.2f} s: {loaded}")
    return replace(loaded, stored=0, first="")


def _terminate(*_: object) -> None:
    raise Terminated


def main(path: Path, dsn: str) -> int:
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with connect(dsn) as connection:
            load(connection, path)
    except (EtlError, Terminated) as error:
        print(error, file=sys.stderr)
        return exit_code_of(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
