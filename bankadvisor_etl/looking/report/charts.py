"""The drawings of the report: Vega-Lite by Altair, made into static SVG by vl-convert.

Months are words, not times: as times they would shift with the time zone of the machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from bankadvisor_etl.looking.report.portrait import LARGEST
from bankadvisor_etl.looking.spanish import short_month
from bankadvisor_etl.tables import MONTHLY_KPIS
from bankadvisor_etl.warehouse.facts import SEGMENTS

if TYPE_CHECKING:
    from bankadvisor_etl.looking.report.portrait import Portrait

LEAST_CAPITAL = 0.105
"""What an ICAP must have, the supplement for conservation included: 8 + 2.5 %."""

BLUE, ORANGE, GREY, INK = "#0b5cad", "#b45309", "#57606a", "#1f2328"
SEGMENT_COLOURS = ("#0b5cad", "#4d9be6", "#8a94a0", "#b45309", "#2f855a")
WIDTH = 720
TRILLION = 1e6
"""MDP in a trillion pesos (``billón``)."""

CONFIG = {
    "aria": False,  # the figure around it has the sentence; the marks would say 'mes: jun 25; imor: 0.02' each
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "labelColor": INK, "titleColor": GREY, "titleFontWeight": 400,
             "gridColor": "#e4e7eb", "domainColor": "#8a94a0", "tickColor": "#8a94a0"},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "labelColor": INK, "titleColor": GREY, "titleFontWeight": 400},
    "text": {"fontSize": 12, "color": INK},
}  # fmt: skip


def delinquency(portrait: Portrait) -> str:
    """IMOR of the bank against the system over the history, each line with its name and last value at its end."""
    names = {portrait.bank: BLUE, "SISTEMA": ORANGE}
    rows: list[dict[str, Any]] = [
        {"mes": short_month(month), "quien": name, "imor": portrait.value(name, "imor", month)}
        for name in names
        for month in portrait.months
    ]
    ends = [row for row in rows if row["mes"] == short_month(portrait.month) and row["imor"] is not None]
    ends.sort(key=lambda row: row["imor"])
    colour = alt.Color("quien:N").scale(domain=list(names), range=list(names.values())).legend(None)
    base = alt.Chart(_data(rows)).encode(
        x=_months(portrait),
        y=alt.Y("imor:Q").title(None).axis(format=".1%", tickCount=6).scale(zero=False),
        color=colour,
    )
    dash = alt.StrokeDash("quien:N").scale(domain=list(names), range=[[1, 0], [6, 3]]).legend(None)
    layers = [base.mark_line(strokeWidth=2.5).encode(strokeDash=dash)]
    for place, end in enumerate(ends):  # the lower name goes below its point, so that two close ends do not collide
        at = alt.Chart(_data([end])).encode(x=_months(portrait), y="imor:Q", color=colour)
        layers += [at.mark_circle(size=70, opacity=1), _end_label(at, above=place == len(ends) - 1)]
    return _svg(alt.layer(*layers).properties(width=WIDTH - 130, height=260), "imor", right=60)


def _end_label(at: Any, *, above: bool) -> Any:
    label = "datum.quien + ' ' + format(datum.imor, '.2%')"
    return (
        at.mark_text(align="left", dx=9, dy=-7 if above else 9, fontWeight=600)
        .transform_calculate(t=label)
        .encode(text="t:N")
    )


def largest(portrait: Portrait) -> str:
    """The loan books of the ten largest banks beside their ICAP, with the line of what it must be at least."""
    banks = list(portrait.banks[:LARGEST])
    shown = banks if portrait.bank in banks else [*banks, portrait.bank]
    rows = [
        {
            "banco": bank,
            "cartera": (portrait.value(bank, "cartera_total") or 0) / TRILLION,
            "icap": portrait.capital(bank),
            "elegido": bank == portrait.bank,
        }
        for bank in shown
    ]
    y = alt.Y("banco:N").sort(shown).title(None).axis(labelLimit=180)
    colour = alt.condition("datum.elegido", alt.value(ORANGE), alt.value(BLUE))
    data = _data(rows)
    bars = alt.Chart(data).encode(
        y=y, x=alt.X("cartera:Q").title("Cartera, billones de pesos").axis(format=".1f", tickCount=4)
    )
    left = alt.layer(
        bars.mark_bar(height=15).encode(color=colour),
        bars.mark_text(align="left", dx=4).encode(text=alt.Text("cartera:Q", format=".2f")),
    ).properties(width=270, height=24 * len(shown))
    capital = alt.Chart(data).encode(
        y=y.axis(None),
        x=alt.X("icap:Q")
        .title(f"ICAP, {short_month(portrait.capital_month)}")
        .axis(format=".0%", tickCount=4)
        .scale(domainMin=0),
    )
    least = alt.Chart(_data([{"x": LEAST_CAPITAL, "t": "mínimo 10.5 %"}])).encode(x="x:Q")
    right = alt.layer(
        least.mark_rule(color=INK, strokeDash=[4, 3]),
        least.mark_text(align="left", dx=4, y=-7, color=GREY).encode(text="t:N"),
        capital.mark_circle(size=90, opacity=1).encode(color=colour),
        capital.mark_text(align="left", dx=9).encode(text=alt.Text("icap:Q", format=".1%")),
    ).properties(width=230, height=24 * len(shown))
    return _svg(alt.hconcat(left, right, spacing=40), "mayores", right=20)


def segments(portrait: Portrait) -> str:
    """The system's loan book by segment, month by month."""
    titles = [MONTHLY_KPIS[name].title for name in SEGMENTS]
    rows = [
        {
            "mes": short_month(month),
            "segmento": title,
            "orden": order,
            "monto": (portrait.value("SISTEMA", name, month) or 0) / TRILLION,
        }
        for month in portrait.months
        for order, (name, title) in enumerate(zip(SEGMENTS, titles, strict=True))
    ]
    chart = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=_months(portrait, band=True),
            y=alt.Y("monto:Q").title("billones de pesos").axis(format=".0f", tickCount=6),
            color=alt.Color("segmento:N")
            .scale(domain=titles, range=list(SEGMENT_COLOURS))
            .sort(titles)
            .legend(orient="top", title=None, columnPadding=26, labelLimit=220),
            order="orden:Q",
        )
    )
    return _svg(chart.properties(width=WIDTH - 60, height=250), "segmentos")


