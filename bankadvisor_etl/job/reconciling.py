"""Compares the sources with each other: checks and a table for a run; without a database for the verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.findings import SAMPLE, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

MOST_ROWS = 10_000
"""The most differences of a run that are kept: more of them mean that a file is the wrong one."""

COLUMNS = (
    *("comparacion", "codigo", "mes", "segmento", "figura", "valor_a", "valor_b", "diferencia", "causa", "indicio"),
    *("archivo_a", "hoja_a", "fila_a", "archivo_b", "hoja_b", "fila_b"),
)


def told(extracts: Mapping[str, Extract], files: Mapping[str, str]) -> dict[str, Any]:
    """What the process that computes sends: ``summary`` per comparison, and ``rows`` of what differs, as ``COLUMNS``.

    Differences because a bank consolidates its SOFOMs are counted but not listed.

    Args:
        extracts: what was read, by source.
        files: by source, the name of its file.
    """
    import polars as pl  # noqa: PLC0415 - the process that keeps the record imports this module, too

    from bankadvisor_etl.reconcile.causes import CONSOLIDATION  # noqa: PLC0415
    from bankadvisor_etl.reconcile.comparisons import reconcile  # noqa: PLC0415

    made = reconcile(extracts, files)
    summary = [
        {
            "comparacion": compared.name,
            "cifras": compared.figures,
            "difieren": compared.found.height,
            "sin_explicar": compared.unexplained.height,
            "causas": dict(compared.found["causa"].drop_nulls().value_counts().sort("causa").rows()),
            "claves": [
                f"{code} {month:%Y%m} {figure}"
                for code, month, figure in compared.unexplained.head(MOST_ROWS).select("codigo", "mes", "figura").rows()
            ],
        }
        for compared in made
    ]
    listed = [compared.found.filter(pl.col("causa").ne_missing(CONSOLIDATION)) for compared in made]
    rows = pl.concat(listed).sort(pl.col("causa").is_not_null(), maintain_order=True) if listed else pl.DataFrame()
    shown = rows.head(MOST_ROWS).with_columns(pl.col("mes").cast(pl.String)).select(COLUMNS) if listed else rows
    return {"summary": summary, "rows": shown.rows()}


def findings(summary: list[dict[str, Any]]) -> list[Finding]:
    """One check per comparison: it passes if every difference is explained."""
    return [
        Finding(
            f"reconcile_{line['comparacion']}",
            "warning",
            not line["sin_explicar"],
            f"{line['sin_explicar']:,} of {line['cifras']:,} figures differ without a known cause,"
            f" {line['difieren'] - line['sin_explicar']:,} with one",
            "none",
            tuple(line["claves"][:SAMPLE]),
            tuple(line["claves"]),
        )
        for line in summary
    ]


@dataclass(frozen=True)
class Reconciliation:
    """What the verb shows.

    Attributes:
        summary: per comparison, what was compared and what differs.
        rows: what differs: ``COLUMNS``, then the hashes of both files.
    """

    summary: list[dict[str, Any]]
    rows: list[list[Any]]

    @property
    def unexplained(self) -> int:
        """How many figures differ without a known cause."""
        return sum(line["sin_explicar"] for line in self.summary)


def reconcile_files(data_dir: Path, *, forked: bool = False) -> Reconciliation:
    """Read every file and compare the sources with each other, without a database.

    Args:
        data_dir: the folder of the files.
        forked: whether the process that reads may be a fork of this one.

    Raises:
        InputError: the folder or a required file is missing, or a file cannot be read.
        DataError: the contents of a file cannot be right.
    """
    from bankadvisor_etl.checks.settings import Settings  # noqa: PLC0415 - only the verb needs all of this
    from bankadvisor_etl.inputs.files import find_files, hashed, list_files  # noqa: PLC0415
    from bankadvisor_etl.job.child import Child, Job  # noqa: PLC0415
    from bankadvisor_etl.job.inbox import assert_computed  # noqa: PLC0415
    from bankadvisor_etl.job.messages import as_error  # noqa: PLC0415
    from bankadvisor_etl.job.results import results  # noqa: PLC0415

    content: dict[str, Any] = {"summary": [], "rows": []}
    with Child(forked=forked) as child:
        job = Job(list_files(find_files(data_dir)), Settings())
        child.ask(job)
        for message in results(child, job):
            if message.kind == "error" and "file" in message.content:
                raise as_error(message.content)
            if "file" not in message.content:
                content = assert_computed(message).content.get("reconcile", content)
    hashes = {file.path.name: file.sha256 for file in hashed(job.files)}
    first, second = COLUMNS.index("archivo_a"), COLUMNS.index("archivo_b")
    rows = [[*row, hashes.get(row[first]), hashes.get(row[second])] for row in content["rows"]]
    return Reconciliation(content["summary"], rows)
