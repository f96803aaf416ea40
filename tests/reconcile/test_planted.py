"""Errors planted in one of two sources that agree: each is found and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.reconcile.comparisons import workbook_with_series
from bankadvisor_etl.sample_data import official
from bankadvisor_etl.sample_data.concepts import CONCEPTOS
from bankadvisor_etl.sources.workbooks import CARTERA
from support.folders import real_data_folder
from support.frames import AMOUNTS, BBVA, INVEX, SISTEMA, coherent, mes
from support.frames import cartera as loan_book
from support.series import lines
from support.series import read as read_series

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from bankadvisor_etl.sources.series.arrays import Series

FILES = {"cartera": "libro.xlsx", "serie": "serie.csv"}
MONTHS = [mes(period) for period in range(202401, 202413)]
BANKS = (SISTEMA, INVEX, BBVA)


def series_of(book: pl.DataFrame, path: Path) -> Series:
    """A series with the amounts of a workbook, saldo 130: pesos, and no row for 0 or null."""
    long = book.unpivot(AMOUNTS, index=["codigo", "mes"]).filter(pl.col("value").fill_null(0) != 0)
    numbers = pl.col("variable").replace_strict(CONCEPTOS, return_dtype=pl.Int64)
    rows = long.select("codigo", pl.lit(130), numbers, pl.col("mes").dt.strftime("%Y%m"), pl.col("value") * 1e6).rows()
    content = lines((code, 130, number, int(month), value) for code, _, number, month, value in rows)
    path.write_bytes(official.HEADER.encode() + content)
    return read_series(path)


@pytest.fixture(scope="module")
def book() -> pl.DataFrame:
    """A year of two banks and the system; all figures are different."""
    rows = []
    for at, code in enumerate(BANKS):
        for number, month in enumerate(MONTHS):
            size = 1_000.123456 * (at + 1) + 10.000001 * number
            parts = {f"{segment}_{stage}": round(size / (1 + place), 6) for place, (segment, stage) in enumerate(PARTS)}
            rows.append(coherent(code, month.year * 100 + month.month, reservas=-round(size / 20, 6), **parts))
    return loan_book(*rows)


PARTS = [(segment, stage) for segment in ("ae", "ef", "co") for stage in ("e1", "e3")]


@pytest.fixture(scope="module")
def series(book: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Series:
    return series_of(book, tmp_path_factory.mktemp("series") / "sh_datos_40.csv")


def of(code: str, month: date) -> pl.Expr:
    return (pl.col("codigo") == code) & (pl.col("mes") == month)


def changed(book: pl.DataFrame, row: pl.Expr, figure: str, by: float) -> pl.DataFrame:
    return book.with_columns(pl.when(row).then(pl.col(figure) + by).otherwise(figure).alias(figure))


def found(book: pl.DataFrame, series: Series) -> list[tuple[object, ...]]:
    compared = workbook_with_series(book, series, FILES)
    return compared.found["codigo", "mes", "figura", "causa", "indicio"].rows()


def test_nothing_where_nothing_is_wrong(book: pl.DataFrame, series: Series) -> None:
    assert found(book, series) == []


@pytest.mark.parametrize("by", [1e-6, -1e-6, 1e-5, 0.01, 1000.0])
def test_one_figure(book: pl.DataFrame, series: Series, by: float) -> None:
    wrong = changed(book, of(INVEX, MONTHS[5]), "co_e3", by)
    assert found(wrong, series) == [(INVEX, MONTHS[5], "co_e3", None, "cifra")]
    row = workbook_with_series(wrong, series, FILES).found.row(0, named=True)
    place = wrong.filter(of(INVEX, MONTHS[5]))["fila"].item()
    where = (row["archivo_a"], row["hoja_a"], row["fila_a"], row["archivo_b"])
    assert where == (
        "libro.xlsx",
        "Sheet1",
        place,
        "serie.csv",
    )
    assert row["diferencia"] == pytest.approx(-by, rel=1e-3)


def test_a_figure_that_loses_its_last_digits_alone_is_no_rounding(book: pl.DataFrame, series: Series) -> None:
    value = book.filter(of(INVEX, MONTHS[5]))["co_e3"].item()
    assert found(changed(book, of(INVEX, MONTHS[5]), "co_e3", round(value, 1) - value), series) == [
        (INVEX, MONTHS[5], "co_e3", None, "cifra")
    ]


def test_a_month_rounded(book: pl.DataFrame, series: Series) -> None:
    wrong = book.with_columns(
        pl.when(pl.col("mes") == MONTHS[3]).then(pl.col(name).round(1)).otherwise(name).alias(name) for name in AMOUNTS
    )
    causes = {(month, cause) for _, month, _, cause, _ in found(wrong, series)}
    assert causes == {(MONTHS[3], "redondeo")}


def test_two_banks_swapped(book: pl.DataFrame, series: Series) -> None:
    swapped = pl.when(pl.col("mes") == MONTHS[7]).then(pl.col("codigo").replace({INVEX: BBVA, BBVA: INVEX}))
    wrong = book.with_columns(codigo=swapped.otherwise("codigo"))
    hints = {(code, month, cause, hint) for code, month, _, cause, hint in found(wrong, series)}
    assert hints == {(INVEX, MONTHS[7], None, f"banco {BBVA}"), (BBVA, MONTHS[7], None, f"banco {INVEX}")}


def test_a_month_shifted(book: pl.DataFrame, series: Series) -> None:
    """A bank's months from July on are those of the month before."""
    late = (pl.col("codigo") == INVEX) & (pl.col("mes") >= MONTHS[6])
    shifted = book.filter(late & (pl.col("mes") < MONTHS[-1])).with_columns(pl.col("mes").dt.offset_by("1mo"))
    again = book.filter(of(INVEX, MONTHS[5])).with_columns(mes=pl.lit(MONTHS[6]))
    wrong = pl.concat([book.filter(~late), again, shifted])
    hints = {(code, month, cause, hint) for code, month, _, cause, hint in found(wrong, series)}
    assert hints == {(INVEX, MONTHS[at], None, f"mes {MONTHS[at - 1]:%Y%m}") for at in range(6, 12)}


