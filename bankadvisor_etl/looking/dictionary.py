"""The dictionary: the meaning of every column of ``monthly_kpis``, in Spanish, from the description of the table."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bankadvisor_etl.tables import MONTHLY_KPIS, VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bankadvisor_etl.tables import Column

HEADER = ("columna", "titulo", "unidad", "descripcion", "formula", "fuente", "alias_de", "tipo")

INDENT = "    "


def entry(column: Column) -> tuple[str | None, ...]:
    """The parts of a column, as in ``HEADER``."""
    return (
        column.name,
        column.title,
        column.unit,
        column.description,
        column.formula or None,
        column.file,
        column.alias_of,
        column.type,
    )


def entries(names: Iterable[str] | None = None) -> list[tuple[str | None, ...]]:
    """The columns of these names, all unless given.

    Raises:
        KeyError: there is no such column.
    """
    return [
        entry(column) for column in (MONTHLY_KPIS.columns if names is None else map(MONTHLY_KPIS.__getitem__, names))
    ]


def views_as_text(width: int) -> str:
    """The views for a terminal: each name, and below it what the view shows."""
    return "\n".join(f"{view.name}\n{_below(view.description, width)}" for view in VIEWS)


def as_text(found: Iterable[tuple[str | None, ...]], width: int) -> str:
    """The entries for a terminal: a line with name and unit, below it the meaning, the formula and the source."""
    return "\n\n".join("\n".join(_lines(dict(zip(HEADER, parts, strict=True)), width)) for parts in found)


def _lines(parts: dict[str, str | None], width: int) -> Iterable[str]:
    yield f"{parts['columna']}{'  [' + parts['unidad'] + ']' if parts['unidad'] else ''}  {parts['titulo']}"
    below = (parts["descripcion"], parts["formula"] and f"= {parts['formula']}", parts["fuente"])
    for text in (*below, parts["alias_de"] and f"alias de {parts['alias_de']}"):
        if text:
            yield _below(text, width)


def _below(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)


def as_markdown() -> str:
    """The figures as a table for a README."""
    rows = [
        f"| `{column.name}` | {column.unit} | {_meaning(column)} | {column.file or ''} |"
        for column in MONTHLY_KPIS.columns
        if column.unit
    ]
    return "\n".join(["| columna | unidad | qué es | fuente |", "|---|---|---|---|", *rows])


def _meaning(column: Column) -> str:
    parts = [column.description, f"alias de `{column.alias_of}`" if column.alias_of else "", f"= {column.formula}"]
    return "; ".join(part for part in parts if part not in {"", "= "}).replace("|", "\\|")
