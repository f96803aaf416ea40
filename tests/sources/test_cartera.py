from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import CARTERA
from support.refusals import refused
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

BOOKS = (
    "Cartera Total",
    "Créditos Comerciales",
    "Actividad Empresarial o Comercial",
    "Entidades Financieras",
    "Entidades Gubernamentales",
    "Créditos de Consumo",
    "Créditos a la Vivienda",
)
AMOUNTS = (
    *(f"{book} Etapa {stage}" for book in BOOKS for stage in ("1", "2", "3", "VR")),
    "Cartera de Crédito Total Etapa todas",
    "Reservas Etapa todas",
    *(f"Res {segment} Etapa todas" for segment in BOOKS[2:]),
)
HEADER = ["Institucion", "Cve_Periodo", "Año", "Mes", "Fecha", *AMOUNTS]


def row(code: object, period: object, **amounts: object) -> list[Any]:
    """A row of zeros; amounts by their header with ``_`` for each space."""
    given = {name.replace("_", " "): value for name, value in amounts.items()}
    assert given.keys() <= set(AMOUNTS)
    return [code, period, "=LEFT(B2,4)", "=MID(B2,5,2)", "01/02/2017", *(given.get(name, 0) for name in AMOUNTS)]


def read(folder: Path, *rows: list[Any], header: list[str] | None = None) -> Extract:
    path = write_workbook(folder / "CNBV_Cartera_Bancos_V2.xlsx", {"Sheet1": [header or HEADER, *rows], "Sheet2": []})
    return CARTERA.read(path)


def test_codes_of_every_kind_are_one_form_and_the_month_is_cve_periodo(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        row("040002", 201701),
        row("5", "201701"),
        row(5, 201702),
        row(40126, 201701.0),
        row(40126.0, "202507"),
        row(" 040059 ", 202507),
        row(159, 202507),
        row("0159", 202506),
        row(5.0, 202507),
        row("21", 202507),
    )
    assert reading.frame["fila", "codigo", "mes"].rows() == [
        (2, "040002", date(2017, 1, 1)),
        (3, "5", date(2017, 1, 1)),
        (4, "5", date(2017, 2, 1)),
        (5, "040126", date(2017, 1, 1)),
        (6, "040126", date(2025, 7, 1)),
        (7, "040059", date(2025, 7, 1)),
        (8, "159", date(2025, 7, 1)),
        (9, "159", date(2025, 6, 1)),
        (10, "5", date(2025, 7, 1)),
        (11, "21", date(2025, 7, 1)),
    ]
    assert reading.ignored == ("Año", "Mes", "Fecha")


def test_the_35_amounts_come_under_their_names_whatever_their_order(tmp_path: Path) -> None:
    values = dict(zip(AMOUNTS, (float(number) + 0.5 for number in range(35)), strict=True))
    header = ["Institucion", *reversed(AMOUNTS), "Cve_Periodo"]
    frame = read(tmp_path, ["040059", *(values[name] for name in reversed(AMOUNTS)), 202507], header=header).frame
    assert len(frame.columns) == 38
    found = frame.row(0, named=True)
    expected = {
        "total_e1": "Cartera Total Etapa 1",
        "total_vr": "Cartera Total Etapa VR",
        "comercial_e2": "Créditos Comerciales Etapa 2",
        "ae_e3": "Actividad Empresarial o Comercial Etapa 3",
        "ef_e1": "Entidades Financieras Etapa 1",
        "eg_vr": "Entidades Gubernamentales Etapa VR",
        "co_e2": "Créditos de Consumo Etapa 2",
        "vi_e3": "Créditos a la Vivienda Etapa 3",
        "todas": "Cartera de Crédito Total Etapa todas",
        "reservas": "Reservas Etapa todas",
        "res_ae": "Res Actividad Empresarial o Comercial Etapa todas",
        "res_ef": "Res Entidades Financieras Etapa todas",
        "res_eg": "Res Entidades Gubernamentales Etapa todas",
        "res_co": "Res Créditos de Consumo Etapa todas",
        "res_vi": "Res Créditos a la Vivienda Etapa todas",
    }
    assert {name: found[name] for name in expected} == {name: values[header] for name, header in expected.items()}
    assert sorted(value for name, value in found.items() if isinstance(value, float)) == sorted(values.values())


def test_amounts_keep_six_decimals_and_nulls_stay_null(tmp_path: Path) -> None:
    amounts = {"Cartera_Total_Etapa_1": 563801.115748, "Reservas_Etapa_todas": -13243.524843}
    frame = read(tmp_path, row("040002", 201701, **amounts, Cartera_Total_Etapa_3=None)).frame
    assert frame["total_e1", "reservas", "total_e3", "total_e2"].row(0) == (563801.115748, -13243.524843, None, 0.0)


def test_a_formula_that_was_never_computed_is_null(tmp_path: Path) -> None:
    assert read(tmp_path, row("040059", 202507, Créditos_de_Consumo_Etapa_3="=1+1")).frame["co_e3"].to_list() == [None]


@pytest.mark.parametrize("cell", ["#REF!", "#DIV/0!", "n.d.", "1,234.5"])
def test_a_cell_that_is_no_amount_refuses_the_file_and_is_named(tmp_path: Path, cell: str) -> None:
    bad = row("040059", 202507, Créditos_de_Consumo_Etapa_3=cell)
    column = "Créditos de Consumo Etapa 3"
    with refused(DataError, file="CNBV_Cartera_Bancos_V2.xlsx", sheet="Sheet1", row=3, column=column, value=cell):
        read(tmp_path, row("040059", 202506), bad, row("5", 202506))


@pytest.mark.parametrize(
    ("code", "period", "cell"),
    [
        ("INVEX", 202507, {"column": "Institucion", "value": "INVEX"}),
        (40059.5, 202507, {"column": "Institucion", "value": "40059.5"}),
        (None, 202507, {"column": "Institucion"}),
        ("040059", 202513, {"column": "Cve_Periodo", "value": "202513"}),
        ("040059", "2025-07", {"column": "Cve_Periodo", "value": "2025-07"}),
        ("040059", None, {"column": "Cve_Periodo"}),
    ],
)
def test_a_row_without_a_key_refuses_the_file(
    tmp_path: Path, code: object, period: object, cell: dict[str, str]
) -> None:
    with refused(DataError, file="CNBV_Cartera_Bancos_V2.xlsx", sheet="Sheet1", row=3, **cell):
        read(tmp_path, row("5", 202507), row(code, period))


def test_a_key_in_two_spellings_is_a_double(tmp_path: Path) -> None:
    with refused(DataError, file="CNBV_Cartera_Bancos_V2.xlsx", sheet="Sheet1", row=4):
        read(tmp_path, row("040126", 202507), row("5", 202507), row(40126, "202507"))


@pytest.mark.parametrize("header", ["Cve_Periodo", "Reservas Etapa todas", "Créditos a la Vivienda Etapa VR"])
def test_a_missing_column_is_an_error_and_never_zero(tmp_path: Path, header: str) -> None:
    names = [name if name != header else f"{name}s" for name in HEADER]
    with refused(DataError, file="CNBV_Cartera_Bancos_V2.xlsx", sheet="Sheet1", column=header):
        read(tmp_path, row("5", 202507), header=names)
