from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.errors import DataError, InputError
from bankadvisor_etl.sources import tasas
from support.refusals import refused
from support.workbooks import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from bankadvisor_etl.formats.extract import Extract

HEADER = (
    "Currency type,Corporate Size,State,State Code,Currency,Currecy Code,Institution,Institution Code,Monitoring Term,"
    "Funded,Total Portfolio,Perrformin Portfolio,Non Performing Portfolio,IMOR,Number of Customers,Number of loans,"
    "Average Rate,Average Term,Draw down Amount,Average Rate Median,Average Term Median,Etapa 1,Etapa 2,Etapa 3,"
    "Valor Razonable"
)
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
NACIONAL, EXTRANJERA = "Moneda nacional", "Moneda extranjera"


def row(
    code: str = "040059", currency: str = NACIONAL, term: str = "1/31/25", rate: str = "10", total: str = "100"
) -> str:
    """One loan group; the columns other than the five are constant."""
    head = f'Pesos,"Micro, pequeña",MÉXICO,15,{currency},14,Invex,{code},{term},Sin apoyo,{total}'
    return f'{head},90,"1,000",0.1,3,5,{rate},24,"1,000",99,24,90,0,10,0'


def read(folder: Path, *rows: str, header: str = HEADER) -> Extract:
    return tasas.read(write_csv(folder / "CorporateLoan_CNBVDB.csv", [header, *rows]))


def sums(reading: Extract) -> list[tuple[object, ...]]:
    return reading.frame["codigo", "mes", "moneda", "filas", "saldo", "saldo_por_tasa"].rows()


def faults(reading: Extract) -> list[tuple[object, ...]]:
    return reading.rejects["row", "reason"].rows()


def test_loans_are_summed_by_bank_month_and_currency(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        row(rate="10", total="100"),
        row(rate="12.5", total='"393,968"'),
        row(rate="7.8", currency=EXTRANJERA, total="62"),
        row(rate="5.2", currency="UDIS", total='"1,234,567.25"'),
        row(rate="20", term="2/28/25", total="50"),
        row(rate="30", code="040012", total="10"),
    )
    assert sums(reading) == [
        ("040012", date(2025, 1, 1), "mn", 1, 10.0, 300.0),
        ("040059", date(2025, 1, 1), "me", 1, 62.0, pytest.approx(483.6)),
        ("040059", date(2025, 1, 1), "mn", 2, 394_068.0, 4_925_600.0),
        ("040059", date(2025, 1, 1), "udis", 1, 1_234_567.25, pytest.approx(6_419_749.7)),
        ("040059", date(2025, 2, 1), "mn", 1, 50.0, 1000.0),
    ]
    assert (reading.rows_read, reading.rejects.height) == (6, 0)


def test_the_frame_and_the_ignored_columns(tmp_path: Path) -> None:
    reading = read(tmp_path, row())
    assert reading.frame.schema == {
        "codigo": pl.String,
        "mes": pl.Date,
        "moneda": pl.String,
        "filas": pl.UInt32,
        "saldo": pl.Float64,
        "saldo_por_tasa": pl.Float64,
    }
    assert len(reading.ignored) == 20
    assert reading.ignored[:3] == ("Currency type", "Corporate Size", "State")


def test_codes_with_spaces_or_without_zero_and_both_kinds_of_date_fall_together(tmp_path: Path) -> None:
    rows = [
        row(code=code, term=term) for code in (" 040059", "040059  ", "40059") for term in ("1/31/25", "01/31/2025")
    ]
    assert sums(read(tmp_path, *rows)) == [("040059", date(2025, 1, 1), "mn", 6, 600.0, 6000.0)]


def test_a_day_that_no_calendar_has_is_in_its_month(tmp_path: Path) -> None:
    reading = read(tmp_path, row(term="11/31/22"), row(term="11/30/2022"))
    assert sums(reading) == [("040059", date(2022, 11, 1), "mn", 2, 200.0, 2000.0)]


def test_currency_type_is_not_the_currency(tmp_path: Path) -> None:
    header = HEADER.replace("Currency,", "Moneda,", 1)
    with refused(DataError, file="CorporateLoan_CNBVDB.csv", column="Currency"):
        read(tmp_path, row(), header=header)


