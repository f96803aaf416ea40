"""The series equals the workbook, for the real files and the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from bankadvisor_etl.figures import FED_BY
from bankadvisor_etl.sample_data import official
from bankadvisor_etl.sample_data.concepts import CONCEPTOS
from bankadvisor_etl.sources.amounts import AMOUNTS
from bankadvisor_etl.sources.workbooks import CARTERA as BOOK
from bankadvisor_etl.transforms import from_series
from bankadvisor_etl.transforms.kpis import base, of_interest
from support.series import csv_file, lines, read
from support.small import CARTERA as WORKBOOK

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.series.arrays import Series

HEADER = official.HEADER.encode()
TOLERANCE = 1.1e-6
CARTERA = FED_BY["cartera"]
RATIOS = [name for name in CARTERA if name.startswith(("imor", "icor", "pe_", "ct_", "cvc", "market"))]


def series_of(book: pl.DataFrame, path: Path) -> Series:
    """A series with the amounts of a workbook: pesos, and no row for 0 or null."""
    long = book.unpivot(list(AMOUNTS), index=["codigo", "mes"]).filter(pl.col("value").fill_null(0) != 0)
    numbers = pl.col("variable").replace_strict(CONCEPTOS, return_dtype=pl.Int64)
    rows = long.select("codigo", pl.lit(130), numbers, pl.col("mes").dt.strftime("%Y%m"), pl.col("value") * 1e6).rows()
    path.write_bytes(HEADER + lines((code, 130, number, int(month), value) for code, _, number, month, value in rows))
    return read(path)


def assert_equal_figures(book: pl.DataFrame, found: pl.DataFrame) -> int:
    """Every bank-month with an amount: amounts to 1.1e-6 MDP, and every ratio to 1e-8. Return how many rows."""
    filled = pl.any_horizontal(pl.col(list(AMOUNTS)).fill_null(0) != 0)
    old = of_interest(book).filter(filled).sort("codigo", "mes")
    new = of_interest(found).sort("codigo", "mes")
    assert old.select("codigo", "mes").equals(new.select("codigo", "mes"))
    for name in AMOUNTS:
        apart = (old[name].fill_null(0.0) - new[name]).abs().max()
        assert apart <= TOLERANCE, name
    before, after = (
        base({"cartera": f.with_columns(pl.col(list(AMOUNTS)).fill_null(0.0))}).sort("codigo", "mes")
        for f in (old, new)
    )
    for name in CARTERA:
        left, right = (f[name].fill_nan(None).to_numpy() for f in (before, after))
        assert np.array_equal(np.isnan(left), np.isnan(right)), name
        tolerance = 1e-8 if name in RATIOS else 20 * TOLERANCE
        # A ratio to a portfolio of a few pesos is more precise than the workbook's six decimals.
        assert np.nanmax(np.abs(left - right) / np.maximum(np.abs(left), 1)) <= tolerance, name
    return new.height


def test_the_columns_are_those_of_the_workbook(tmp_path: Path) -> None:
    found = from_series.amounts(read(csv_file(tmp_path / "s", ("5", 130, 40100263, 202506, 2e6))), 130)
    assert found.columns == ["codigo", "mes", *AMOUNTS]
    assert found.schema == pl.Schema({"codigo": pl.String, "mes": pl.Date, **dict.fromkeys(AMOUNTS, pl.Float64)})
    assert found.row(0, named=True)["total_e1"] == 2.0


def test_the_numbers_are_those_of_the_sample() -> None:
    ours = from_series.CONCEPTS | from_series.RATIOS | from_series.WRITE_OFFS
    assert ours == CONCEPTOS
    assert len(from_series.CONCEPTS) == 35


def test_the_null_rule(tmp_path: Path) -> None:
    values = [
        ("040002", 130, 40100263, 202201, 5e6),
        ("040002", 130, 40100001, 202202, 7e6),  # another concept: no row in the loan book
        ("040002", 133, 40100263, 202203, 9e6),
        ("040012", 130, 40100039, 202201, 3e6),
        ("040012", 130, 40200017, 202202, 0.02),
    ]
    found = read(csv_file(tmp_path / "s", *values))
    book = from_series.amounts(found, 130)
    assert book.select("codigo", pl.col("mes").dt.strftime("%Y%m"), "total_e1", "total_e2", "reservas").rows() == [
        ("040002", "202201", 5.0, 0.0, 0.0)
    ]
    assert from_series.amounts(found, 133).height == 1


def test_what_the_series_has_beside_the_book(tmp_path: Path) -> None:
    """Write-offs are 0 if others have some, and unknown in a month in which no bank has any; ratios are never 0."""
    values = [
        *((bank, 130, 40100263, month, 5e6) for bank in ("040002", "040012") for month in (202201, 202202)),
        ("040012", 130, 40100039, 202201, 3e6),
        ("040012", 130, 40200017, 202202, 0.02),
    ]
    found = from_series.official(read(csv_file(tmp_path / "s", *values)), 130)
    names = ("quebrantos_serie", "imor_cnbv", "roa_12m")
    assert found.select("codigo", pl.col("mes").dt.strftime("%Y%m"), *names).rows() == [
        ("040002", "202201", 0.0, None, None),
        ("040002", "202202", None, None, None),
        ("040012", "202201", 3.0, None, None),
        ("040012", "202202", None, 0.02, None),
    ]


def test_a_concept_that_nobody_has_is_a_column_of_zeros(tmp_path: Path) -> None:
    found = from_series.amounts(read(csv_file(tmp_path / "s", ("5", 130, 40100031, 202506, -1e6))), 130)
    assert {name: found[name][0] for name in AMOUNTS} == dict.fromkeys(AMOUNTS, 0.0) | {"reservas": -1.0}
    assert from_series.amounts(read(csv_file(tmp_path / "t", ("5", 133, 40100031, 202506, 1.0))), 130).height == 0


@pytest.mark.slow
def test_the_invented_workbook_and_the_invented_series(sample_dir: Path, tmp_path: Path) -> None:
    archive, *_ = official.write(tmp_path, seed=0, edition=2)
    found = from_series.amounts(read(archive), 130).filter(pl.col("codigo") != official.SIN_CATALOGO)
    book = BOOK.read(sample_dir / WORKBOOK).frame.sort("codigo", "mes")
    # SISTEMA includes the bank that the catalogue lacks and that is not in the workbook.
    with_it = (pl.col("codigo") == "5") & (pl.col("mes") >= pl.date(2025, 2, 1))
    found, book = found.filter(~with_it), book.filter(~with_it)
    restated = found.join(book, on=["codigo", "mes"]).filter((pl.col("res_ae") - pl.col("res_ae_right")).abs() > 0.5)
    assert (restated.height, restated["mes"].unique().dt.strftime("%Y%m").to_list()) == (official.RESTATED, ["202506"])
    undone = found.join(restated.select("codigo", "mes", ours=pl.lit(1.0)), on=["codigo", "mes"], how="left")
    undone = undone.with_columns(res_ae=pl.col("res_ae") + pl.col("ours").fill_null(0.0)).drop("ours")
    whole = book.filter(pl.all_horizontal(pl.col(list(AMOUNTS)).is_not_null()))
    assert (
        assert_equal_figures(whole, undone.join(whole.select("codigo", "mes"), on=["codigo", "mes"], how="semi"))
        == 4_169
    )


@pytest.mark.real
def test_the_real_workbook_as_a_series(real_data: Path, tmp_path: Path) -> None:
    book = BOOK.read(real_data / WORKBOOK).frame.filter(pl.col("mes") < pl.date(2025, 7, 1))
    found = from_series.amounts(series_of(book, tmp_path / "s"), 130)
    assert assert_equal_figures(book, found) == 4_693
