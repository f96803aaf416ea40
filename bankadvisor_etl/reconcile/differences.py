"""Compares two sources of the same figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOUND = pl.Schema(
    {
        "comparacion": pl.String,
        "codigo": pl.String,
        "mes": pl.Date,
        "segmento": pl.String,
        "figura": pl.String,
        "valor_a": pl.Float64,
        "valor_b": pl.Float64,
        "diferencia": pl.Float64,
        "causa": pl.String,
        "indicio": pl.String,
        "archivo_a": pl.String,
        "hoja_a": pl.String,
        "fila_a": pl.UInt32,
        "archivo_b": pl.String,
        "hoja_b": pl.String,
        "fila_b": pl.UInt32,
    }
)
"""A figure that differs between two sources: both values (null for none), B minus A, the cause (null if unexplained),
a hint, and the place in each source; for the series neither row nor sheet is given."""

KEY = ("codigo", "mes", "segmento")
PLACE = ("archivo", "hoja", "fila")


@dataclass(frozen=True)
class Side:
    """One source, one row per ``KEY``: the figures by name, and ``PLACE``; both sides in the same units."""

    frame: pl.DataFrame

    @classmethod
    def of(cls, frame: pl.DataFrame, file: str, sheet: str | None = None) -> Side:
        """Add the columns of ``KEY`` and ``PLACE`` that the frame lacks."""
        there = frame.columns
        added = {
            "segmento": pl.lit(None, pl.String),
            "archivo": pl.lit(file),
            "hoja": pl.lit(sheet, pl.String),
            "fila": pl.lit(None, pl.UInt32),
        }
        return cls(frame.with_columns(**{name: value for name, value in added.items() if name not in there}))

    @property
    def months(self) -> pl.Series:
        """The months that it has."""
        return self.frame["mes"].unique()


@dataclass(frozen=True)
class Compared:
    """What a comparison found: how many figures were compared, and those that differ, as ``FOUND``."""

    name: str
    figures: int
    found: pl.DataFrame

    @property
    def unexplained(self) -> pl.DataFrame:
        """The differences without a cause."""
        return self.found.filter(pl.col("causa").is_null())


def compare(name: str, a: Side, b: Side, tolerances: Mapping[str, float]) -> Compared:
    """Compare two sources in the months that both have.

    A figure differs if the difference exceeds its tolerance, or if only one side has it and it is not 0.

    Args:
        name: what is compared.
        a: the source that is examined.
        b: the source that it is compared with.
        tolerances: by figure, in its unit.
    """
    months = set(a.months) & set(b.months)
    left, right = (_of_months(side.frame, list(months), tuple(tolerances)) for side in (a, b))
    both = left.join(right, on=KEY, how="full", coalesce=True, nulls_equal=True, suffix="_b")
    parts = [_apart(both, figure, tolerance) for figure, tolerance in tolerances.items()]
    compared = sum(
        both.select((pl.col(figure).is_not_null() | pl.col(f"{figure}_b").is_not_null()).sum()).item()
        for figure in tolerances
    )
    found = pl.concat(parts) if parts else pl.DataFrame(schema=FOUND)
    frame = found.with_columns(comparacion=pl.lit(name)).select(FOUND.names()).cast(FOUND)
    return Compared(name, compared, frame.sort("mes", "codigo", "segmento", "figura"))


def _of_months(frame: pl.DataFrame, months: Sequence[object], figures: Sequence[str]) -> pl.DataFrame:
    return frame.filter(pl.col("mes").is_in(months)).select(*KEY, *PLACE, *figures)


def _apart(both: pl.DataFrame, figure: str, tolerance: float) -> pl.DataFrame:
    a, b = pl.col(figure), pl.col(f"{figure}_b")
    differs = (a - b).abs() > tolerance
    alone = (a.is_null() & (b.abs() > tolerance)) | (b.is_null() & (a.abs() > tolerance))
    return both.filter(differs.fill_null(value=False) | alone.fill_null(value=False)).select(
        *KEY,
        figura=pl.lit(figure),
        valor_a=a,
        valor_b=b,
        diferencia=b - a,
        causa=pl.lit(None, pl.String),
        indicio=pl.lit(None, pl.String),
        **{f"{place}_a": pl.col(place) for place in PLACE},
        **{f"{place}_b": pl.col(f"{place}_b") for place in PLACE},
    )
