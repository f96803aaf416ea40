"""Months, numbers and alerts as a Mexican reader expects them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.tables import MONTHLY_KPIS

if TYPE_CHECKING:
    from datetime import date, datetime

MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()  # noqa: SIM905
NOTHING = "\u2013"
"""Shown instead of a missing figure."""
MINUS = "\u2212"


def month(day: date) -> str:
    """``junio de 2025``."""
    return f"{MONTHS[day.month - 1]} de {day.year}"


def short_month(day: date) -> str:
    """``jun 25``."""
    return f"{MONTHS[day.month - 1][:3]} {day.year % 100:02}"


def moment(at: datetime) -> str:
    """``24 de noviembre de 2026, 02:00 UTC``."""
    return f"{at.day} de {month(at.date())}, {at:%H:%M} UTC"


def number(value: float | None, decimals: int = 0) -> str:
    """``47,571``; a dash for None."""
    return NOTHING if value is None else _minus(f"{value:,.{decimals}f}")


def percent(ratio: float | None, decimals: int = 2) -> str:
    """``2.35 %`` for 0.0235; a dash for None."""
    return NOTHING if ratio is None else _minus(f"{100 * ratio:,.{decimals}f}\u00a0%")


def change(ratio: float | None) -> str:
    """``+4.1 %`` for 0.041; a dash for None."""
    return NOTHING if ratio is None else _signed(100 * ratio, 1) + "\u00a0%"


def points(difference: float | None) -> str:
    """``+12 pb`` (basis points) for a difference of 0.0012 between two ratios."""
    return NOTHING if difference is None else _signed(10_000 * difference, 0) + "\u00a0pb"


def figure(column: str, value: float | None) -> str:
    """A figure of ``monthly_kpis`` in the unit of its column."""
    unit = MONTHLY_KPIS[column].kind
    if unit == "ratio":
        return percent(value, 4)
    return number(value, 4) + ("\u00a0%" if unit == "percent" and value is not None else "")


def many(count: int, one: str, more: str) -> str:
    """``1 banco``, ``2 bancos``."""
    return f"{count:,} {one if count == 1 else more}"


def _signed(value: float, decimals: int) -> str:
    """With its sign, unless it rounds to zero."""
    rounded = round(value, decimals)
    return _minus(f"{rounded:+,.{decimals}f}") if rounded else f"{0:.{decimals}f}"


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
