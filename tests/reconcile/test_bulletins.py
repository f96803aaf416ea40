"""Bulletins compared with the series and with each other, and ICAPs: what differs, and why."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.reconcile import causes
from bankadvisor_etl.reconcile.comparisons import bulletins_with_older, bulletins_with_series, capital, identities
from bankadvisor_etl.sources.balance import AMOUNTS, RATIOS
from bankadvisor_etl.sources.boletin import FRAME
from support.frames import BBVA, INVEX, icap, mes
from support.series import csv_file
from support.series import read as read_series

FILES = {"serie": "serie.csv", "icap": "ICAP_Bancos.xlsx", "icap_cnbv": "040_15b_R1.xls"}


def cell(of: int, month: int, column: str, valor: float | None, codigo: str = INVEX, **more: Any) -> dict[str, Any]:
    plain = {"hoja": "CCT", "fila": 5, "institucion": "x", "tema": "metrica", "grupo": None}
    return {**plain, "codigo": codigo, "mes": mes(month), "columna": column, "valor": valor, "boletin": mes(of),
            "archivo": f"BE BM {of}.xlsx", **more}  # fmt: skip


def cells(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), FRAME)


@pytest.fixture
def series(tmp_path: Any) -> Any:
    values = [
        (INVEX, 133, concept, month, 1e6 * (at + 1))
        for month in (202503, 202504)
        for at, concept in enumerate(AMOUNTS.values())
    ]
    values += [(INVEX, 133, concept, 202503, 0.015 + at / 100) for at, concept in enumerate(RATIOS.values())]
    return read_series(csv_file(tmp_path / "sh_datos_40.csv", *values))


def compared(frame: pl.DataFrame, series: Any) -> list[tuple[Any, ...]]:
    found = pl.concat([made.found for made in bulletins_with_series(frame, series, FILES)])
    return found["mes", "figura", "causa", "archivo_a", "hoja_a", "fila_a"].rows()


def good(of: int, month: int) -> list[dict[str, Any]]:
    amounts = [cell(of, month, name, float(at + 1)) for at, name in enumerate(AMOUNTS)]
    ratios = [cell(of, month, name, 1.5 + at) for at, name in enumerate(RATIOS)] if month == 202503 else []
    return [*amounts, *ratios]


def test_they_agree_to_the_digits_that_they_have(series: Any) -> None:
    assert compared(cells(*good(202503, 202503), *good(202504, 202504)), series) == []
    nearly = [row | {"valor": row["valor"] + 0.00004} for row in good(202503, 202503)]
    assert compared(cells(*nearly), series) == []


@pytest.mark.parametrize(("column", "by"), [("imor", 1e-4), ("roa_12m", -1e-4), ("activo_total", 0.01)])
def test_one_in_the_last_digit_is_found(series: Any, column: str, by: float) -> None:
    rows = [row | {"valor": row["valor"] + by} if row["columna"] == column else row for row in good(202503, 202503)]
    assert compared(cells(*rows), series) == [(mes(202503), column, None, "BE BM 202503.xlsx", "CCT", 5)]


def test_what_a_newer_bulletin_restates_as_the_series_has_it_is_explained(series: Any) -> None:
    older = [row | {"valor": 99.0} if row["columna"] == "activo_total" else row for row in good(202503, 202503)]
    frame = cells(*older, *good(202504, 202503))
    assert compared(frame, series) == [(mes(202503), "activo_total", "reexpresado", "BE BM 202503.xlsx", "CCT", 5)]
    restated = bulletins_with_older(frame)
    assert restated.found["figura", "valor_a", "valor_b", "causa"].rows() == [
        ("activo_total", 99.0, 1.0, "reexpresado")
    ]
    assert restated.figures == 11


def test_a_newer_bulletin_that_is_wrong_is_not_explained(series: Any) -> None:
    newer = [row | {"valor": 99.0} if row["columna"] == "activo_total" else row for row in good(202504, 202503)]
    assert compared(cells(*good(202503, 202503), *newer), series) == [
        (mes(202503), "activo_total", None, "BE BM 202504.xlsx", "CCT", 5)
    ]


def test_identities_of_the_series(tmp_path: Any) -> None:
    amounts = [
        (INVEX, 130, 40100263, 202503, 80.0),
        (INVEX, 130, 40100302, 202503, 10.0),
        (INVEX, 130, 40100341, 202503, 10.0),
    ]
    amounts += [(INVEX, 130, 40100031, 202503, -15.0), (INVEX, 130, 40100380, 202503, 50.0)]
    ratios = [
        (INVEX, 130, 40200017, 202503, 0.1),
        (INVEX, 130, 40200096, 202503, 1.5),
        (INVEX, 130, 40200118, 202503, 0.1501),
    ]
    made = list(identities(read_series(csv_file(tmp_path / "sh_datos_40.csv", *amounts, *ratios)), FILES))
    assert [(part.name, part.figures) for part in made] == [("identidades_130", 3), ("identidades_133", 0)]
    assert made[0].found["figura", "valor_a", "valor_b"].rows() == [("perdida_esperada", 0.1501, 0.15)]


def test_icaps_of_the_workbook() -> None:
    banks = [f"0400{number}" for number in range(10, 20)]
    official = icap(*((code, 202404, 10.1234 + at, 9.1234 + at, 8.1234 + at) for at, code in enumerate(banks)))
    book = icap(
        *(
            (code, 202404, round(10.1234 + at, 1), round(9.1234 + at, 1), round(8.1234 + at, 1))
            for at, code in enumerate(banks)
        )
    )
    (found,) = capital({"icap": Extract(book, 10), "icap_cnbv": Extract(official, 10)}, FILES)
    assert (found.figures, found.found.height, set(found.found["causa"])) == (30, 30, {causes.ROUNDING})

    restated = icap((INVEX, 202501, 8.79, 8.0, 7.0), (BBVA, 202501, 18.5, 18.0, 17.00008))
    book = icap((INVEX, 202501, 14.05, 8.0, 7.0), (BBVA, 202501, 18.5, 18.0, 17.0))
    (found,) = capital({"icap": Extract(book, 2), "icap_cnbv": Extract(restated, 2)}, FILES)
    assert found.found["codigo", "figura", "causa", "hoja_b"].rows() == [(INVEX, "icap_total", None, "MINFO")]
