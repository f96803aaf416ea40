from __future__ import annotations

import zipfile
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bankadvisor_etl.errors import InputError
from bankadvisor_etl.formats.xlsx import ROW, read_sheet
from support.refusals import refused
from support.workbooks import BLANK, Dated, write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "libro.xlsx"


def rewritten(path: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one of its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member] = change(parts[member])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_cells_of_every_kind_become_their_text(book: Path) -> None:
    header = ["texto", "entero", "decimal", "flotante", "fecha", "lógico", "serie"]
    row = ["040002", 40126, 3.8706, 5.0, date(2022, 9, 1), True, Dated(16.083136)]
    table = read_sheet(write_workbook(book, {"A": [header, row]}), "A")
    assert table.columns == [ROW, *header]
    assert table.row(0) == (
        2,
        "040002",
        "40126",
        "3.8706",
        "5",
        "2022-09-01 00:00:00",
        "true",
        "1900-01-16 01:59:42.950",
    )


def test_numbers_keep_nine_decimals(book: Path) -> None:
    table = read_sheet(write_workbook(book, {"A": [["x"], [47571.073654], [-13243.524843], [1e-7], [12345678.9]]}), "A")
    assert table["x"].to_list() == ["47571.073654", "-13243.524843", "0.0000001", "12345678.9"]


def test_headers_are_trimmed_numbered_and_told_apart(book: Path) -> None:
    rows = [[" TDA Cartera total ", None, "SUMA", "SUMA", None, "SUMA"], [1, 2, 3, 4, 5, 6]]
    table = read_sheet(write_workbook(book, {"A": rows}), "A")
    assert table.columns == [ROW, "TDA Cartera total", "column 2", "SUMA", "SUMA#2", "column 5", "SUMA#3"]
    assert table.row(0) == (2, "1", "2", "3", "4", "5", "6")


def test_blank_rows_are_left_out_and_the_others_keep_their_numbers(book: Path) -> None:
    rows = [["a", "b"], [1, 2], [None, None], [BLANK, BLANK], [None, 3], [None, None], [4, None], [BLANK]]
    table = read_sheet(write_workbook(book, {"A": rows}), "A")
    assert table.rows() == [(2, "1", "2"), (5, None, "3"), (7, "4", None)]


def test_a_range_that_does_not_start_in_a1_keeps_the_rows_that_excel_shows(book: Path) -> None:
    rows = [["codigo", "dato"], ["5", 1.5], [None, None], ["040002", "#REF!"]]
    table = read_sheet(write_workbook(book, {"A": rows}, at="D7"), "A")
    assert table.rows() == [(8, "5", "1.5"), (10, "040002", "#REF!")]


def test_formatted_blanks_before_the_header_do_not_move_the_row_numbers(book: Path) -> None:
    rows = [[BLANK, BLANK, BLANK], [BLANK, "codigo", "dato"], [BLANK, "5", 1], [BLANK, "5", "#N/A"]]
    table = read_sheet(write_workbook(book, {"A": rows}), "A")
    assert table.rows() == [(3, "5", "1"), (4, "5", "#N/A")]


def test_error_cells_are_text_and_never_blank(book: Path) -> None:
    rows = [["a", "b", "c"], ["#REF!", 1, "#DIV/0!"], [2, "#N/A", "#VALUE!"], [3, 4, 5]]
    table = read_sheet(write_workbook(book, {"A": rows}, at="B3"), "A")
    assert table.rows() == [(4, "#REF!", "1", "#DIV/0!"), (5, "2", "#N/A", "#VALUE!"), (6, "3", "4", "5")]


def test_a_formula_without_a_value_is_blank(book: Path) -> None:
    table = read_sheet(write_workbook(book, {"A": [["a", "b"], [1, "=1+1"]]}), "A")
    assert (table["a"][0], table["b"][0] or None) == ("1", None)


def test_the_named_sheet_is_read_or_the_first(book: Path) -> None:
    write_workbook(book, {"Pivote": [["x"], [1]], "Datos": [["y"], [2]]})
    assert read_sheet(book, "Datos").rows() == [(2, "2")]
    assert read_sheet(book, "Nada", else_first=True).columns == [ROW, "x"]


