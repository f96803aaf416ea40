"""Static SVG: elements, scales and axes. The styles of classes (``bank``, ``line``, ``end`` ...) are in ``page.css``.

No chart library is used: four charts need little, and a library that draws all of them takes 100 MB.
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
"""The most characters of a name next to a chart; a longer one ends in an ellipsis."""


@dataclass(frozen=True)
class Scale:
    """An axis from ``first`` to ``last``, counted in steps from zero, drawn from ``start`` to ``end``."""

    step: float
    first: int
    last: int
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float, steps: int = 6) -> Self:
        """A scale for all values, with about ``steps`` steps of 1, 2 or 5 times a power of ten.

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
        """The coordinate of a value."""
        return self.start + (value / self.step - self.first) / (self.last - self.first) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """The labelled values: each step."""
        return [number * self.step for number in range(self.first, self.last + 1)]

    def decimals(self, unit: float = 1.0) -> int:
        """The decimals needed to distinguish the steps, in a unit: 0.01 for percent."""
        return max(0, -math.floor(math.log10(self.step / unit) + 1e-9))


@dataclass(frozen=True)
class Bands:
    """Equal bands side by side, from ``start`` to ``end``."""

    count: int
    start: float
    end: float

    @property
    def size(self) -> float:
        """The width of a band."""
        return (self.end - self.start) / self.count

    def middle(self, number: int) -> float:
        """The middle of a band, counted from 0."""
        return self.start + self.size * (number + 0.5)


def element(tag: str, *inside: str, **attributes: str | float) -> str:
    """An element with elements or escaped text in it; ``class_`` becomes ``class``, ``aria_hidden`` ``aria-hidden``."""
    said = "".join(f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
    return f"<{tag}{said}>{''.join(inside)}</{tag}>" if inside else f"<{tag}{said}/>"


def text(at: Point, words: str, look: str = "") -> str:
    """Text vertically centred on a point; it starts there, unless its class is ``end`` or ``middle``."""
    classes = {"class_": look} if look else {}
    return element("text", html.escape(words), x=at[0], y=at[1], **classes)


def line(start: Point, end: Point, look: str) -> str:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=look)


def box(corner: Point, width: float, height: float, **attributes: str) -> str:
    """A rectangle, by its upper left corner; ``hint`` is its tooltip."""
    hint = attributes.pop("hint", "")
    inside = [element("title", html.escape(hint))] if hint else []
    return element("rect", *inside, x=corner[0], y=corner[1], width=width, height=height, **attributes)


def curve(points: Sequence[Point | None], look: str) -> str:
    """Points joined by lines, with a gap where one is missing."""
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
    """A complete chart, as wide as its container; hidden from screen readers, which read the sentence around it."""
    return element(
        "svg", *parts, class_="chart", viewBox=f"0 0 {width:g} {height:g}", aria_hidden="true", focusable="false"
    )


def heights(scale: Scale, left: float, right: float, say: Callable[[float], str]) -> Iterator[str]:
    """A vertical axis: a horizontal line for each value, and its label on the left."""
    for value in scale.ticks:
        yield line((left, scale(value)), (right, scale(value)), "grid")
        yield text((left - 8, scale(value)), say(value), "end")


def widths(scale: Scale, top: float, bottom: float, say: Callable[[float], str]) -> Iterator[str]:
    """A horizontal axis: a vertical line for each value, and its label below."""
    for value in scale.ticks:
        yield line((scale(value), top), (scale(value), bottom), "grid")
        yield text((scale(value), bottom + 12), say(value), "middle")


def places(bands: Bands, y: float, words: Sequence[str]) -> Iterator[str]:
    """Labels below their bands: every third one, including the last."""
    for number in range(len(words) - 1, -1, -3):
        yield text((bands.middle(number), y), words[number], "middle")


def names(bands: Bands, x: float, words: Sequence[str]) -> Iterator[str]:
    """Labels on the left of bands that are stacked vertically."""
    for number, name in enumerate(words):
        yield text((x, bands.middle(number)), clipped(name), "end")


def clipped(name: str) -> str:
    """A name short enough to fit next to a chart."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"


def apart(one: float, other: float, least: float = 15) -> tuple[float, float]:
    """Two heights, moved apart if labels there would touch."""
    push = max(0.0, least - abs(one - other)) / 2
    return (one - push, other + push) if one <= other else (one + push, other - push)


def _value(value: str | float) -> str:
    return html.escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
