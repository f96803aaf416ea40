"""The charts of the report, each 720 wide. The chosen bank is orange in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.looking.report.drawing import (
    Bands,
    Scale,
    apart,
    box,
    clipped,
    curve,
    drawing,
    element,
    heights,
    line,
    names,
    places,
    text,
    widths,
)
from bankadvisor_etl.looking.report.portrait import LARGEST
from bankadvisor_etl.looking.spanish import number, percent, short_month
from bankadvisor_etl.tables import MONTHLY_KPIS
from bankadvisor_etl.warehouse.facts import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bankadvisor_etl.looking.report.portrait import Portrait

LEAST_CAPITAL = 0.105
"""The minimum ICAP, including the conservation buffer: 8 + 2.5 %."""

SEGMENT_COLOURS = ("#0b5cad", "#4d9be6", "#8a94a0", "#b45309", "#2f855a")
HEAT = ("#fff3c4", "#fed976", "#feb24c", "#fd8d3c", "#fc4e2a", "#e31a1c", "#a50f15")
HOTTEST = 0.08
"""The IMOR from which on the colour stays the same."""
WIDTH = 720
ROOM_FOR_NAMES = 172
TRILLION = 1e6
"""MDP in a trillion pesos (``billón``)."""


def delinquency(portrait: Portrait) -> str:
    """IMOR of the bank and of the system over time, each line ending with its name and last value."""
    lines = {
        (who, look): [portrait.value(who, "imor", month) for month in portrait.months]
        for who, look in (("SISTEMA", "system"), (portrait.bank, "bank"))
    }
    known = [value for values in lines.values() for value in values if value is not None]
    x = Bands(len(portrait.months), 50, WIDTH - 150)
    y = Scale.around(known or [0.0], 270, 12)

    def parts() -> Iterator[str]:
        yield from heights(y, x.start, x.end, _percents(y))
        yield from places(x, 290, _months(portrait))
        for (_, look), values in lines.items():
            yield curve([None if v is None else (x.middle(n), y(v)) for n, v in enumerate(values)], f"line {look}")
        ends = {name: values[-1] for name, values in lines.items() if values[-1] is not None}
        at = apart(*(y(value) for value in ends.values())) if len(ends) > 1 else [y(value) for value in ends.values()]
        for ((who, look), value), height in zip(ends.items(), at, strict=True):
            end = x.middle(x.count - 1)
            yield element("circle", cx=end, cy=y(value), r=4.5, class_=look)
            yield text((end + 10, height), f"{clipped(who)} {percent(value)}", f"name {look}")

    return drawing(WIDTH, 300, parts())


def largest(portrait: Portrait) -> str:
    """The loan books of the ten largest banks next to their ICAPs, with a line at the minimum."""
    banks = list(portrait.banks[:LARGEST])
    shown = banks if portrait.bank in banks else [*banks, portrait.bank]
    books = [(portrait.value(bank, "cartera_total") or 0) / TRILLION for bank in shown]
    capital = [portrait.capital(bank) for bank in shown]
    looks = ["bank" if bank == portrait.bank else "others" for bank in shown]
    rows = Bands(len(shown), 18, 18 + 24 * len(shown))
    x = Scale.around([0, *books], ROOM_FOR_NAMES, 420)
    ratio = Scale.around([0, LEAST_CAPITAL, *(c for c in capital if c is not None)], 480, WIDTH - 50, steps=5)

    def parts() -> Iterator[str]:
        yield from widths(x, rows.start, rows.end, _trillions(x))
        yield from widths(ratio, rows.start, rows.end, _percents(ratio))
        yield from names(rows, x.start - 8, shown)
        yield line((ratio(LEAST_CAPITAL), rows.start), (ratio(LEAST_CAPITAL), rows.end), "least")
        yield text((ratio(LEAST_CAPITAL), 8), f"mínimo {percent(LEAST_CAPITAL, 1)}", "muted middle")
        for place, (book, held, look) in enumerate(zip(books, capital, looks, strict=True)):
            middle = rows.middle(place)
            yield box((x.start, middle - 7.5), x(book) - x.start, 15, class_=look)
            yield text((x(book) + 5, middle), number(book, 2))
            if held is not None:
                yield element("circle", cx=ratio(held), cy=middle, r=5, class_=look)
                yield text((ratio(held) + 10, middle), percent(held, 1))
        yield text(((x.start + x.end) / 2, rows.end + 32), "Cartera, billones de pesos", "muted middle")
        title = f"ICAP, {short_month(portrait.capital_month)}"
        yield text(((ratio.start + ratio.end) / 2, rows.end + 32), title, "muted middle")

    return drawing(WIDTH, rows.end + 42, parts())


def segments(portrait: Portrait) -> str:
    """The system's loan book by segment, month by month."""
    titles = [MONTHLY_KPIS[name].title for name in SEGMENTS]
    columns = [
        [max(portrait.value("SISTEMA", name, month) or 0, 0) / TRILLION for name in SEGMENTS]
        for month in portrait.months
    ]
    months = _months(portrait)
    x = Bands(len(months), 50, WIDTH - 10)
    y = Scale.around([0, *map(sum, columns)], 310, 54)

    def parts() -> Iterator[str]:
        yield from _legend(titles, x.start)
        yield text((x.start - 8, 38), "billones de pesos", "muted")
        yield from heights(y, x.start, x.end, _trillions(y))
        yield from places(x, 330, months)
        for place, (month, amounts) in enumerate(zip(months, columns, strict=True)):
            below = 0.0
            for title, amount, colour in zip(titles, amounts, SEGMENT_COLOURS, strict=True):
                corner, height = (x.middle(place) - x.size * 0.45, y(below + amount)), y(below) - y(below + amount)
                hint = f"{title}, {month}: {number(amount, 2)} billones"
                yield box(corner, x.size * 0.9, height, fill=colour, hint=hint)
                below += amount

    return drawing(WIDTH, 340, parts())


