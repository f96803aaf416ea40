from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import TASA_EFECTIVA
from support.refusals import refused
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

HEADER = ["Fecha1", "Sistema", "Invex Consumo", None]


def read(folder: Path, *rows: list[Any]) -> Extract:
    sheets = {"Tasa efectiva considerando prom": [HEADER, *rows], "otra": [["x"]]}
    return TASA_EFECTIVA.read(write_workbook(folder / "TE_Invex_Sistema.xlsx", sheets))


def test_the_last_day_of_a_month_is_its_month_in_the_first_sheet_whatever_its_name(tmp_path: Path) -> None:
    reading = read(tmp_path, [date(2019, 10, 31), 37.06, 38.7], [date(2020, 2, 29), 37.3, None])
    assert reading.frame.rows() == [(2, date(2019, 10, 1), 37.06, 38.7), (3, date(2020, 2, 1), 37.3, None)]


def test_faulty_rows_are_set_aside(tmp_path: Path) -> None:
    reading = read(tmp_path, [date(2019, 10, 31), "#REF!", 1], [None, 37.3, 34.7], [date(2019, 12, 31), 37.3, 34.7])
    assert reading.frame["fila", "tasa_sistema"].rows() == [(2, None), (4, 37.3)]
    assert reading.rejects["row", "reason"].rows() == [
        (2, "column 'Sistema': '#REF!' is not a number"),
        (3, "column 'Fecha1': the cell is blank"),
    ]


def test_a_month_that_stands_twice_refuses_the_file(tmp_path: Path) -> None:
    with refused(DataError, file="TE_Invex_Sistema.xlsx", row=3):
        read(tmp_path, [date(2019, 10, 1), 1, 1], [date(2019, 10, 31), 2, 2])
