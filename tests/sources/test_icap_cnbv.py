"""The bulletin of capital: read by header, one month, codes as written."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.errors import DataError, InputError
from bankadvisor_etl.sample_data import icap_bulletin
from bankadvisor_etl.sample_data.xls import xls
from bankadvisor_etl.sources import icap_cnbv
from support.grids import Rows, grid
from support.refusals import refused

if TYPE_CHECKING:
    from pathlib import Path

MARCH = date(2026, 3, 1)


def sheet(*rows: Any, period: Any = 202603, headers: Any = ("ICAP Total", "CCB", "CCF")) -> Rows:
    return [
        [None, "Índice de capitalización"],
        [],
        [None, "Instituciones", None, period],
        [None, None, None, *headers],
        *([None, *row] for row in rows or [(5, "Total Banca Múltiple", 19.5, 18.5, 17.5)]),
    ]


def test_codes_months_and_percent() -> None:
    rows = sheet(
        (5, "Total", 19.5, 18.5, 17.5),
        ("040059", "Invex", 14.25, "n.d.", 12.75),
        (40012, "BBVA", 18.5, 1, 2),
        (64, "x", 1, 1, 1),
    )
    assert icap_cnbv.frame_of(grid(rows)).rows() == [
        (5, "5", MARCH, 19.5, 18.5, 17.5),
        (6, "040059", MARCH, 14.25, None, 12.75),
        (7, "040012", MARCH, 18.5, 1.0, 2.0),
        (8, "64", MARCH, 1.0, 1.0, 1.0),
    ]


def test_dead_banks_have_no_row() -> None:
    rows = sheet(
        (5, "Total", 19.5, 18.5, 17.5), ("040003", "Serfín", None, None, "-"), (None, "Notas: n.d. no disponible")
    )
    assert icap_cnbv.frame_of(grid(rows))["codigo"].to_list() == ["5"]


def test_columns_by_header() -> None:
    rows = sheet((5, "Total", 1, 2, 3), headers=("CCF", "CCB 1/", "ICAP Total"))
    assert icap_cnbv.frame_of(grid(rows)).rows() == [(5, "5", MARCH, 3.0, 2.0, 1.0)]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (sheet(period="marzo 2026"), {"row": 3, "column": "D", "value": "marzo 2026"}),
        (sheet(period=202613), {"row": 3, "column": "D", "value": "202613"}),
        (sheet(period=None), {"row": 3}),
        (sheet(headers=("ICAP", "CCB", "CCF")), {"row": 4}),
        (sheet(headers=("ICAP Total", "CCB", "CCB")), {"row": 4}),
        (sheet((5, "x", 1, 1, 1), ("5", "y", 1, 1, 1)), {"row": 6}),
        (sheet((None, "x", 1, 1, 1)), {"row": 5, "column": "C", "value": "x"}),
        (sheet((5, "x", "1,5", 1, 1)), {"row": 5, "column": "D", "value": "1,5"}),
        (sheet((5, "x", None, None, None)), {}),
        ([["Instituciones", 202603], ["Instituciones", 202604]], {"row": 2, "column": "A", "value": "Instituciones"}),
        ([["x"]], {}),
    ],
)
def test_refused(rows: Rows, place: dict[str, Any]) -> None:
    with refused(DataError, file="BE BM 202605.xlsx", sheet="MINFO", **place):
        icap_cnbv.frame_of(grid(rows, "MINFO"))


def test_the_sample_is_a_workbook_of_the_old_kind(tmp_path: Path) -> None:
    path = icap_bulletin.write(tmp_path, 0, 202506)
    assert path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0"
    read = icap_cnbv.read(path)
    assert (read.frame["codigo"][0], read.frame["codigo"][-1], set(read.frame["mes"])) == (
        "5",
        "64",
        {date(2025, 6, 1)},
    )
    assert (read.rows_read, read.frame.height) == (read.frame.height, read.frame["codigo"].n_unique())


def test_another_workbook(tmp_path: Path) -> None:
    path = tmp_path / "040_15b_R1.xls"
    path.write_bytes(xls({"Hoja1": [["x"]]}))
    with refused(InputError, file="040_15b_R1.xls", sheet="MINFO"):
        icap_cnbv.read(path)