def heat_map(portrait: Portrait) -> str:
    """IMOR of the largest banks by month; darker is higher, and 8 % and more look the same."""
    months = _months(portrait)
    x = Bands(len(months), ROOM_FOR_NAMES, WIDTH - 10)
    y = Bands(len(portrait.banks), 64, 64 + 19 * len(portrait.banks))

    def parts() -> Iterator[str]:
        yield from _heat_legend(x.start)
        yield from names(y, x.start - 8, portrait.banks)
        yield from places(x, y.end + 14, months)
        for row, bank in enumerate(portrait.banks):
            for column, month in enumerate(portrait.months):
                if (value := portrait.value(bank, "imor", month)) is not None:
                    corner = x.middle(column) - x.size / 2 + 0.5, y.middle(row) - y.size / 2 + 0.5
                    hint = f"{bank}, {months[column]}: {percent(value)}"
                    yield box(corner, x.size - 1, y.size - 1, fill=_heat(value), hint=hint)

    return drawing(WIDTH, y.end + 24, parts())


def sparkline(values: list[float | None]) -> str:
    """The points of a polyline on 100 x 24, for a table; empty if fewer than two values are known."""
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


def _legend(titles: list[str], x: float) -> Iterator[str]:
    """A square and a title for each segment; a letter is at most 6.5 wide, whatever the reader's font."""
    for title, colour in zip(titles, SEGMENT_COLOURS, strict=True):
        yield box((x, 7), 11, 11, fill=colour)
        yield text((x + 17, 13), title)
        x += 40 + 6.5 * len(title)


def _heat_legend(x: float) -> Iterator[str]:
    yield text((x, 8), f"IMOR; {percent(HOTTEST, 0)} o más, el más oscuro; en blanco, sin cifra", "muted")
    scale = Scale.around([0, HOTTEST], x, x + 240, steps=4)
    parts = 48
    width = (scale.end - scale.start) / parts
    for part in range(parts):
        colour = _heat(HOTTEST * (part + 0.5) / parts)
        yield box((scale.start + part * width, 20), width + 0.3, 12, fill=colour)  # no gap between two of them
    for value in scale.ticks:
        yield text((scale(value), 44), percent(value, 0), "middle")


def _heat(value: float) -> str:
    """The colour of an IMOR, interpolated between the two nearest of ``HEAT``."""
    place = min(max(value / HOTTEST, 0), 1) * (len(HEAT) - 1)
    start = min(int(place), len(HEAT) - 2)
    pairs = zip(bytes.fromhex(HEAT[start][1:]), bytes.fromhex(HEAT[start + 1][1:]), strict=True)
    return "#" + bytes(round(one + (other - one) * (place - start)) for one, other in pairs).hex()


def _months(portrait: Portrait) -> list[str]:
    return [short_month(month) for month in portrait.months]


def _percents(scale: Scale) -> Callable[[float], str]:
    return lambda value: percent(value, scale.decimals(unit=0.01))


def _trillions(scale: Scale) -> Callable[[float], str]:
    return lambda value: number(value, scale.decimals())
