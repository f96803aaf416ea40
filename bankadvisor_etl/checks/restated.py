"""Checks how much of what is published a run changes, from PostgreSQL's comparison after the figures are staged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.checks.findings import Finding

if TYPE_CHECKING:
    from bankadvisor_etl.checks.findings import Thresholds


@dataclass(frozen=True)
class Comparison:
    """The figures of a run compared with the published ones.

    Attributes:
        figures: how many figures are published in the columns that the run feeds.
        changed: how many of them differ.
    """

    figures: int
    changed: int


def restated(comparison: Comparison, thresholds: Thresholds) -> Finding:
    """Few published figures change."""
    share = comparison.changed / max(comparison.figures, 1)
    limit = thresholds.restated_share
    observed = f"{comparison.changed:,} of {comparison.figures:,} published figures change ({share:.2%})"
    return Finding("few_restated", "warning", share <= limit, observed, f"at most {limit:.0%}")
