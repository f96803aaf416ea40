"""A run in which no file changed: nothing is read, and only checks that depend on the date are repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bankadvisor_etl import __version__
from bankadvisor_etl.checks.freshness import recent
from bankadvisor_etl.warehouse import published, runs
from bankadvisor_etl.warehouse.connection import translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from bankadvisor_etl.inputs.files import File
    from bankadvisor_etl.job.nightly import Run


def has_sizes(files: Sequence[File], last: dict[str, Any]) -> bool:
    """Whether the files have the sizes of the last success; if not, reading does not have to wait for their hashes."""
    return {name: record["bytes"] for name, record in last["files"].items()} == {f.name: f.bytes for f in files}


def is_published(files: Sequence[File], last: dict[str, Any], cursor: psycopg.Cursor[Any], prefer: str) -> bool:
    """Whether the last success read the same bytes with the same version, and its figures are still published.

    ``prefer`` must also be the same: it selects between two sources.
    """
    records = last["files"]
    if not all(record["used"] for record in records.values()):
        return False  # whether a file that was set aside is good enough depends on what is published
    with translated():
        there = published.count(cursor) >= (last["rows_processed_base"] or 0) > 0
    same = {name: record["sha256"] for name, record in records.items()} == {file.name: file.sha256 for file in files}
    return there and same and last["etl_version"] == __version__ and (last["prefer"] or "serie") == prefer


def repeat(run: Run, last: dict[str, Any]) -> None:
    """Record for this run what the last success recorded for the same files; nothing is written to ``monthly_kpis``."""
    ledger = run.ledger
    ledger.begin_phase("unchanged")
    ledger.record_sources(
        runs.SourceRecord(**{name: value for name, value in record.items() if name != "run_id"})
        for record in last["files"].values()
    )
    same = {name: last[name] or 0 for name in ("rows_rejected", "warnings", *runs.Counts().rows_processed())}
    ledger.counts = runs.Counts(**same, rows_unchanged=last["rows_processed_base"])
    newest = runs.newest_published_month(ledger.connection)
    fresh = recent(newest, run.request.today, run.request.limits)
    ledger.repeat_findings(last["id"], but=fresh.name)
    for finding in ledger.record_findings([fresh]):
        run.log.warning("etl.check.failed", check=finding.name, severity=finding.severity, observed=finding.observed)
