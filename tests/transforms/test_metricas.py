"""Balances, segments and funding from the series and from bulletins."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sample_data import amounts, official
from bankadvisor_etl.sample_data import bulletins as sample_bulletins
from bankadvisor_etl.sources import balance, bulletin, series
from bankadvisor_etl.sources.bulletin import CELLS
from bankadvisor_etl.sources.segments import SEGMENTS
from bankadvisor_etl.transforms import bulletins, metricas
from support.frames import BBVA, INVEX, SISTEMA, mes
from support.refusals import refused
from support.series import csv_file
from support.series import read as read_series

if TYPE_CHECKING:
    from pathlib import Path

AMOUNTS = (40100001, 40100051, 40100185, 40100042, 40100002, 40100013)


def of_series(tmp_path: Path, *values: tuple[str, int, int, float]) -> Any:
    """A series of saldo 133: entity, concept, period, value."""
    lines = [(entity, 133, concept, period, value) for entity, concept, period, value in values]
    return read_series(csv_file(tmp_path / "sh_datos_40.csv", *lines))


def test_balance_in_mdp_and_ratios_in_percent(tmp_path: Path) -> None:
    amounts_of = [(INVEX, concept, 202503, 1e6 * (at + 1)) for at, concept in enumerate(AMOUNTS)]
    ratios = [(INVEX, concept, 202503, at / 128) for at, concept in enumerate(balance.RATIOS.values(), 1)]
    frame = metricas.metricas(of_series(tmp_path, *amounts_of, *ratios))
    assert frame.rows() == [(INVEX, mes(202503), 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, *(at / 1.28 for at in range(1, 6)))]
    assert frame.columns[2:] == [*balance.AMOUNTS, *balance.RATIOS]


def test_saldo_130_and_aggregates_are_not_these_banks(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path / "sh_datos_40.csv",
        (INVEX, 130, 40100001, 202503, 5e6),
        ("64", 133, 40100001, 202503, 5e6),
        (SISTEMA, 133, 40100001, 202503, 7e6),
        (INVEX, 133, 40100001, 202503, 6e6),
    )
    assert metricas.metricas(read_series(path))["codigo", "activo_total"].rows() == [(SISTEMA, 7.0), (INVEX, 6.0)]


def test_before_202201_the_loan_book_is_the_sum_of_its_stages(tmp_path: Path) -> None:
    old = [(INVEX, 40100263, 202112, 90e6), (INVEX, 40100341, 202112, 10e6)]
    new = [(INVEX, 40100263, 202201, 80e6), (INVEX, 40100185, 202201, 101e6)]
    frame = metricas.metricas(of_series(tmp_path, *old, *new))
    assert frame["mes", "cartera_total"].rows() == [(mes(202112), 100.0), (mes(202201), 101.0)]


def test_a_segment_of_several_concepts_and_without_ratios(tmp_path: Path) -> None:
    parts = [
        (INVEX, concept, 202503, 1e6 * at) for at, concept in enumerate((40100201, 40100203, 40100204, 40100205), 1)
    ]
    frame = metricas.segmentos(of_series(tmp_path, *parts))
    assert frame.rows() == [(INVEX, "GUB_OTRAS", mes(202503), 10.0, None, None, None)]


def test_each_segment_has_its_own_concepts(tmp_path: Path) -> None:
    values = []
    for at, segment in enumerate(SEGMENTS, 1):
        values.append((INVEX, segment.balance[0], 202503, at * 1e6))
        values += [
            (INVEX, concept, 202503, (at + place) / 256) for place, concept in enumerate(segment.ratios or (), 1)
        ]
    found = metricas.segmentos(of_series(tmp_path, *values))
    for at, segment in enumerate(SEGMENTS, 1):
        ratios = tuple((at + place) / 2.56 for place in (1, 2, 3)) if segment.ratios else (None, None, None)
        assert found.filter(segmento=segment.code).rows() == [(INVEX, segment.code, mes(202503), float(at), *ratios)]
    assert found.height == 15


def test_a_ratio_that_is_left_out_is_0_where_there_are_loans(tmp_path: Path) -> None:
    frame = metricas.segmentos(
        of_series(
            tmp_path,
            (INVEX, 40100187, 202502, 5e6),
            (INVEX, 40100187, 202503, 5e6),
            (BBVA, 40100187, 202503, 5e6),
            (BBVA, 40200038, 202503, 0.5),
            (BBVA, 40200098, 202503, 0.25),
        )
    )
    assert frame["codigo", "mes", "imor", "icor"].sort("codigo", "mes").rows() == [
        (BBVA, mes(202503), 50.0, 25.0),
        (INVEX, mes(202502), None, None),  # a month in which no bank has one
        (INVEX, mes(202503), 0.0, None),
    ]


def test_labels_are_those_of_the_catalogue() -> None:
    balance.check_labels(balance.LABELS, "cat_conceptos_40.csv")
    balance.check_labels({40100001: "ACTIVO  "}, "cat_conceptos_40.csv")
    with refused(DataError, file="cat_conceptos_40.csv", column="40100051", value="Inversiones en valores"):
        balance.check_labels({40100051: "Inversiones en valores"}, "cat_conceptos_40.csv")


def cell(month: int, valor: float | None, codigo: str | None = INVEX, of: int = 202505, **more: Any) -> dict[str, Any]:
    plain = {
        "hoja": "CCT",
        "fila": 5,
        "institucion": "Invex",
        "tema": "metrica",
        "grupo": None,
        "columna": "activo_total",
    }
    return {**plain, "codigo": codigo, "mes": mes(month), "valor": valor, "boletin": mes(of), **more}


def cells(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), {**CELLS, "boletin": pl.Date})


def test_the_newest_bulletin_wins_and_a_blank_is_no_figure() -> None:
    found = bulletins.newest(
        cells(
            cell(202504, 1.0, of=202504),
            cell(202504, 2.0, of=202505),
            cell(202503, 3.0, of=202504),
            cell(202503, None, of=202505),
        )
    )
    assert sorted(found["mes", "valor", "boletin"].rows()) == [
        (mes(202503), 3.0, mes(202504)),
        (mes(202504), 2.0, mes(202505)),
    ]


def test_an_unknown_bank_goes_by_its_name() -> None:
    found = bulletins.newest(cells(cell(202505, 1.0, None, institucion="Banco Cuenca (Méx)")))
    assert bulletins.metricas(found)["codigo", "activo_total"].rows() == [("BANCO CUENCA", 1.0)]


def test_only_months_that_the_series_lacks_come_from_bulletins() -> None:
    of_bulletins = bulletins.metricas(bulletins.newest(cells(cell(202504, 1.0), cell(202505, 2.0))))
    of_series = of_bulletins.filter(pl.col("mes") == mes(202504)).with_columns(activo_total=9.0, fuente=pl.lit("serie"))
    found = bulletins.after(of_series, of_bulletins)
    assert found["mes", "activo_total", "fuente"].rows() == [(mes(202504), 9.0, "serie"), (mes(202505), 2.0, "boletin")]
    assert set(bulletins.after(None, of_bulletins)["fuente"]) == {"boletin"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("cnbv")
    archive, *_ = official.write(folder, 0, since=202201)
    (path,) = sample_bulletins.write(folder, 0, (202506,), amounts.simulate(0))
    read = bulletin.read(path)
    return series.read(archive, date(2025, 8, 1)), read.cells.with_columns(boletin=pl.lit(read.month))


def test_the_sample_bulletin_says_what_its_series_says(sample: tuple[Any, pl.DataFrame]) -> None:
    of_series_133, newest = sample[0], bulletins.newest(sample[1])
    pairs = (
        (metricas.metricas(of_series_133), bulletins.metricas(newest), ["codigo", "mes"]),
        (metricas.segmentos(of_series_133), bulletins.segmentos(newest), ["codigo", "segmento", "mes"]),
    )
    for left, right, key in pairs:
        there = right.filter(pl.col("codigo") != "BANCO CUENCA").sort(key)
        same = left.join(there, on=key, how="semi").sort(key)
        assert same.select(key).equals(there.select(key))
        for name in set(same.columns) - set(key):
            assert same[name].null_count() == there[name].null_count(), name
            assert (same[name] - there[name]).abs().max() < 1e-8, name


def test_funding_has_no_row_for_nothing(sample: tuple[Any, pl.DataFrame]) -> None:
    found = bulletins.captacion(bulletins.newest(sample[1]))
    assert found.columns == ["codigo", "producto", "mes", "saldo"]
    assert found.select("codigo", "producto", "mes").is_duplicated().sum() == 0
    parts = found.pivot("producto", index=["codigo", "mes"], values="saldo")
    names = [name for name in parts.columns if name not in ("codigo", "mes", "Captación total")]
    assert (parts["Captación total"] - parts.select(pl.sum_horizontal(names)).to_series()).abs().max() < 1e-6