def test_a_month_copied_for_every_bank(book: pl.DataFrame, series: Series) -> None:
    copy = book.filter(pl.col("mes") == MONTHS[-2]).with_columns(mes=pl.lit(MONTHS[-1]))
    wrong = pl.concat([book.filter(pl.col("mes") < MONTHS[-1]), copy])
    causes = {(month, cause, hint) for _, month, _, cause, hint in found(wrong, series)}
    assert causes == {(MONTHS[-1], "mes_copiado", None)}


def test_a_bank_that_is_missing(book: pl.DataFrame, series: Series) -> None:
    wrong = book.filter(~of(INVEX, MONTHS[2]))
    compared = workbook_with_series(wrong, series, FILES)
    assert set(compared.found["codigo", "mes"].rows()) == {(INVEX, MONTHS[2])}
    assert compared.found["valor_a"].null_count() == compared.found.height == compared.unexplained.height > 10


@pytest.mark.real
def test_the_real_workbook_and_a_series_made_of_it(tmp_path: Path) -> None:
    """Nothing is unexplained; the last month has the cause ``mes_copiado``."""
    book = CARTERA.read(CARTERA.find(real_data_folder()) or tmp_path).frame
    july = pl.col("mes") == mes(202507)
    truth = book.with_columns(pl.when(july).then(pl.col(name) * 1.01).otherwise(name).alias(name) for name in AMOUNTS)
    compared = workbook_with_series(book, series_of(truth, tmp_path / "sh_datos_40.csv"), FILES)
    assert compared.figures > 200_000
    assert set(compared.found["mes", "causa"].rows()) == {(mes(202507), "mes_copiado")}
    assert compared.unexplained.is_empty()
