from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.workbooks import instituciones
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.sources.model import Reading


def read(folder: Path, *rows: list[Any]) -> Reading:
    sheets = {"Instituciones": [["CLAVE", "DESCRIPCION"], *rows]}
    return instituciones.read(write_workbook(folder / "Instituciones.xlsx", sheets))


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
        (3, "column 'DESCRIPCION' is blank"),
        (4, "column 'DESCRIPCION' is blank"),
        (5, "column 'CLAVE': 'x' is not an institution code"),
    ]


def test_a_code_that_stands_twice_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sheet 'Instituciones', rows 2, 3: the key \(040059\) stands more than once"):
        read(tmp_path, ["040059", "INVEX"], [40059, "INVEX GRUPO"])
