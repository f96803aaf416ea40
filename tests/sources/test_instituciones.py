from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import INSTITUCIONES
from support.refusals import refused
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract


def read(folder: Path, *rows: list[Any]) -> Extract:
    sheets = {"Instituciones": [["CLAVE", "DESCRIPCION"], *rows]}
    return INSTITUCIONES.read(write_workbook(folder / "Instituciones.xlsx", sheets))


def test_codes_are_canonical_and_names_as_written(tmp_path: Path) -> None:
    rows = [
        ["21", "TOTAL BANCA MÚLTIPLE CONSOLIDADO"],
        [" 040060", " BANSÍ "],
        [40059, "INVEX"],
        [159, "INVEX CONSOLIDADO"],
    ]
    assert read(tmp_path, *rows).frame.rows() == [
        (2, "21", "TOTAL BANCA MÚLTIPLE CONSOLIDADO"),
        (3, "040060", "BANSÍ"),
        (4, "040059", "INVEX"),
        (5, "159", "INVEX CONSOLIDADO"),
    ]


def test_a_row_without_a_name_is_set_aside(tmp_path: Path) -> None:
    reading = read(tmp_path, ["040059", "INVEX"], ["040060", None], ["040062", "  "], ["x", "HSBC"])
    assert reading.frame["codigo"].to_list() == ["040059"]
    assert reading.rejects["row", "reason"].rows() == [
        (3, "column 'DESCRIPCION': the cell is blank"),
        (4, "column 'DESCRIPCION': the cell is blank"),
        (5, "column 'CLAVE': 'x' is not an institution code"),
    ]


def test_a_code_that_stands_twice_refuses_the_file(tmp_path: Path) -> None:
    with refused(DataError, file="Instituciones.xlsx", sheet="Instituciones", row=3):
        read(tmp_path, ["040059", "INVEX"], [40059, "INVEX GRUPO"])
