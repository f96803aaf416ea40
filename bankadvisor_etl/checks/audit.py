"""Runs the checks and reports those that failed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bankadvisor_etl.checks import figures, months, published, sources
from bankadvisor_etl.checks.scale import scale

if TYPE_CHECKING:
    from bankadvisor_etl.checks.findings import Evidence, Finding


def audit_sources(evidence: Evidence) -> list[Finding]:
    """What is asked of each file that was read, before an optional source that is too poor is set aside."""
    checks = (*sources.FILE_CHECKS, *months.FILE_CHECKS, *published.SOURCE_CHECKS)
    return [finding for check in checks for finding in check(evidence)]


def audit(evidence: Evidence) -> list[Finding]:
    """Everything that the files and what is published can tell, the checks of ``audit_sources`` aside."""
    checks = (*sources.CHECKS, *figures.CHECKS, *months.CHECKS, *published.CHECKS)
    found = [finding for check in checks for finding in check(evidence)]
    with ThreadPoolExecutor(2) as pool:  # a third of the audit's time, and polars lets go of the GIL
        for findings in pool.map(lambda name: _units(evidence, name), evidence.extracts):
            found += findings
    return found


def _units(evidence: Evidence, source: str) -> list[Finding]:
    """Whether the figures of a source are in the unit of their neighbours and of those that are published."""
    units = list(scale(source, evidence.extracts[source].frame))
    if all(unit.passed for unit in units):  # or else each figure has been found, and can be accepted, once
        units += published.restated_far(evidence, source)
    return units
