from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import ICAP
from support.refusals import refused
from support.workbooks import Dated, write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

HEADER = ["Cve_Inst", "Banco", "FECHA", "ICAP Total", "CCB", "CCF"]
JULY = date(2022, 7, 1)


def read(folder: Path, *rows: list[Any]) -> Extract:
    return ICAP.read(write_workbook(folder / "ICAP_Bancos.xlsx", {"ICAP Bancos": [HEADER, *rows]}))


def test_ratios_are_percent_as_they_stand_however_large(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        ["040002", "Banamex", JULY, 16.453651, 16.453651, 14.329448],
        [40170, "Revolut", date(2022, 8, 31), 2658.123456, None, -3.5],
        [5, "Sistema", JULY, None, None, None],
    )
    assert reading.frame.rows() == [
        (2, "040002", date(2022, 7, 1), 16.453651, 16.453651, 14.329448),
        (3, "040170", date(2022, 8, 1), 2658.123456, None, -3.5),
        (4, "5", date(2022, 7, 1), None, None, None),
    ]
    assert reading.ignored == ("Banco",)


@pytest.mark.parametrize("style", ["dd/mm/yyyy hh:mm", "yyyy-mm-dd", "h:mm:ss"])
@pytest.mark.parametrize("value", [16.083136, 16.0, 0.123456, 1.0, 59.999999, 61.0, 61.000001, 67.223444, 2658.123456])
def test_a_ratio_formatted_as_a_date_is_its_serial_to_six_decimals(tmp_path: Path, style: str, value: float) -> None:
    """On both sides of day 60, Excel's 29 February 1900."""
    reading = read(tmp_path, ["040002", "Banamex", date(2022, 9, 1), 16.083136, Dated(value, style), 14.0])
    assert reading.frame["icap_ccb"].to_list() == [value]
    assert reading.rejects.is_empty()


def test_two_rows_without_a_code_are_set_aside(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        ["040002", "Banamex", JULY, 1, 1, 1],
        [None, "Banco", JULY, 2, 2, 2],
        [None, "Banco", JULY, 3, 3, 3],
        ["040012", "BBVA", JULY, 4, 4, 4],
    )
    assert reading.frame["fila", "codigo"].rows() == [(2, "040002"), (5, "040012")]
    assert reading.rejects["row", "reason", "fault"].rows() == [
        (3, "column 'Cve_Inst': the cell is blank", True),
        (4, "column 'Cve_Inst': the cell is blank", True),
    ]
    assert (reading.rows_read, reading.rejects["raw"][0]) == (
        4,
        '{"Cve_Inst":null,"Banco":"Banco","FECHA":"2022-07-01 00:00:00","ICAP Total":"2","CCB":"2","CCF":"2"}',
    )


def test_error_cells_and_text_are_set_aside(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        ["040002", "x", JULY, "#DIV/0!", 1, 1],
        ["040012", "x", JULY, 1, "n.d.", 1],
        ["040014", "x", "julio", 1, 1, 1],
        ["040021", "x", JULY, 1, 1, 1],
    )
    assert reading.frame.select("fila", "icap_total", "icap_ccb", "icap_ccf").rows() == [
        (2, None, 1.0, 1.0),
        (3, 1.0, None, 1.0),
        (5, 1.0, 1.0, 1.0),
    ]
    assert reading.rejects["row", "reason"].rows() == [
        (2, "column 'ICAP Total': '#DIV/0!' is not a number"),
        (3, "column 'CCB': 'n.d.' is not a number"),
        (4, "column 'FECHA': 'julio' is not a date"),
    ]


def test_a_double_refuses_the_file(tmp_path: Path) -> None:
    rows = [["040002", "x", JULY, 1, 1, 1], ["040002", "x", date(2022, 7, 31), 2, 2, 2]]
    with refused(DataError, file="ICAP_Bancos.xlsx", sheet="ICAP Bancos", row=3):
        read(tmp_path, *rows)
