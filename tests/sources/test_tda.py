from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import TDA
from support.refusals import refused
from support.workbooks import BLANK, write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

HEADER = ["cve_periodo", "Año", "Mes", "Fecha", "cve_institucion", " TDA Cartera total", None, None]


def read(folder: Path, *rows: list[Any]) -> Extract:
    return TDA.read(write_workbook(folder / "TDA.xlsx", {"Sheet1": [HEADER, *rows]}))


def test_the_header_has_a_space_and_the_month_is_cve_periodo_of_either_kind(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        [202112, "2021", "12", "12/01/2021", "040002", 3.8706],
        ["202201", "2022", "01", "01/02/2022", "40059", 6.995],
        [202202, "2022", "02", "02/02/2022", 5, 0],
        [202203, "2022", "03", "03/02/2022", "040012", None],
    )
    assert reading.frame.rows() == [
        (2, "040002", date(2021, 12, 1), 3.8706),
        (3, "040059", date(2022, 1, 1), 6.995),
        (4, "5", date(2022, 2, 1), 0.0),
        (5, "040012", date(2022, 3, 1), None),
    ]
    assert reading.ignored == ("Año", "Mes", "Fecha")


def test_four_blank_rows_at_the_end_are_no_rows(tmp_path: Path) -> None:
    reading = read(tmp_path, [202112, None, None, None, "040002", 3.8706], *[[BLANK] * 6] * 4)
    assert (reading.rows_read, reading.frame.height, reading.rejects.height) == (1, 1, 0)


def test_faulty_rows_are_set_aside(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        [202112, None, None, None, "040002", "#DIV/0!"],
        [202112, None, None, None, "040012", 5.3545],
        [202112, None, None, None, "TOTAL", 4.2],
        ["21-dic", None, None, None, "040014", 4.2],
    )
    assert reading.frame["fila", "tda"].rows() == [(2, None), (3, 5.3545)]
    assert reading.rejects["row", "reason"].rows() == [
        (2, "column 'TDA Cartera total': '#DIV/0!' is not a number"),
        (4, "column 'cve_institucion': 'TOTAL' is not an institution code"),
        (5, "column 'cve_periodo': '21-dic' is not a month (YYYYMM)"),
    ]


def test_a_double_refuses_the_file(tmp_path: Path) -> None:
    rows = [[202112, None, None, None, "040002", 1], ["202112", None, None, None, 40002, 2]]
    with refused(DataError, file="TDA.xlsx", sheet="Sheet1", row=3):
        read(tmp_path, *rows)