def test_a_rate_of_zero_counts_and_a_portfolio_of_zero_too(tmp_path: Path) -> None:
    reading = read(tmp_path, row(rate="0", total="102"), row(rate="0.0"), row(rate="100"), row(total="0"))
    assert sums(reading) == [("040059", date(2025, 1, 1), "mn", 4, 302.0, 10_000.0)]


def test_the_sums_of_the_contracts_example(tmp_path: Path) -> None:
    """Ten loans at 0 % with 102 M in all, and one at 7.8 % with 62 M: 483.6 / 164 is 2.9488 %, not 7.8 %."""
    zeros = [row(currency=EXTRANJERA, rate="0", total='"10,200,000"')] * 10
    reading = read(tmp_path, *zeros, row(currency=EXTRANJERA, rate="7.8", total='"62,000,000"'))
    (_, _, currency, count, portfolio, weighted), *others = sums(reading)
    assert (currency, count, others) == ("me", 11, [])
    assert (portfolio, weighted) == (164e6, pytest.approx(483.6e6))


def test_a_blank_rate_is_set_aside_and_no_fault(tmp_path: Path) -> None:
    reading = read(tmp_path, row(), row(rate=""), row(rate="  "), row())
    assert sums(reading) == [("040059", date(2025, 1, 1), "mn", 2, 200.0, 2000.0)]
    assert reading.rejects["row", "reason", "fault"].rows() == [
        (3, "column 'Average Rate': the cell is blank", False),
        (4, "column 'Average Rate': the cell is blank", False),
    ]
    assert reading.rows_read == 4


def test_rates_that_are_none_are_faults_with_their_lines(tmp_path: Path) -> None:
    rows = [row(), row(rate="n.d."), row(rate="101"), row(), row(rate="-1"), row(rate="100.000001"), row(rate="nan")]
    reading = read(tmp_path, *rows)
    assert faults(reading) == [
        (3, "column 'Average Rate': 'n.d.' is not a number"),
        (4, "column 'Average Rate': 101 is outside 0-100"),
        (6, "column 'Average Rate': -1 is outside 0-100"),
        (7, "column 'Average Rate': 100.000001 is outside 0-100"),
        (8, "column 'Average Rate': 'nan' is not a number"),
    ]
    assert reading.rejects["fault"].all()
    assert sums(reading) == [("040059", date(2025, 1, 1), "mn", 2, 200.0, 2000.0)]


def test_portfolios_codes_terms_and_currencies_that_are_none_are_faults_with_their_lines(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        row(total="x"),
        row(total=""),
        row(code="INVEX"),
        row(code=""),
        row(term="31/1/25"),
        row(term="13/31/25"),
        row(currency="Dólares"),
        row(currency="Pesos"),
        row(),
    )
    assert faults(reading) == [
        (2, "column 'Total Portfolio': 'x' is not a number"),
        (3, "column 'Total Portfolio': '' is not a number"),
        (4, "column 'Institution Code': 'INVEX' is not an institution code"),
        (5, "column 'Institution Code': '' is not an institution code"),
        (6, "column 'Monitoring Term': '31/1/25' is not a date (M/D/YY)"),
        (7, "column 'Monitoring Term': '13/31/25' is not a date (M/D/YY)"),
        (8, f"column 'Currency': 'D{UNKNOWN}lares' is not one of Moneda nacional, Moneda extranjera, UDIS"),
        (9, "column 'Currency': 'Pesos' is not one of Moneda nacional, Moneda extranjera, UDIS"),
    ]
    assert sums(reading) == [("040059", date(2025, 1, 1), "mn", 1, 100.0, 1000.0)]
    assert json.loads(reading.rejects["raw"][2]) == {
        "Institution Code": "INVEX",
        "Currency": NACIONAL,
        "Monitoring Term": "1/31/25",
        "Average Rate": "10",
        "Total Portfolio": "100",
    }


