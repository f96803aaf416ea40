"""Compares the sources with each other, for the checks and the table of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.findings import SAMPLE, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

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
