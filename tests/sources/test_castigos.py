from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import CASTIGOS
from support.refusals import refused
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

HEADER = [
    *("AÑO", "MES", "FECHA", "periodo", "institucion", "LIB_CASTIGOS_COMERC", "LIB_CASTIGOS_CONSUMO"),
    *("QUITAS_COMER", None, None, "SUMA"),
]


def row(fecha: object, periodo: object, code: object, flow: object, quitas: object) -> list[Any]:
    return ["=LEFT(D2,4)", "=RIGHT(D2,2)", fecha, periodo, code, flow, 352.2, quitas, None, "=+E2&D2", "=+F2+I2"]


def read(folder: Path, *rows: list[Any]) -> Extract:
    sheets = {"ACUMULADO": [["Etiquetas de fila"], ["040002"]], "CASTIGOS": [HEADER, *rows]}
    return CASTIGOS.read(write_workbook(folder / "CASTIGOS.xlsx", sheets))


def test_the_month_is_periodo_where_fecha_is_swapped_or_text(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        row("01/01/2022", 202201, 5, 1296.7465500899998, 0.270716),
        row(datetime(2024, 1, 10), 202410, "040002", 391.309113, 0),  # noqa: DTZ001 - 2024-10-01, as in the file
        row(date(2024, 1, 12), "202412", "40059", -1.5, 2),
    )
    assert reading.frame.rows() == [
        (2, "5", date(2022, 1, 1), pytest.approx(1296.74655009, abs=1e-9), 0.270716),
        (3, "040002", date(2024, 10, 1), 391.309113, 0.0),
        (4, "040059", date(2024, 12, 1), -1.5, 2.0),
    ]


def test_columns_without_a_header_are_ignored_by_their_place(tmp_path: Path) -> None:
    reading = read(tmp_path, row("01/01/2022", 202201, "5", 1, 2))
    assert reading.ignored == ("AÑO", "MES", "FECHA", "LIB_CASTIGOS_CONSUMO", "column 9", "column 10", "SUMA")


def test_faulty_rows_are_set_aside(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        row("x", 202201, "5", "#REF!", 1),
        row("x", 202201, "040002", 1, None),
        row("x", "2022-01", "040012", 1, 1),
        row("x", 202201, "040014", 1, 1),
    )
    assert reading.frame["fila", "castigos", "quitas"].rows() == [(2, None, 1.0), (3, 1.0, None), (5, 1.0, 1.0)]
    assert reading.rejects["row", "reason"].rows() == [
        (2, "column 'LIB_CASTIGOS_COMERC': '#REF!' is not a number"),
        (4, "column 'periodo': '2022-01' is not a month (YYYYMM)"),
    ]


def test_a_double_refuses_the_file(tmp_path: Path) -> None:
    with refused(DataError, file="CASTIGOS.xlsx", sheet="CASTIGOS", row=3):
        read(tmp_path, row("x", 202201, "5", 1, 1), row("y", 202201, 5, 2, 2))
