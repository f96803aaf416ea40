"""Runs the checks and reports those that failed."""

from __future__ import annotations

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
    for name, extract in evidence.extracts.items():
        units = list(scale(name, extract.frame))
        found += units
        if all(unit.passed for unit in units):  # or else each figure has been found, and can be accepted, once
            found += published.restated_far(evidence, name)
    return found