def test_a_missing_sheet_is_named_with_those_that_are_there(book: Path) -> None:
    write_workbook(book, {"Pivote": [["x"]], "Datos": [["y"]]})
    with refused(InputError, file="libro.xlsx", sheet="CASTIGOS"):
        read_sheet(book, "CASTIGOS")


def test_an_empty_sheet_is_refused(book: Path) -> None:
    with refused(InputError, file="libro.xlsx", sheet="A"):
        read_sheet(write_workbook(book, {"A": [[BLANK, None]]}), "A")


def test_a_stray_cell_far_away_is_refused_by_name(book: Path) -> None:
    write_workbook(book, {"A": [["x"], [1]]})
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    rewritten(book, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"</sheetData>", far))
    with refused(InputError, file="libro.xlsx", sheet="A", column="1048576"):
        read_sheet(book, "A", careful=True)


@pytest.mark.parametrize("cell", ["DA1", "A100000", "AAA1"])
def test_the_first_cells_beyond_the_limits_are_refused_by_a_careful_reader(book: Path, cell: str) -> None:
    write_workbook(book, {"A": [["x"]]}, at=cell)
    with pytest.raises(InputError) as caught:
        read_sheet(book, "A", careful=True)
    assert (caught.value.place.column or "?") in cell


@pytest.mark.parametrize(("row", "letters"), [(100_001, "A"), (1, "DA")])
def test_a_sheet_that_turned_out_too_large_is_refused(book: Path, row: int, letters: str) -> None:
    write_workbook(book, {"A": [["x"]]})
    far = f'<row r="{row}"><c r="{letters}{row}"><v>1</v></c></row></sheetData>'.encode()
    rewritten(book, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"</sheetData>", far))
    with pytest.raises(InputError) as caught:
        read_sheet(book, "A")
    assert (caught.value.place.column or "?") in f"{letters}{row}"


def test_the_last_cells_within_the_limits_are_read(book: Path) -> None:
    table = read_sheet(write_workbook(book, {"A": [["x"], [1]]}, at="CZ99998"), "A")
    assert table.rows() == [(99_999, "1")]


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "TDA.xlsx"
    page.write_text("<html>503 Service Unavailable</html>")
    with refused(InputError, file="TDA.xlsx"):
        read_sheet(page, "Sheet1")


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "TDA.xlsx", "w") as archive:
        archive.writestr("readme.txt", "hola")
    with refused(InputError, file="TDA.xlsx"):
        read_sheet(tmp_path / "TDA.xlsx", "Sheet1")


def test_a_cut_workbook_is_refused(book: Path) -> None:
    write_workbook(book, {"A": [["x"], [1]]})
    whole = book.read_bytes()
    book.write_bytes(whole[: len(whole) // 2])
    with refused(InputError, file="libro.xlsx"):
        read_sheet(book, "A")


def test_a_flipped_byte_is_refused(book: Path) -> None:
    write_workbook(book, {"A": [["x"], *[[number] for number in range(500)]]})
    with zipfile.ZipFile(book) as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset
    content = bytearray(book.read_bytes())
    content[start + 300] ^= 0xFF
    book.write_bytes(content)
    with refused(InputError, file="libro.xlsx"):
        read_sheet(book, "A")


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path) -> None:
    with refused(InputError, file="TDA.xlsx"):
        read_sheet(tmp_path / "TDA.xlsx", "Sheet1")


def test_a_folder_in_its_place_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "TDA.xlsx").mkdir()
    with refused(InputError, file="TDA.xlsx"):
        read_sheet(tmp_path / "TDA.xlsx", "Sheet1")


def test_a_zip_bomb_is_refused_before_it_is_inflated(book: Path) -> None:
    write_workbook(book, {"A": [["x"]]})
    rewritten(book, "xl/worksheets/sheet1.xml", lambda xml: xml + b" " * 20_000_000)
    with refused(InputError, file="libro.xlsx"):
        read_sheet(book, "A")


def test_a_document_type_is_refused(book: Path) -> None:
    write_workbook(book, {"A": [["x"]]})
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    rewritten(book, "xl/worksheets/sheet1.xml", lambda xml: bomb + xml)
    with refused(InputError, file="libro.xlsx"):
        read_sheet(book, "A")