def test_a_row_with_two_faults_is_set_aside_once(tmp_path: Path) -> None:
    rows = [row(), row(code="INVEX"), row(code="INVEX", rate="-1"), row(code="INVEX", rate="")]
    assert read(tmp_path, *rows).rejects["row", "reason", "fault"].rows() == [
        (3, "column 'Institution Code': 'INVEX' is not an institution code", True),
        (4, "column 'Average Rate': -1 is outside 0-100", True),
        (5, "column 'Average Rate': the cell is blank", False),
    ]


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    reading = read(tmp_path, row(), "", "," * 24, row(rate="x"), row())
    assert reading.rows_read == 3
    assert faults(reading) == [(5, "column 'Average Rate': 'x' is not a number")]


def test_bytes_that_are_no_utf8_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [HEADER, row(), row()])
    assert b"\xc9XICO" in path.read_bytes()
    latin = sums(tasas.read(path))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert sums(tasas.read(path)) == latin == [("040059", date(2025, 1, 1), "mn", 2, 200.0, 2000.0)]


def test_faults_far_down_a_file_of_many_blocks_keep_their_lines(tmp_path: Path) -> None:
    rows = [row()] * 40_000
    rows[1_000], rows[20_000], rows[39_999] = row(rate="x"), row(term="x"), row(rate="-5")
    reading = read(tmp_path, *rows)
    assert [line for line, _ in faults(reading)] == [1_002, 20_002, 40_001]
    assert sums(reading) == [("040059", date(2025, 1, 1), "mn", 39_997, 3_999_700.0, 39_997_000.0)]
    assert reading.rows_read == 40_000


def test_aggregates_are_kept_apart(tmp_path: Path) -> None:
    reading = read(tmp_path, row(code="5"), row(code="159"), row())
    assert [code for code, *_ in sums(reading)] == ["040059", "159", "5"]


def test_a_file_without_one_usable_row_is_refused(tmp_path: Path) -> None:
    with refused(DataError, file="CorporateLoan_CNBVDB.csv"):
        read(tmp_path, row(rate="x"), row(code="x"))


def test_a_file_whose_currencies_are_all_spelt_otherwise_is_refused_by_the_value(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'Currency': 'Moneda Nacional'"):
        read(tmp_path, *[row(currency="Moneda Nacional")] * 12_000)


def test_a_file_whose_rates_are_all_written_otherwise_is_refused_by_its_beginning(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'Average Rate': '12%' is not a number"):
        read(tmp_path, *[row(rate="12%")] * 12_000)


def test_only_so_many_rows_under_wrong_keys_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasas, "MOST_REJECTS", 5)
    reading = read(tmp_path, row(), *[row(currency="Pesos")] * 9)
    assert (reading.rows_read, reading.rejects.height, reading.frame["filas"].to_list()) == (10, 5, [1])


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    with refused(DataError, file="CorporateLoan_CNBVDB.csv", column="Average Rate"):
        read(tmp_path, row(), header=HEADER.replace(",Average Rate,", ",Avg Rate,"))


def test_headers_are_trimmed(tmp_path: Path) -> None:
    reading = read(tmp_path, row(), header=HEADER.replace("Average Rate,", " Average Rate  ,", 1))
    assert sums(reading) == [("040059", date(2025, 1, 1), "mn", 1, 100.0, 1000.0)]


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with refused(DataError, file="CorporateLoan_CNBVDB.csv", column="Total Portfolio"):
        read(tmp_path, row(), header=HEADER.replace("Draw down Amount", "Total Portfolio"))


def test_thousands_without_quotes_shift_the_row_and_are_refused(tmp_path: Path) -> None:
    """If it were read, the portfolio would be 393 and the rate the number of loans."""
    with refused(InputError, file="CorporateLoan_CNBVDB.csv", row=3):
        read(tmp_path, row(), row(total="393,968"), row())


def test_a_short_row_is_refused(tmp_path: Path) -> None:
    with refused(InputError, file="CorporateLoan_CNBVDB.csv", row=3):
        read(tmp_path, row(), "Pesos,PyME,MÉXICO,15,Moneda nacional", row())


def test_a_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    with refused(InputError, file="CorporateLoan_CNBVDB.csv"):
        read(tmp_path, row(), "Pesos,PyME,MÉXICO,15,Moneda nacional,14,Invex,040059,1/31/25,Sin apoyo,100")
