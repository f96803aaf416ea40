"""Runs the checks, and says of those that failed what a person has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.checks import figures, months, published, sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bankadvisor_etl.checks.findings import Comparison, Evidence, Finding


def audit_files(evidence: Evidence) -> list[Finding]:
    """Everything that the files alone can tell."""
    checks = (*sources.CHECKS, *figures.CHECKS, *months.CHECKS)
    return [finding for check in checks for finding in check(evidence)]


def audit_publication(evidence: Evidence, comparison: Comparison) -> list[Finding]:
    """Everything that shows only beside what is published."""
    return [finding for check in published.CHECKS for finding in check(evidence, comparison)]


def failures(findings: Iterable[Finding]) -> str | None:
    """The ``error`` checks that failed, in words; None when there is none."""
    failed = [finding for finding in findings if finding.severity == "error" and not finding.passed]
    if not failed:
        return None
    words = [
        f"{finding.name}: {finding.observed}; expected {finding.expected}"
        + (f"; for one {finding.sample[0]}" if finding.sample else "")
        for finding in failed
    ]
    return "nothing was published, since " + " | ".join(words)
