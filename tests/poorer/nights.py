"""A run in this process: read the files, compute, audit, and publish into a database, like ``run``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.checks.findings import Finding, Thresholds, failures
from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.errors import EtlError
from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.inputs.files import find_files
from bankadvisor_etl.job import figures as handed_over
from bankadvisor_etl.sources import SOURCES, similar_files
from bankadvisor_etl.warehouse import publish, published
from support.small import FLOORS

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from bankadvisor_etl.formats.extract import Extract

READ = {source.name: source.read for source in SOURCES}
THRESHOLDS = Thresholds.parse(FLOORS.split())
_EXTRACTS: dict[tuple[str, str, str], Extract] = {}


@dataclass(frozen=True)
class Night:
    """The outcome of a night: exit code, the failed checks, the sources that were set aside."""

    code: int
    failed: frozenset[str]
    aside: tuple[str, ...] = ()


@dataclass
class House:
    """A database and what its last successes read; nothing is ever committed in it."""

    cursor: psycopg.Cursor[Any]
    rows: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)

    def night(self, folder: Path, *, allow_removals: bool = False) -> Night:
        extracts: dict[str, Extract] = {}
        source = "cartera"
        try:
            for source, path in find_files(folder):
                extracts[source] = _read(source, path)
        except EtlError as error:
            return Night(error.exit_code, frozenset({f"contract_{source}"}))
        settings = Settings(
            THRESHOLDS,
            allow_removals=allow_removals,
            last_rows=self.rows,
            last_accepted=self.accepted,
            similar=similar_files(folder),
        )
        computed, audited = handed_over.answers(extracts, settings, published.figures(self.cursor))
        content = computed.content
        found = [Finding.from_json(finding) for finding in audited.content["findings"]]
        failed = frozenset(finding.name for finding in found if not finding.passed)
        if failures(found):
            return Night(65, failed)
        columns = content["columns"]["monthly_kpis"]
        figures = publish.Figures(columns, computed.blocks[0], content["known_alertas"], allow_removals)
        publish.stage(self.cursor, figures)
        publish.publish(self.cursor, 1, figures)
        self.cursor.execute("DROP TABLE monthly_kpis_entrada, monthly_kpis_diferencias")
        used = {name: extract for name, extract in extracts.items() if name not in content["set_aside"]}
        self.rows |= {name: extract.rows_read for name, extract in used.items()}
        self.accepted |= {name: extract.rows_read - extract.rejects.height for name, extract in used.items()}
        return Night(0, failed, content["set_aside"])

    def published(self) -> pl.DataFrame | None:
        return handed_over.published_frame(published.figures(self.cursor))

    def state(self) -> pl.DataFrame:
        """What is published, the newest row last."""
        frame = self.published()
        assert frame is not None
        return frame.with_columns(pl.col("alertas").list.sort().list.join(",")).sort("mes", "codigo")


def _read(source: str, path: Path) -> Extract:
    """Read a file; the same bytes only once."""
    key = source, path.name, hashlib.sha256(path.read_bytes()).hexdigest()
    if key not in _EXTRACTS:
        _EXTRACTS[key] = READ[source](path)
    return _EXTRACTS[key]


def figures(frame: pl.DataFrame) -> int:
    """How many figures are published."""
    return sum(frame.height - frame[name].null_count() for name in METRICS)


def changed(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Each figure of ``after`` that differs from ``before``: ``codigo``, ``mes``, ``variable``."""
    key = ["codigo", "mes", "variable"]
    new, old = (frame.unpivot(METRICS, index=["codigo", "mes"]) for frame in (after, before))
    both = new.join(old, on=key, how="full", coalesce=True, suffix="_old")
    return both.filter(pl.col("value").ne_missing(pl.col("value_old"))).select(key)
