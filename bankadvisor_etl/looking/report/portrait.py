"""The contents of the report, computed from what is published. Pure: no database, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.formats.parse import SISTEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from bankadvisor_etl.warehouse.facts import Facts, Row

HOUSE_BANK = "INVEX"
HISTORY, LARGEST, SHOWN = 24, 10, 20
"""Months of history; banks drawn as bars; banks in the heat map and the table."""
OLD = 3
"""Months; CNBV publishes a month about six weeks after it ends."""


@dataclass(frozen=True)
class Portrait:
    """The figures of the report.

    Attributes:
        facts: their origin.
        today: the date of the report.
        bank: the chosen bank.
        month: the month shown.
        months: the months of the history, the oldest first; the last one is ``month``.
        banks: the largest banks of the month, the largest first.
        newest: the newest published month.
        copied: whether the newest month is a copy of the one before.
    """

    facts: Facts
    today: date
    bank: str
    month: date
    months: Sequence[date]
    banks: Sequence[str]
    newest: date
    copied: bool
    _rows: Mapping[tuple[str, date], Row]

    def value(self, bank: str, column: str, month: date | None = None) -> float | None:
        """A figure of a bank (``SISTEMA`` for the system) in a month, by default the one shown."""
        row = self._rows.get((bank, month or self.month))
        return row.figures[column] if row else None

    def growth(self, bank: str, column: str = "cartera_total") -> float | None:
        """Relative growth in twelve months; None if a figure is missing or was not above zero."""
        now, before = self.value(bank, column), self.value(bank, column, self.year_before)
        return now / before - 1 if now is not None and before is not None and before > 0 else None

    def moved(self, bank: str, column: str, month: date | None = None) -> float | None:
        """Change in the twelve months to a month, by default the one shown."""
        month = month or self.month
        before = month.replace(year=month.year - 1)
        return difference(self.value(bank, column, month), self.value(bank, column, before))

    def capital(self, bank: str) -> float | None:
        """The ICAP of a bank in the newest month that has ICAPs."""
        return self.value(bank, "icap_total", self.capital_month)

    @property
    def year_before(self) -> date:
        """The same month of the year before."""
        return self.month.replace(year=self.month.year - 1)

    @property
    def capital_month(self) -> date:
        """The newest of the months with ICAPs, which come later than the loan book; without any, the month shown."""
        capital = (month for month in reversed(self.months) if self.value("SISTEMA", "icap_total", month) is not None)
        return next(capital, self.month)

    @property
    def age(self) -> int:
        """Months from the newest complete month to today."""
        return (self.today.year - self.month.year) * 12 + self.today.month - self.month.month

    @property
    def is_old(self) -> bool:
        """Whether newer figures are due; False if another month was requested."""
        return self.month == self.facts.month and self.age > OLD

    def alerts(self) -> Mapping[str, int]:
        """The alerts of the month, with the number of rows."""
        found: dict[str, int] = {}
        for (_, month), row in self._rows.items():
            if month == self.month:
                for alert in row.alerts:
                    found[alert] = found.get(alert, 0) + 1
        return dict(sorted(found.items()))


def difference(one: float | None, other: float | None) -> float | None:
    """One minus the other; None if one of them is missing."""
    return None if one is None or other is None else one - other


def portrait(facts: Facts, bank: str | None, month: date | None, today: date) -> Portrait:
    """Choose the month, the history and the banks.

    Raises:
        ConfigurationError: nothing is published for that bank and month.
    """
    newest = max(row.month for row in facts.rows)
    month = month or facts.month or newest
    rows = {("SISTEMA" if row.code == SISTEMA else row.bank, row.month): row for row in facts.rows}
    if ("SISTEMA", month) not in rows:
        raise ConfigurationError(f"nothing is published for {month:%Y-%m}; the newest month is {newest:%Y-%m}")
    banks = [name for name, _ in sorted(_sizes(facts.rows, month).items(), key=lambda size: (-size[1], size[0]))]
    chosen = bank.upper() if bank else HOUSE_BANK if HOUSE_BANK in banks else next(iter(banks), "")
    if chosen not in banks:
        raise ConfigurationError(f"{chosen or 'no bank'} has no loan book in {month:%Y-%m}: {', '.join(sorted(banks))}")
    months = sorted({row.month for row in facts.rows if row.month <= month})[-HISTORY:]
    copied = any("mes_repetido" in row.alerts for row in facts.rows if row.month == newest)
    return Portrait(facts, today, chosen, month, months, banks[:SHOWN], newest, copied, rows)


def _sizes(rows: Iterable[Row], month: date) -> dict[str, float]:
    """The size of the loan book of each bank with one in a month."""
    return {
        row.bank: size
        for row in rows
        if row.month == month and row.code != SISTEMA and (size := row.figures["cartera_total"]) and size > 0
    }
