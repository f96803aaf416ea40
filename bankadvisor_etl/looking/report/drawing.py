"""Static SVG: elements, scales and axes. What a class looks like (``bank``, ``line``, ``end`` ...) is in ``page.css``.

Written here and not by a library of charts: four drawings need little, and what draws them all brings 100 MB.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Point = tuple[float, float]

LONGEST = 22
"""Letters of a name beside a drawing; what is longer ends in an ellipsis."""


@dataclass(frozen=True)
class Scale:
    """Values from ``first`` to ``last`` steps above zero, drawn from ``start`` to ``end``."""

    step: float
    first: int
    last: int
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float, steps: int = 6) -> Self:
        """A scale that has room for all values, of about so many steps of 1, 2 or 5 times a power of ten.

        Raises:
            ValueError: there are no values.
        """
        known = [*values]
        low, high = min(known), max(known)
        rough = (high - low or abs(high) or 1.0) / steps
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough)
        first = math.floor(low / step)
        return cls(step, first, max(math.ceil(high / step), first + 1), start, end)

    def __call__(self, value: float) -> float:
        """Where a value is drawn."""
        return self.start + (value / self.step - self.first) / (self.last - self.first) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """The values that are labelled: each step."""
        return [number * self.step for number in range(self.first, self.last + 1)]

    def decimals(self, unit: float = 1.0) -> int:
        """Decimals that tell one step from the next, in a unit: 0.01 for percents."""
        return max(0, -math.floor(math.log10(self.step / unit) + 1e-9))


@dataclass(frozen=True)
class Bands:
    """So many things side by side, each with its share of the way from ``start`` to ``end``."""

    count: int
    start: float
    end: float

    @property
    def size(self) -> float:
        """What each has."""
        return (self.end - self.start) / self.count

    def middle(self, number: int) -> float:
        """The middle of one, counted from 0."""
        return self.start + self.size * (number + 0.5)


def element(tag: str, *inside: str, **attributes: str | float) -> str:
    """An element around others or escaped text; ``class_`` is written ``class`` and ``aria_hidden`` ``aria-hidden``."""
    said = "".join(f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
    return f"<{tag}{said}>{''.join(inside)}</{tag}>" if inside else f"<{tag}{said}/>"


def text(at: Point, words: str, look: str = "") -> str:
    """Words whose middle line is at a height; they start there, unless their look is ``end`` or ``middle``."""
    classes = {"class_": look} if look else {}
    return element("text", html.escape(words), x=at[0], y=at[1], **classes)


def line(start: Point, end: Point, look: str) -> str:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=look)


def box(corner: Point, width: float, height: float, **attributes: str) -> str:
    """A rectangle, by its upper left corner; ``hint`` is shown when the mouse rests on it."""
    hint = attributes.pop("hint", "")
    inside = [element("title", html.escape(hint))] if hint else []
    return element("rect", *inside, x=corner[0], y=corner[1], width=width, height=height, **attributes)


def curve(points: Sequence[Point | None], look: str) -> str:
    """Points joined by lines; where one is missing there is a gap."""
    path, pen = [], "M"
    for number, point in enumerate(points):
        if point is None:
            pen = "M"
            continue
        alone = pen == "M" and (number + 1 == len(points) or points[number + 1] is None)
        path.append(f"{pen}{_value(point[0])},{_value(point[1])}{'h0' if alone else ''}")
        pen = "L"
    return element("path", d=" ".join(path), class_=look)


def drawing(width: float, height: float, parts: Iterable[str]) -> str:
    """The whole, as wide as there is room; hidden from screen readers, to which the sentence around it speaks."""
    return element(
        "svg", *parts, class_="chart", viewBox=f"0 0 {width:g} {height:g}", aria_hidden="true", focusable="false"
    )


def heights(scale: Scale, left: float, right: float, say: Callable[[float], str]) -> Iterator[str]:
    """An axis of values that go up: a line across the drawing for each, and its label on the left."""
    for value in scale.ticks:
        yield line((left, scale(value)), (right, scale(value)), "grid")
        yield text((left - 8, scale(value)), say(value), "end")


def widths(scale: Scale, top: float, bottom: float, say: Callable[[float], str]) -> Iterator[str]:
    """An axis of values that go to the right: a line down the drawing for each, and its label below."""
    for value in scale.ticks:
        yield line((scale(value), top), (scale(value), bottom), "grid")
        yield text((scale(value), bottom + 12), say(value), "middle")


def places(bands: Bands, y: float, words: Sequence[str]) -> Iterator[str]:
    """Words below their bands: every third one, the last among them."""
    for number in range(len(words) - 1, -1, -3):
        yield text((bands.middle(number), y), words[number], "middle")


def names(bands: Bands, x: float, words: Sequence[str]) -> Iterator[str]:
    """Words on the left of their bands, which lie one below the other."""
    for number, name in enumerate(words):
        yield text((x, bands.middle(number)), clipped(name), "end")


def clipped(name: str) -> str:
    """A name that fits beside a drawing."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"


def apart(one: float, other: float, least: float = 15) -> tuple[float, float]:
    """Two heights, moved away from each other where labels there would touch."""
    push = max(0.0, least - abs(one - other)) / 2
    return (one - push, other + push) if one <= other else (one + push, other - push)


def _value(value: str | float) -> str:
    return html.escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
