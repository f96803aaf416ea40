"""The page: the template, filled from the portrait."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bankadvisor_etl import __version__
from bankadvisor_etl.looking import spanish
from bankadvisor_etl.looking.report import charts, sentences
from bankadvisor_etl.looking.report.portrait import difference
from bankadvisor_etl.tables import MONTHLY_KPIS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.looking.report.portrait import Portrait
    from bankadvisor_etl.warehouse.facts import Change

HERE = files("bankadvisor_etl.looking.report")


@dataclass(frozen=True)
class Card:
    """A figure in large type: its title, its value, and a sentence below."""

    title: str
    figure: str
    note: str


def page(portrait: Portrait) -> str:
    """The HTML of the report."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((HERE / "page.html").read_text(encoding="utf-8"))
    return template.render(
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - ours
        p=portrait,
        s=spanish,
        banner=list(sentences.banner(portrait)),
        cards=list(_cards(portrait)),
        figures=list(_figures(portrait)),
        table=[_row(portrait, bank) for bank in ("SISTEMA", *_with_chosen(portrait))],
        said_of_changes=sentences.changes(portrait),
        changes=[_change(change) for change in portrait.facts.changes],
        warnings=list(sentences.warnings(portrait)),
        version=__version__,
    )


def _cards(portrait: Portrait) -> Iterator[Card]:
    yield Card(
        "Cartera del sistema",
        f"{spanish.number((portrait.value('SISTEMA', 'cartera_total') or 0) / charts.TRILLION, 2)} billones",
        f"{spanish.number(portrait.value('SISTEMA', 'cartera_total'))} MDP; "
        f"{spanish.change(portrait.growth('SISTEMA'))} en doce meses",
    )
    yield Card(
        "IMOR del sistema",
        spanish.percent(portrait.value("SISTEMA", "imor")),
        f"{spanish.points(portrait.moved('SISTEMA', 'imor'))} en doce meses",
    )
    yield Card(
        "ICAP del sistema",
        spanish.percent(portrait.capital("SISTEMA")),
        f"{spanish.points(portrait.moved('SISTEMA', 'icap_total', portrait.capital_month))} en doce meses"
        + (f"; de {spanish.month(portrait.capital_month)}" if portrait.capital_month != portrait.month else ""),
    )
    imor = difference(portrait.value(portrait.bank, "imor"), portrait.value("SISTEMA", "imor"))
    capital = difference(portrait.capital(portrait.bank), portrait.capital("SISTEMA"))
    yield Card(
        f"IMOR de {portrait.bank} contra el sistema",
        spanish.points(imor),
        f"{spanish.percent(portrait.value(portrait.bank, 'imor'))}; ICAP: {spanish.points(capital)}",
    )
    yield Card("Cifras cambiadas", spanish.number(portrait.facts.changed_figures), sentences.changes(portrait))


def _figures(portrait: Portrait) -> Iterator[dict[str, str]]:
    drawings = (
        ("imor", f"IMOR: {portrait.bank} contra el sistema", charts.delinquency, sentences.delinquency),
        ("mayores", "Los diez bancos mayores y su capital", charts.largest, sentences.largest),
        ("segmentos", "Cartera del sistema por segmento", charts.segments, sentences.segments),
        ("calor", "IMOR de los bancos mayores, mes a mes", charts.heat_map, sentences.heat_map),
    )
    for name, title, draw, say in drawings:
        svg = Markup(draw(portrait))  # noqa: S704 - drawing.py escapes what is in it
        yield {"name": name, "title": title, "svg": svg, "sentence": say(portrait)}


def _with_chosen(portrait: Portrait) -> list[str]:
    banks = list(portrait.banks)
    return banks if portrait.bank in banks else [*banks, portrait.bank]


def _row(portrait: Portrait, bank: str) -> dict[str, str | bool]:
    history = [portrait.value(bank, "imor", month) for month in portrait.months]
    first = next((value for value in history if value is not None), None)
    return {
        "bank": bank,
        "chosen": bank == portrait.bank,
        "system": bank == "SISTEMA",
        "book": spanish.number(portrait.value(bank, "cartera_total")),
        "share": spanish.percent(_share(portrait, bank), 1),
        "growth": spanish.change(portrait.growth(bank)),
        "imor": spanish.percent(portrait.value(bank, "imor")),
        "moved": spanish.points(portrait.moved(bank, "imor")),
        "icap": spanish.percent(portrait.capital(bank)),
        "line": charts.sparkline(history),
        "said": f"IMOR de {bank}: de {spanish.percent(first)} a {spanish.percent(portrait.value(bank, 'imor'))}",
    }


def _share(portrait: Portrait, bank: str) -> float | None:
    part, whole = portrait.value(bank, "cartera_total"), portrait.value("SISTEMA", "cartera_total")
    return part / whole if part is not None and whole else None


def _change(change: Change) -> dict[str, str]:
    column = MONTHLY_KPIS[change.column]
    return {
        "bank": change.bank,
        "month": spanish.short_month(change.month),
        "what": column.title,
        "column": column.name,
        "old": spanish.figure(column.name, change.old),
        "new": spanish.figure(column.name, change.new),
        "percent": spanish.change(None if change.percent is None else change.percent / 100),
    }
