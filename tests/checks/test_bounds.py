"""The bounds in the README are those of the code, no real month exceeds them, and a factor of 100 is always found."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.checks import figures
from bankadvisor_etl.checks.audit import audit
from bankadvisor_etl.checks.scale import BOUNDS, _deviations, _limited, _logarithms, scale
from bankadvisor_etl.checks.sources import reliefs_below_write_offs
from bankadvisor_etl.sources import SOURCES
from bankadvisor_etl.sources.amounts import AMOUNTS
from support.evidence import evidence, findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.formats.sheet import Bound

README = (Path(__file__).parents[2] / "bankadvisor_etl" / "README.md").read_text()
FLOWS = {"castigos", "castigos_comerciales"}
AMOUNT_CHECKS = (figures.stage_totals, figures.todas, figures.sistema_is_sum, figures.bounds)


def documented() -> Iterator[tuple[str, str, list[str]]]:
    """Source, column and the four cells of each row of the table; the other columns of cartera come last."""
    rows = re.findall(r"^\| (\w+) \| ((?:`\w+`(?:, )?)+|the other amounts) \|(.*)\|$", README, re.MULTILINE)
    rows = [row for row in rows if row[0] in BOUNDS]
    named = {(source, name) for source, names, _ in rows for name in re.findall(r"`(\w+)`", names)}
    for source, names, cells in rows:
        others = [name for name in AMOUNTS if ("cartera", name) not in named]
        for name in re.findall(r"`(\w+)`", names) or others:
            yield source, name, [cell.strip() for cell in cells.split("|")]


COLUMNS = [(source, column) for source, column, cells in documented() if cells[0] or cells[2]]
"""Those whose largest real move was measured on the regulator's files."""
MEASURED = [source for source in BOUNDS if source in dict(COLUMNS)]


@cache
def frame(folder: Path, source: str) -> pl.DataFrame:
    (one,) = [one for one in SOURCES if one.name == source]
    path = one.find(folder)
    assert path
    return one.read(path).frame


def slipped(table: pl.DataFrame, column: str, month: object, factor: float) -> pl.DataFrame:
    here = pl.when(pl.col("mes") == month).then(pl.col(column) * factor).otherwise(pl.col(column))
    return table.with_columns(here.alias(column))


def found_by_scale(source: str, table: pl.DataFrame, column: str) -> bool:
    """Whether the check of one column finds it; each column is compared only with itself."""
    return not findings(scale, source, table, {column: BOUNDS[source][column]})[f"scale_{source}_{column}"].passed


def found_otherwise(source: str, table: pl.DataFrame) -> bool:
    """Whether a check of the amounts with each other refuses the file."""
    if source == "castigos":
        return any(
            not finding.passed for finding in reliefs_below_write_offs(evidence(cartera=NO_LOANS, castigos=table))
        )
    given = evidence(cartera=table)
    return any(not finding.passed for check in AMOUNT_CHECKS for finding in check(given))


NO_LOANS = pl.DataFrame(schema={"codigo": pl.String, "mes": pl.Date, **dict.fromkeys(AMOUNTS, pl.Float64)})


def months_of(table: pl.DataFrame, column: str) -> list[object]:
    """First, middle and last months with a figure of a bank or of the system."""
    known = pl.lit(value=True)
    if "codigo" in table.columns:
        known = pl.col("codigo").str.starts_with("04") | (pl.col("codigo") == "5")
    months = table.filter(known, pl.col(column).fill_null(0) != 0)["mes"].unique().sort().to_list()
    return [months[place] for place in sorted({0, len(months) // 2, len(months) - 1})] if months else []


def test_the_bounds_of_the_readme_are_those_of_the_code() -> None:
    def shown(bound: Bound) -> list[str]:
        return [f"{limit:g}" if math.isfinite(limit) else "-" for limit in (bound.banks, bound.sistema)]

    table = {(source, column): [cells[1], cells[3]] for source, column, cells in documented()}
    assert table == {(source, name): shown(bound) for source, names in BOUNDS.items() for name, bound in names.items()}


def test_the_largest_moves_of_the_readme_are_those_of_the_real_files(real_data: Path) -> None:
    there = {source.name for source in SOURCES if source.name in BOUNDS and source.find(real_data)}
    assert {*MEASURED} == there - {"tasas"}  # portfolios only weight its rates
    for source in MEASURED:
        bounds = BOUNDS[source]
        moves = _limited(_deviations(_logarithms(source, frame(real_data, source), list(bounds))), bounds)
        largest = moves.group_by("column", "who").agg(pl.col("factor").log10().abs().max())
        measured = {(column, who): 10**power for column, who, power in largest.iter_rows()}
        for who, place in (("banks", 0), ("sistema", 2)):
            said: dict[str, list[str]] = {}
            for name, column, cells in documented():
                if name == source and cells[place]:
                    said.setdefault(cells[place], []).append(column)
            for factor, columns in said.items():
                there = max(measured.get((column, who), 0) for column in columns)
                assert there == pytest.approx(float(factor), abs=0.005), (source, who, columns)


@pytest.mark.parametrize(("source", "column"), COLUMNS, ids=".".join)
def test_a_slip_in_one_column_of_the_real_files_is_found(real_data: Path, source: str, column: str) -> None:
    table = frame(real_data, source)
    assert not found_by_scale(source, table, column)
    for month in months_of(table, column):
        for factor in (100, 1e6, 0.01, *(() if source in FLOWS else (10, 0.1))):
            slip = slipped(table, column, month, factor)
            if column == "quitas" and not _has_reliefs(table, month, factor):
                continue
            held = found_by_scale(source, slip, column) or (
                source in {"cartera", "castigos"} and found_otherwise(source, slip)
            )
            assert held, (month, factor)


def _has_reliefs(table: pl.DataFrame, month: object, factor: float) -> bool:
    """Whether five banks have reliefs that month, or the system's, multiplied, exceed its write-offs."""
    here = table.filter(pl.col("mes") == month)
    banks = here.filter(pl.col("codigo").str.starts_with("04"), pl.col("quitas") != 0).height
    ((write_offs, reliefs),) = here.filter(pl.col("codigo") == "5").select("castigos", "quitas").iter_rows()
    return banks >= 5 or reliefs * factor > write_offs


@pytest.mark.parametrize("column", [column for source, column in COLUMNS if source == "cartera"])
def test_a_slip_in_one_column_of_the_sample_is_found(small_dir: Path, column: str) -> None:
    table = frame(small_dir, "cartera")
    for month in months_of(table, column):
        for factor in (100, 0.01, 10, 0.1):
            slip = slipped(table, column, month, factor)
            assert found_by_scale("cartera", slip, column) or found_otherwise("cartera", slip), (month, factor)


def test_the_real_history_trips_no_error(real_data: Path) -> None:
    given = evidence(**{name: frame(real_data, name) for name in MEASURED})
    assert [finding for finding in audit(given) if finding.stops] == []
