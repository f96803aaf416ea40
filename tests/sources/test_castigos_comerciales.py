from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import CASTIGOS_COMERCIALES
from support.refusals import refused
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

HEADER = ["Institucion1", "Fecha", "CASTIGOS ACMULUADOS COMERCIAL", None]


def read(folder: Path, *rows: list[Any], header: list[str | None] | None = None) -> Extract:
    path = write_workbook(folder / "Castigos Comerciales.xlsx", {"Sheet 1": [header or HEADER, *rows]})
    return CASTIGOS_COMERCIALES.read(path)


def test_dates_of_both_kinds_are_months(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        ["5", "2022/1/01", 1296.74655],
        [5, "2022/12/01", 2466.4966],
        ["040059", date(2024, 10, 1), 3.5],
        [40059, date(2024, 11, 30), None],
    )
    assert reading.frame.rows() == [
        (2, "5", date(2022, 1, 1), 1296.74655),
        (3, "5", date(2022, 12, 1), 2466.4966),
        (4, "040059", date(2024, 10, 1), 3.5),
        (5, "040059", date(2024, 11, 1), None),
    ]


def test_the_second_row_of_a_key_is_set_aside(tmp_path: Path) -> None:
    reading = read(tmp_path, ["040165", "2024/2/01", 1.5], ["040165", date(2024, 2, 1), 2.5], ["5", "2024/2/01", 9])
    assert reading.frame["fila", "castigos"].rows() == [(2, 1.5), (4, 9.0)]
    assert reading.rejects["row", "reason", "raw", "fault"].rows() == [
        (
            3,
            "its key appears in an earlier row",
            '{"Institucion1":"040165","Fecha":"2024-02-01 00:00:00","CASTIGOS ACMULUADOS COMERCIAL":"2.5"}',
            True,
        )
    ]


def test_a_date_of_another_form_is_set_aside(tmp_path: Path) -> None:
    reading = read(tmp_path, ["5", "01/02/2022", 1], ["5", "2022/1/01", 2], ["5", "2022/13/01", 3])
    assert reading.rejects["row", "reason"].rows() == [
        (2, "column 'Fecha': '01/02/2022' is not a date"),
        (4, "column 'Fecha': '2022/13/01' is not a date"),
    ]


def test_the_header_is_misspelt_as_cnbv_misspells_it(tmp_path: Path) -> None:
    with refused(DataError, file="Castigos Comerciales.xlsx", sheet="Sheet 1", column="CASTIGOS ACMULUADOS COMERCIAL"):
        read(tmp_path, ["5", "2022/1/01", 1], header=["Institucion1", "Fecha", "CASTIGOS ACUMULADOS COMERCIAL"])
