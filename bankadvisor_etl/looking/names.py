"""Adds the names of banks to their codes, from the catalogue shipped with the package."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files

CODE = re.compile(r"\b(04\d{4})\b(?! [A-Z])")


@cache
def names() -> dict[str, str]:
    """``banco_norm`` by code."""
    text = (files("bankadvisor_etl.sources") / "catalogo.csv").read_text(encoding="utf-8")
    return {row["codigo"]: row["banco_norm"] for row in csv.DictReader(text.splitlines())}


def with_names(text: str) -> str:
    """The text with the name after each code in the catalogue: ``040059 INVEX``."""
    return CODE.sub(lambda match: " ".join([match[1], *([names()[match[1]]] if match[1] in names() else [])]), text)
