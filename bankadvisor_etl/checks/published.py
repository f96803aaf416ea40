"""What would publishing change?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.checks.findings import Comparison, Evidence, Finding, sample_of
from bankadvisor_etl.checks.months import newest

if TYPE_CHECKING:
    from collections.abc import Iterator


def not_back(evidence: Evidence, comparison: Comparison) -> Iterator[Finding]:
    """The newest month is no older than the newest published one."""
    if comparison.keys.height and evidence.kpis.frame.height:
        new, published = newest(evidence.kpis.frame), newest(comparison.keys)
        expected = f"{published:%Y%m} or later (--allow-removals accepts it)"
        passed = new >= published or evidence.allow_removals
        yield Finding("newest_month_not_back", "error", passed, f"newest month {new:%Y%m}", expected)


def none_missing(evidence: Evidence, comparison: Comparison) -> Iterator[Finding]:
    """No published bank-month is missing from the new files; up to 1 % stay, more are an error."""
    missing = comparison.keys.join(evidence.kpis.frame, on=["codigo", "mes"], how="anti")
    if "icap" not in evidence.readings:
        # Months that rest on an ICAP alone are in the file still; without the other file they look empty.
        missing = missing.join(evidence.kpis.unpublished, on=["codigo", "mes"], how="anti")
    share = missing.height / max(comparison.keys.height, 1)
    limit = evidence.thresholds.missing_share
    many = share > limit and not evidence.allow_removals
    observed = f"{missing.height:,} of {comparison.keys.height:,} published bank-months are missing ({share:.2%})"
    sample = sample_of(missing)
    expected = f"at most {limit:.0%} (--allow-removals accepts it)"
    yield Finding("few_published_missing", "error", not many, observed, expected, sample if many else ())
    yield Finding("no_published_missing", "warning", missing.is_empty(), observed, "none", sample)


def restated(evidence: Evidence, comparison: Comparison) -> Iterator[Finding]:
    """Few published figures change."""
    share = comparison.changed / max(comparison.figures, 1)
    limit = evidence.thresholds.restated_share
    observed = f"{comparison.changed:,} of {comparison.figures:,} published figures change ({share:.2%})"
    yield Finding("few_restated", "warning", share <= limit, observed, f"at most {limit:.0%}")


CHECKS = (not_back, none_missing, restated)
