"""Checks that the figures are recent. Made every night, even if no file changed, since it depends on the date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.checks.findings import Finding, Thresholds

if TYPE_CHECKING:
    from datetime import date


def months_between(earlier: date, later: date) -> int:
    """The number of months from one to the other."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def recent(newest: date, today: date, thresholds: Thresholds) -> Finding:
    """The newest month is at most ``months_old`` behind."""
    behind, limit = months_between(newest, today), int(thresholds.months_old)
    observed = f"newest month {newest:%Y%m}, {behind} months old"
    return Finding("newest_month_recent", "warning", behind <= limit, observed, f"at most {limit} months old")
