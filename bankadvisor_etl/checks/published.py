"""What would publishing lose? A file that is merely poorer than what is published takes nothing away."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.checks.findings import Comparison, Evidence, Finding, Severity, Thresholds, keys_of, sample_of
from bankadvisor_etl.figures import FED_BY
from bankadvisor_etl.sources import SOURCES
from bankadvisor_etl.transforms.arithmetic import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

REQUIRED = {source.name for source in SOURCES if source.required}
ACCEPTS = "(--allow-removals accepts it)"


def absent(published: pl.DataFrame, staged: pl.DataFrame, figures: Sequence[str]) -> pl.DataFrame:
    """For each published bank-month how many of ``figures`` are published, and how many of those ``staged`` lacks.

    Args:
        published: ``codigo``, ``mes`` and the figures.
        staged: ``codigo``, ``mes`` and the figures of the run; an undefined ratio (NaN) is not missing.
        figures: names of columns.

    Returns:
        ``codigo``, ``mes``, ``publicadas``, ``ausentes``.
    """
    both = published.select(*KEY, *figures).join(staged.select(*KEY, *figures), on=KEY, how="left", suffix="_nueva")
    is_published = [pl.col(name).is_not_null() for name in figures]
    is_absent = [pl.col(name).is_not_null() & pl.col(f"{name}_nueva").is_null() for name in figures]
    return both.select(*KEY, publicadas=pl.sum_horizontal(is_published), ausentes=pl.sum_horizontal(is_absent))


def figures_absent(evidence: Evidence) -> Iterator[Finding]:
    """The file of each source gives at least 99 % of the figures that are published from it."""
    if evidence.published is None:
        return
    for source in evidence.readings.keys() & FED_BY.keys():
        counts = absent(evidence.published, evidence.kpis.staged, FED_BY[source])
        lacking = counts.filter(pl.col("ausentes") > 0)
        total, gone = int(counts["publicadas"].sum()), int(counts["ausentes"].sum())
        limit = evidence.thresholds.absent_share
        many = gone > total * limit and not evidence.allow_removals
        observed = f"{gone:,} of {total:,} published figures are not in the file ({gone / max(total, 1):.2%})"
        sample, keys = sample_of(lacking, "ausentes"), keys_of(lacking)
        severity: Severity = "error" if source in REQUIRED else "warning"
        expected = f"at most {limit:.0%} {ACCEPTS}"
        yield Finding(f"figures_absent_{source}", severity, not many, observed, expected, sample if many else ())
        kept = gone > 0 and not many and not evidence.allow_removals
        yield Finding(f"figures_kept_{source}", "warning", not kept, observed, "none", sample, keys if kept else ())


def newest_not_back(evidence: Evidence) -> Iterator[Finding]:
    """The newest month with a value of each source is no older than the newest published one."""
    if evidence.published is None:
        return
    for source in evidence.readings.keys() & FED_BY.keys():
        some = pl.any_horizontal(pl.col(FED_BY[source]).is_not_null())
        new = cast("date | None", evidence.kpis.staged.filter(some)["mes"].max())
        published = cast("date | None", evidence.published.filter(some)["mes"].max())
        if published is None:
            continue
        passed = (new is not None and new >= published) or evidence.allow_removals
        severity: Severity = "error" if source in REQUIRED else "warning"
        observed = "no month has a value" if new is None else f"newest month {new:%Y%m}"
        expected = f"{published:%Y%m} or later {ACCEPTS}"
        yield Finding(f"newest_month_not_back_{source}", severity, passed, observed, expected)


def none_missing(evidence: Evidence) -> Iterator[Finding]:
    """No published bank-month is missing from the new files; up to 1 % stay, more are an error."""
    if evidence.published is None:
        return
    missing = evidence.published.join(evidence.kpis.frame, on=KEY, how="anti")
    share = missing.height / max(evidence.published.height, 1)
    limit = evidence.thresholds.missing_share
    many = share > limit and not evidence.allow_removals
    observed = f"{missing.height:,} of {evidence.published.height:,} published bank-months are missing ({share:.2%})"
    sample, keys = sample_of(missing), keys_of(missing)
    expected = f"at most {limit:.0%} {ACCEPTS}"
    yield Finding("few_published_missing", "error", not many, observed, expected, sample if many else ())
    yield Finding("no_published_missing", "warning", missing.is_empty(), observed, "none", sample, keys)


def restated(comparison: Comparison, thresholds: Thresholds) -> Finding:
    """Few published figures change."""
    share = comparison.changed / max(comparison.figures, 1)
    limit = thresholds.restated_share
    observed = f"{comparison.changed:,} of {comparison.figures:,} published figures change ({share:.2%})"
    return Finding("few_restated", "warning", share <= limit, observed, f"at most {limit:.0%}")


SOURCE_CHECKS = (figures_absent, newest_not_back)
"""What sets an optional source aside."""

CHECKS = (none_missing,)
