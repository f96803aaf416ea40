"""Checks the series against CNBV's catalogues. The files are replaced at different times, so these are warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.checks.findings import SAMPLE, Finding
from bankadvisor_etl.sources.series.arrays import code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.series.arrays import Series


def known_to_the_catalogues(series: Series, extracts: Mapping[str, Extract]) -> Iterator[Finding]:
    """Every institution and every concept of the series is in its catalogue, if the catalogue is present."""
    there = {
        "entidades": ("codigo", {code(entity) for entity, _, _ in series.keys}),
        "conceptos": ("id", {str(concept) for _, _, concept in series.keys}),
    }
    for source, (column, numbers) in there.items():
        if source in extracts:
            lacking = tuple(sorted(numbers - {str(number) for number in extracts[source].frame[column]}))
            observed = f"{len(lacking):,} of {len(numbers):,} are kept under their number"
            yield Finding(
                f"serie_in_{source}", "warning", not lacking, observed, "all of them", lacking[:SAMPLE], lacking
            )
