from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.errors import DataError, Place
from bankadvisor_etl.formats.extract import REJECTS
from bankadvisor_etl.formats.sheet import Column, Sheet
from bankadvisor_etl.formats.sheet_table import check_headers, read_table
from support.refusals import refused
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

COLUMNS = (
    Column("Clave", "codigo", "code", key=True),
    Column("Periodo", "mes", "period", key=True),
    Column("Saldo", "saldo"),
    Column("Nota", "nota"),
)
HEADER = ["Clave", "Periodo", "Saldo", "Nota"]


def read(folder: Path, *rows: list[Any], header: list[str | None] | None = None, **options: Any) -> Extract:
    path = write_workbook(folder / "libro.xlsx", {"Hoja": [header or HEADER, *rows]})
    return read_table(path, Sheet("Hoja", COLUMNS, **options))


def test_good_rows_keep_their_row_numbers_and_types(tmp_path: Path) -> None:
    reading = read(tmp_path, ["040002", 202501, 1.5, None], [5, "202502", "2.5", 7])
    assert reading.frame.schema == {
        "fila": pl.UInt32,
        "codigo": pl.String,
        "mes": pl.Date,
        "saldo": pl.Float64,
        "nota": pl.Float64,
    }
    assert reading.frame.rows() == [
        (2, "040002", date(2025, 1, 1), 1.5, None),
        (3, "5", date(2025, 2, 1), 2.5, 7.0),
    ]
    assert (reading.rows_read, reading.rejects.height, reading.ignored) == (2, 0, ())


def test_columns_are_found_by_name_wherever_they_stand_and_others_are_ignored(tmp_path: Path) -> None:
    header = [None, " Saldo", "Extra", "Periodo ", "Nota", "Clave"]
    reading = read(tmp_path, ["x", 1, "y", 202501, None, "40002"], header=header)
    assert reading.frame.rows() == [(2, "040002", date(2025, 1, 1), 1.0, None)]
    assert reading.ignored == ("column 1", "Extra")


def test_each_faulty_row_or_cell_is_set_aside_with_its_number_and_reason(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        ["040002", 202501, 1, None],
        ["BANAMEX", 202501, 2, None],
        [None, None, None, None],
        ["040012", 202513, 3, None],
        ["040014", 202501, "n.d.", None],
        ["040021", 202501, "#REF!", None],
        ["040036", 202501, None, None],
        [None, 202501, 5, None],
        ["040044", 202501, 6, "#DIV/0!"],
        ["040058", 202501, 7, " "],
    )
    assert reading.frame["codigo", "saldo", "nota"].rows() == [
        ("040002", 1.0, None),
        ("040014", None, None),
        ("040021", None, None),
        ("040036", None, None),
        ("040044", 6.0, None),
        ("040058", 7.0, None),
    ]
    assert reading.rejects.schema == REJECTS
    assert reading.rejects["row", "reason"].rows() == [
        (3, "column 'Clave': 'BANAMEX' is not an institution code"),
        (5, "column 'Periodo': '202513' is not a month (YYYYMM)"),
        (6, "column 'Saldo': 'n.d.' is not a number"),
        (7, "column 'Saldo': '#REF!' is not a number"),
        (9, "column 'Clave': the cell is blank"),
        (10, "column 'Nota': '#DIV/0!' is not a number"),
    ]
    assert reading.rejects["fault"].all()
    assert reading.rows_read == 9
    raw = json.loads(reading.rejects["raw"][2])
    assert raw == {"Clave": "040014", "Periodo": "202501", "Saldo": "n.d.", "Nota": None}


def test_not_a_number_and_infinity_are_no_amounts(tmp_path: Path) -> None:
    reading = read(tmp_path, ["5", 202501, "NaN", None], ["5", 202502, "inf", None], ["5", 202503, 1, "nan"])
    assert reading.frame["saldo", "nota"].rows() == [(None, None), (None, None), (1.0, None)]
    assert reading.rejects["row", "reason"].rows() == [
        (2, "column 'Saldo': 'NaN' is not a number"),
        (3, "column 'Saldo': 'inf' is not a number"),
        (4, "column 'Nota': 'nan' is not a number"),
    ]


def test_a_row_with_two_faults_is_set_aside_once(tmp_path: Path) -> None:
    reading = read(tmp_path, ["x", "y", "z", None], ["5", 202501, 1, None])
    assert reading.rejects["row", "reason"].rows() == [(2, "column 'Clave': 'x' is not an institution code")]


def test_a_strict_source_refuses_the_file_at_its_first_fault(tmp_path: Path) -> None:
    with refused(DataError, file="libro.xlsx", sheet="Hoja", row=3, column="Saldo", value="n.d."):
        read(tmp_path, ["5", 202501, 1, None], ["5", 202502, "n.d.", 1], ["5", 202503, "x", 1], strict=True)


def test_a_strict_source_refuses_a_sheet_without_rows(tmp_path: Path) -> None:
    with refused(DataError, file="libro.xlsx", sheet="Hoja"):
        read(tmp_path, strict=True)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with refused(DataError, file="libro.xlsx", sheet="Hoja", column="Periodo"):
        read(tmp_path, ["5", 202501, 1, 1], header=["Clave", "Período", "Saldo", "Nota"])


def test_a_column_that_appears_twice_is_refused(tmp_path: Path) -> None:
    with refused(DataError, file="libro.xlsx", sheet="Hoja", column="Saldo"):
        read(tmp_path, ["5", 202501, 1, 1, 2], header=[*HEADER, " Saldo"])


def test_a_key_that_appears_twice_names_its_last_row(tmp_path: Path) -> None:
    rows = [["040002", 202501, 1, 1], ["040012", 202501, 2, 2], ["40002", "202501", 3, 3], ["5", 202501, 4, 4]]
    with refused(DataError, file="libro.xlsx", sheet="Hoja", row=4):
        read(tmp_path, *rows, ["5.0", 202501, 5, 5])


def test_later_rows_of_a_key_can_be_set_aside(tmp_path: Path) -> None:
    rows = [["040165", 202402, 1, 1], ["040165", 202403, 2, 2], ["40165", 202402, 3, 3], [40165, 202402, 4, 4]]
    reading = read(tmp_path, *rows, repeated_keys="set aside")
    assert reading.frame["fila", "saldo"].rows() == [(2, 1.0), (3, 2.0)]
    assert reading.rejects["row", "reason", "fault"].rows() == [
        (4, "its key appears in an earlier row", True),
        (5, "its key appears in an earlier row", True),
    ]


def test_a_sheet_of_headers_alone_has_no_rows(tmp_path: Path) -> None:
    reading = read(tmp_path)
    assert (reading.frame.height, reading.rows_read, reading.rejects.height) == (0, 0, 0)
    assert reading.frame.columns == ["fila", "codigo", "mes", "saldo", "nota"]


def test_headers_are_compared_exactly() -> None:
    check_headers(Place("x.csv"), ["Currency type", "Currency"], ["Currency"])
    with refused(DataError, file="x.csv", column="Currency"):
        check_headers(Place("x.csv"), ["Currency type"], ["Currency"])
