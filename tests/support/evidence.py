"""Handmade evidence of a run."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.checks.findings import Evidence, Finding
from bankadvisor_etl.formats.extract import REJECTS, Extract
from bankadvisor_etl.transforms import kpis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TODAY = date(2025, 8, 15)


def evidence(extracts: dict[str, Extract] | None = None, /, **others: Any) -> Evidence:
    """The evidence that a run would give to the checks: canonical frames by source, and settings of ``Evidence``.

    Args:
        extracts: instead of a frame, the extract of the source.
        others: a frame by the name of its source, or a setting.
    """
    frames = {name: value for name, value in others.items() if isinstance(value, pl.DataFrame)}
    settings = {name: value for name, value in others.items() if name not in frames or name == "published"}
    published = settings.get("published")
    frames.pop("published", None)
    book = kpis.base(frames, published)
    read = {name: Extract(frame, frame.height) for name, frame in frames.items()}
    return Evidence(
        **{
            "extracts": read | (extracts or {}),
            "book": book,
            "kpis": kpis.monthly_kpis(book, frames, published),
            "unnamed": (),
            "today": TODAY,
            **settings,
        }
    )


def rejects(*rows: tuple[int, str, bool]) -> pl.DataFrame:
    """Row, reason and whether it is a fault."""
    return pl.DataFrame([(row, reason, "{}", fault) for row, reason, fault in rows], schema=REJECTS, orient="row")


def findings(check: Callable[..., Iterator[Finding]], *arguments: Any) -> dict[str, Finding]:
    """What a check found, by name."""
    found = list(check(*arguments))
    named = {finding.name: finding for finding in found}
    assert len(named) == len(found), "a name stands twice"
    return named


def passing(found: dict[str, Finding]) -> Sequence[str]:
    """The names of the findings that passed."""
    return [name for name, finding in found.items() if finding.passed]
