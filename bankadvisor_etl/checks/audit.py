"""Runs the checks and returns their findings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bankadvisor_etl.checks import figures, months, published, sources
from bankadvisor_etl.checks.scale import scale

if TYPE_CHECKING:
    from bankadvisor_etl.checks.findings import Evidence, Finding


def audit_sources(evidence: Evidence) -> list[Finding]:
    """The checks of each file that was read, made before an optional source that is too poor is set aside."""
    checks = (*sources.FILE_CHECKS, *months.FILE_CHECKS, *published.SOURCE_CHECKS)
    return [finding for check in checks for finding in check(evidence)]


def audit(evidence: Evidence) -> list[Finding]:
    """All checks of the files and of what is published, except those of ``audit_sources``."""
    checks = (*sources.CHECKS, *figures.CHECKS, *months.CHECKS, *published.CHECKS)
    found = [finding for check in checks for finding in check(evidence)]
    with ThreadPoolExecutor(2) as pool:  # a third of the audit's time; polars releases the GIL
        for findings in pool.map(lambda name: _units(evidence, name), evidence.extracts):
            found += findings
    return found


def _units(evidence: Evidence, source: str) -> list[Finding]:
    """Whether the figures of a source are in the same unit as the months around them and the published ones."""
    units = list(scale(source, evidence.extracts[source].frame))
    if all(unit.passed for unit in units):  # otherwise each figure would be found, and have to be accepted, twice
        units += published.restated_far(evidence, source)
    return units
