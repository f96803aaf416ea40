"""A night in this process: read the files, compute, audit, and publish into a database, as ``run`` does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.checks.audit import failures
from bankadvisor_etl.checks.findings import Thresholds
from bankadvisor_etl.errors import EtlError
from bankadvisor_etl.job.compute import Settings, compute
from bankadvisor_etl.job.nightly import find_files
from bankadvisor_etl.sources import SOURCES, similar_files
from bankadvisor_etl.transforms.kpis import METRICS
from bankadvisor_etl.warehouse import publish
from support.small import FLOORS

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from bankadvisor_etl.sources.model import Reading

READ = {source.name: source.read for source in SOURCES}
THRESHOLDS = Thresholds.parse(FLOORS.split())
_READINGS: dict[tuple[str, str, str], Reading] = {}


@dataclass(frozen=True)
class Night:
    """How a night ended: exit code, the checks that did not pass, the sources that were set aside."""

    code: int
    failed: frozenset[str]
    aside: tuple[str, ...] = ()


@dataclass
class House:
    """A database and what its last successes read; what is published in it is never committed."""

    cursor: psycopg.Cursor[Any]
    rows: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)

    def night(self, folder: Path, *, allow_removals: bool = False) -> Night:
        readings: dict[str, Reading] = {}
        source = "cartera"
        try:
            for source, path in find_files(folder):
                readings[source] = _read(source, path)
        except EtlError as error:
            return Night(error.exit_code, frozenset({f"contract_{source}"}))
        settings = Settings(
            THRESHOLDS,
            allow_removals=allow_removals,
            last_rows=self.rows,
            last_accepted=self.accepted,
            similar=similar_files(folder),
        )
        result = compute(readings, settings, self.published())
        failed = frozenset(finding.name for finding in result.findings if not finding.passed)
        if failures(result.findings):
            return Night(65, failed)
        frame = result.publication
        publish.stage(self.cursor, frame, result.known_alertas, allow_removals=allow_removals)
        publish.publish(self.cursor, 1, frame.columns, allow_removals=allow_removals)
        self.cursor.execute("DROP TABLE entrada, diferencias")
        used = {name: reading for name, reading in readings.items() if name not in result.evidence.set_aside}
        self.rows |= {name: reading.rows_read for name, reading in used.items()}
        self.accepted |= {name: reading.rows_read - reading.rejects.height for name, reading in used.items()}
        return Night(0, failed, result.evidence.set_aside)

    def published(self) -> pl.DataFrame | None:
        return publish.published(self.cursor)

    def state(self) -> pl.DataFrame:
        """What is published, the newest row last."""
        frame = self.published()
        assert frame is not None
        return frame.with_columns(pl.col("alertas").list.sort().list.join(",")).sort("mes", "codigo")


def _read(source: str, path: Path) -> Reading:
    """Read a file; the same bytes only once."""
    key = source, path.name, hashlib.sha256(path.read_bytes()).hexdigest()
    if key not in _READINGS:
        _READINGS[key] = READ[source](path)
    return _READINGS[key]


def figures(frame: pl.DataFrame) -> int:
    """How many figures are published."""
    return sum(frame.height - frame[name].null_count() for name in METRICS)


def changed(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Each figure of ``after`` that is another one in ``before``: ``codigo``, ``mes``, ``variable``."""
    key = ["codigo", "mes", "variable"]
    new, old = (frame.unpivot(METRICS, index=["codigo", "mes"]) for frame in (after, before))
    both = new.join(old, on=key, how="full", coalesce=True, suffix="_old")
    return both.filter(pl.col("value").ne_missing(pl.col("value_old"))).select(key)
