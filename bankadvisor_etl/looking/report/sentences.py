"""The text of the report: the banner, a description of each chart for those who cannot see it, the warnings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bankadvisor_etl.looking.checks import in_spanish
from bankadvisor_etl.looking.report.charts import LEAST_CAPITAL
from bankadvisor_etl.looking.report.portrait import LARGEST, difference
from bankadvisor_etl.looking.spanish import many, month, number, percent, points
from bankadvisor_etl.tables import MONTHLY_KPIS
from bankadvisor_etl.tables.monthly_kpis import ALERTAS
from bankadvisor_etl.warehouse.facts import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.looking.report.portrait import Portrait


def banner(portrait: Portrait) -> Iterator[str]:
    """What a reader has to know first: that figures are invented, copied, old, or of another month."""
    if portrait.facts.invented:
        yield "Cifras inventadas: la base de datos tiene datos de muestra, no los de la CNBV."
    if portrait.copied and portrait.month < portrait.newest:
        yield (
            f"{month(portrait.newest).capitalize()} repite las cifras de todos los bancos del mes anterior: la fuente "
            f"se llenó a mano. Este informe muestra {month(portrait.month)}."
        )
    elif "mes_repetido" in portrait.alerts():
        yield f"{month(portrait.month).capitalize()} repite las cifras de todos los bancos del mes anterior."
    if portrait.is_old:
        yield f"Las cifras más recientes son de {month(portrait.month)}: tienen {many(portrait.age, 'mes', 'meses')}."


def delinquency(portrait: Portrait) -> str:
    """The chart of IMOR."""
    first = portrait.months[0]
    parts = [
        f"{_name(who)} pasó de {percent(portrait.value(who, 'imor', first))} en {month(first)} a "
        f"{percent(portrait.value(who, 'imor'))} en {month(portrait.month)}"
        for who in (portrait.bank, "SISTEMA")
    ]
    gap = points(difference(portrait.value(portrait.bank, "imor"), portrait.value("SISTEMA", "imor")))
    return f"IMOR: {'; '.join(parts)}. La diferencia es de {gap}."


def largest(portrait: Portrait) -> str:
    """The bar chart of the largest banks."""
    banks = portrait.banks[:LARGEST]
    capital = {bank: value for bank in banks if (value := portrait.capital(bank)) is not None}
    total = portrait.value("SISTEMA", "cartera_total") or 0
    share = sum(portrait.value(bank, "cartera_total") or 0 for bank in banks) / total if total > 0 else None
    text = (
        f"El más grande es {banks[0]}; los {len(banks)} mayores tienen {percent(share, 1)} de la cartera del sistema."
    )
    if not capital:
        return f"{text} No hay ICAP publicados de {month(portrait.month)}."
    low = min(capital, key=lambda bank: capital[bank])
    under = sum(value < LEAST_CAPITAL for value in capital.values())
    below = f"{many(under, 'está', 'están')} debajo de 10.5 %" if under else "ninguno está debajo de 10.5 %"
    lowest = f"el de {low}, {percent(capital[low])}"
    return f"{text} El ICAP más bajo entre ellos en {month(portrait.capital_month)} es {lowest}; {below}."


def segments(portrait: Portrait) -> str:
    """The stacked chart of the segments."""
    total = portrait.value("SISTEMA", "cartera_total") or 0
    shares = ", ".join(
        f"{MONTHLY_KPIS[name].title.lower()} {percent((portrait.value('SISTEMA', name) or 0) / total, 1)}"
        for name in SEGMENTS
        if total > 0
    )
    grown = _grown(portrait.growth("SISTEMA"))
    return f"La cartera del sistema es de {number(total)} MDP{grown}. Se reparte en {shares}."


def heat_map(portrait: Portrait) -> str:
    """The heat map of IMOR."""
    known = {bank: value for bank in portrait.banks if (value := portrait.value(bank, "imor")) is not None}
    if not known:
        return f"No hay IMOR publicados de {month(portrait.month)}."
    high, low = max(known, key=lambda bank: known[bank]), min(known, key=lambda bank: known[bank])
    return (
        f"Entre los {len(portrait.banks)} bancos mayores, el IMOR más alto de {month(portrait.month)} es el de {high}, "
        f"{percent(known[high])}, y el más bajo el de {low}, {percent(known[low])}."
    )


def changes(portrait: Portrait) -> str:
    """How many published figures the last run that changed any changed."""
    facts = portrait.facts
    if facts.changed_at is None:
        return "Ninguna cifra publicada ha cambiado desde la primera corrida."
    figures = many(facts.changed_figures, "cifra publicada", "cifras publicadas")
    banks = many(facts.changed_banks, "banco", "bancos")
    return f"El {facts.changed_at.day} de {month(facts.changed_at.date())} cambiaron {figures} de {banks}."


def warnings(portrait: Portrait) -> Iterator[str]:
    """The alerts of the month and the failed checks, as sentences."""
    for alert, rows in portrait.alerts().items():
        text = ALERTAS.get(alert, alert)
        yield f"{text[0].upper()}{text[1:]} ({many(rows, 'renglón', 'renglones')} de {month(portrait.month)}; {alert})."
    for name, observed in portrait.facts.findings:
        counted = re.fullmatch(r"([\d,]+) rows", observed)
        yield f"{in_spanish(name)} ({f'{counted[1]} renglones; ' if counted else ''}{name})."


def _grown(growth: float | None) -> str:
    if growth is None:
        return ""
    return f"; {'creció' if growth >= 0 else 'se redujo'} {percent(abs(growth), 1)} en doce meses"


def _name(who: str) -> str:
    return "el sistema" if who == "SISTEMA" else who
