"""The report: one HTML file in Spanish that needs neither network nor scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.looking.report.page import page
from bankadvisor_etl.looking.report.portrait import portrait

if TYPE_CHECKING:
    from datetime import date

    from bankadvisor_etl.warehouse.facts import Facts


def report(facts: Facts, bank: str | None, month: date | None, today: date) -> str:
    """The HTML of the report.

    Args:
        facts: what is published.
        bank: the bank to compare with the system; INVEX, or the largest one, unless given.
        month: the month to show; the newest one that is complete and not a copy, unless given.
        today: the date of the report.

    Raises:
        ConfigurationError: nothing is published for that bank and month.
    """
    return page(portrait(facts, bank, month, today))
