"""The forms of a bulletin's cells: months, figures, missing markers, and labels with footnote marks."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from functools import lru_cache

from bankadvisor_etl.formats.parse import LARGEST, MONTH_AND_YEAR, MONTH_NAMES

DAY_ZERO = date(1899, 12, 30)
SERIALS = range(36_526, 73_051)
"""Excel's serial numbers of the days of this century."""

DATE_CELL = re.compile(r"^((?:19|20)[0-9]{2})-([0-9]{2})-([0-9]{2})(?:[ T]00:00:00(?:\.0*)?)?$")
NUMBER = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$")
MISSING = {"n.a.", "n.c.", "n.d.", "-"}
"""CNBV's markers of a missing figure: not applicable, not comparable, not available, none."""

MOST_LABELS = 4_096
"""The size of the cache of normalized headers and names: those of the twenty sheets are mostly the same."""

MARK = r"(?:[0-9]{1,2}|\*+)\s*/"
"""A footnote mark: ``5/``, ``*/``."""
MARKS = re.compile(rf"(?:\s*(?<![0-9.,-]){MARK})+$|\s*\*+\s*/?$")
"""Marks at the end of a label, even without a space; but not after a number, which they would change."""


def month(text: str | None) -> date | None:
    """First day of the month of a date cell, of an Excel serial number, or of ``may-26``; otherwise None.

    A date cell has a month's first or last day. Any other day is refused: its day and month may be swapped.
    """
    if not text:
        return None
    text = MARKS.sub("", text.strip())
    if found := DATE_CELL.match(text):
        return _first_or_last(int(found[1]), int(found[2]), int(found[3]))
    if text.isascii() and text.isdecimal() and int(text) in SERIALS:
        day = DAY_ZERO + timedelta(int(text))
        return _first_or_last(day.year, day.month, day.day)
    if words := re.match(MONTH_AND_YEAR, text.lower()):
        return date(2000 + int(words[2]), int(MONTH_NAMES[words[1][:3]]), 1)
    return None


def _first_or_last(year: int, number: int, day: int) -> date | None:
    try:
        there = date(year, number, day)
    except ValueError:
        return None
    return there.replace(day=1) if 1 in (there.day, (there + timedelta(1)).day) else None


def figure(text: str | None) -> float | None:
    """A figure; None if the cell is blank or holds a missing marker.

    Raises:
        ValueError: the text is neither.
    """
    if text and NUMBER.match(text) and abs(number := float(text)) <= LARGEST:
        return number
    text = (text or "").strip()
    if not text or text.lower().replace(" ", "") in MISSING:
        return None
    if not NUMBER.match(text) or abs(number := float(text)) > LARGEST:
        raise ValueError(text)
    return number


def is_figure(text: str | None) -> bool:
    """Whether a cell holds a number."""
    return bool(text and NUMBER.match(text.strip()))


@lru_cache(MOST_LABELS)
def label(text: str) -> str:
    """A normalized header: no footnote marks, accents or capitals, one space between words."""
    return without_accents(" ".join(shown(text).casefold().split()))


def shown(text: str) -> str:
    """A header for display: without footnote marks, one space between words."""
    return MARKS.sub("", " ".join(text.split())).strip()


def without_accents(text: str) -> str:
    """The text without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