def heat_map(portrait: Portrait) -> str:
    """IMOR of the largest banks by month; darker is higher, and 8 % and more look the same."""
    rows = [
        {"mes": short_month(month), "banco": bank, "imor": value}
        for bank in portrait.banks
        for month in portrait.months
        if (value := portrait.value(bank, "imor", month)) is not None
    ]
    chart = (
        alt.Chart(_data(rows))
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            x=_months(portrait, band=True),
            y=alt.Y("banco:N").sort(list(portrait.banks)).title(None).axis(labelLimit=180),
            color=alt.Color("imor:Q")
            .scale(scheme="yelloworangered", domain=[0, 0.08], clamp=True)
            .legend(
                orient="top", title="IMOR; 8 % o más, el más oscuro", titleLimit=300, format=".0%", gradientLength=220
            ),
        )
    )
    return _svg(chart.properties(width=WIDTH - 150, height=19 * len(portrait.banks)), "calor")


def sparkline(values: list[float | None]) -> str:
    """The points of a polyline on 100 x 24, for a table; empty where fewer than two values are known."""
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - two points make a line
        return ""
    low, height = min(known), (max(known) - min(known)) or 1.0
    step = 96 / max(len(values) - 1, 1)
    return " ".join(
        f"{2 + step * place:.1f},{21 - 18 * (value - low) / height:.1f}"
        for place, value in enumerate(values)
        if value is not None
    )


def _data(rows: list[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def _months(portrait: Portrait, *, band: bool = False) -> alt.X:
    """The months in their order, every third one labelled, the last one among them."""
    words = [short_month(month) for month in portrait.months]
    axis = alt.Axis(
        values=words[::-1][::3], labelAngle=0, title=None, domain=not band, ticks=not band, labelOverlap=False
    )
    return alt.X("mes:O").sort(words).axis(axis)


def _svg(chart: Any, name: str, right: int = 8) -> str:
    """The drawing without a size of its own; its names (of clips and gradients) are told apart from other drawings'.

    Args:
        chart: what is drawn.
        name: of the drawing.
        right: room on the right: the reader's letters may be wider than those that vl-convert measures with.
    """
    padding = {"left": 8, "top": 4, "right": right, "bottom": 4}
    spec = chart.properties(background="transparent", padding=padding).to_dict()
    spec["config"] = CONFIG
    svg = vl_convert.vegalite_to_svg(spec, format_locale="es-MX", time_format_locale="es-MX")
    width, height = re.findall(r'(?:width|height)="([\d.]+)"', svg)[:2]
    svg = re.sub(
        r"<svg [^>]*>", f'<svg viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">', svg, count=1
    )
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return re.sub(r"(\d\.\d{2})\d+", r"\1", svg)
