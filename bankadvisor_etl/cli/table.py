"""Formats the rows of a result as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


GAP, NARROWEST, LEAST_SCREEN = 2, 8, 60
"""Spaces between columns; the minimum width of a truncated text column; the minimum width of a terminal."""


def as_table(
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    numbers: Sequence[bool] | None = None,
    width: int | None = None,
) -> str:
    """A text table, with the columns of ``numbers`` right-aligned and empty cells for null.

    If a ``width`` is given, the widest text columns are truncated until the table fits.
    """
    rows = [list(row) for row in rows]
    cells = [list(header), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    right = numbers or [
        any(isinstance(row[c], int | float | Decimal) and not isinstance(row[c], bool) for row in rows)
        for c in range(len(header))
    ]
    if width is not None:
        widths = _fitted(widths, right, width - GAP * (len(header) - 1))
    lines = [
        (" " * GAP).join(_cell(c, w, right=r) for c, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in cells
    ]
    lines.insert(1, (" " * GAP).join("-" * width for width in widths))
    return "\n".join(lines)


def _fitted(widths: Sequence[int], right: Sequence[bool], room: int) -> list[int]:
    """The widths, with the widest text columns narrowed one character at a time until they fit."""
    fitted = list(widths)
    texts = [place for place, number in enumerate(right) if not number]
    while sum(fitted) > room and texts:
        widest = max(texts, key=lambda place: fitted[place])
        if fitted[widest] <= NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _cell(text: str, width: int, *, right: bool) -> str:
    if len(text) > width:
        text = text[: width - 1] + "\u2026"
    return text.rjust(width) if right else text.ljust(width)


def screen() -> int:
    """The width of the output: of the terminal, COLUMNS, or 80."""
    return max(shutil.get_terminal_size().columns, LEAST_SCREEN)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Comma-separated values with a header; numbers have all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_exact(value) for value in row] for row in rows)
    return text.getvalue().removesuffix("\n")


def as_json(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A JSON array with one object per row; repeated names get a number."""
    names = _apart(header)
    return dumps([dict(zip(names, row, strict=True)) for row in rows])


def _apart(header: Sequence[str]) -> list[str]:
    names: list[str] = []
    for name in header:
        candidates = (name, *(f"{name}_{number}" for number in range(2, len(header) + 2)))
        taken = set(names) | (set(header) - {name})
        names.append(next(candidate for candidate in candidates if candidate not in taken))
    return names


def dumps(value: object, indent: str = "\n") -> str:
    """Indented JSON; decimal numbers keep their digits, and NaN and Infinity are null."""
    inner = indent + "  "
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    if isinstance(value, Mapping) and value:
        parts = [f"{json.dumps(str(name), ensure_ascii=False)}: {dumps(part, inner)}" for name, part in value.items()]
        return "{" + inner + ("," + inner).join(parts) + indent + "}"
    if isinstance(value, list | tuple) and value:
        return "[" + inner + ("," + inner).join(dumps(part, inner) for part in value) + indent + "]"
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _exact(value: Any) -> str:
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ", timespec="seconds")) if hasattr(value, "hour") else str(value.isoformat())
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Decimal):
        return format(value, "f")  # not 0E-8
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
