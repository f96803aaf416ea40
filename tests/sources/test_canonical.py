from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankadvisor_etl.formats import parse

if TYPE_CHECKING:
    from collections.abc import Callable

fast = settings(max_examples=40, deadline=None, database=None)
texts = st.text(max_size=12)


def each(form: Callable[[pl.Expr], pl.Expr], *texts: str | None) -> list[Any]:
    return (
        pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}).select(value=form(pl.col("text")))["value"].to_list()
    )


def one(form: Callable[[pl.Expr], pl.Expr], text: str | None) -> Any:
    return each(form, text)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("040002", "040002"),
        ("40126", "040126"),
        ("40126.0", "040126"),
        ("40126.000", "040126"),
        (" 040059  ", "040059"),
        ("0040059", "040059"),
        ("40000", "040000"),
        ("39999", "39999"),
        ("400000", "400000"),
        ("5", "5"),
        ("5.0", "5"),
        ("005", "5"),
        ("159", "159"),
        ("5.5", None),
        ("40059.5", None),
        ("-5", None),
        ("4e4", None),
        ("INVEX", None),
        ("040 059", None),
        ("#REF!", None),
        ("1234567890", None),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_code(text: str | None, expected: str | None) -> None:
    assert one(parse.code, text) == expected


@fast
@given(st.integers(0, 999_999_999), st.sampled_from(["{}", "0{}", " {} ", "{}.0", "000{}"]))
def test_code_of_any_spelling_is_the_number_and_canonical_once_and_for_all(number: int, spelling: str) -> None:
    text = spelling.format(number)
    code = one(parse.code, text)
    if len(text.strip().removesuffix(".0")) > 9:
        assert code is None
        return
    assert int(code) == number
    assert len(code) >= 6 if number >= 40_000 else code == str(number)
    assert one(parse.code, code) == code


@fast
@given(st.lists(texts, max_size=20))
def test_every_text_has_a_code_of_digits_or_none(rows: list[str]) -> None:
    codes = each(parse.code, *rows)
    assert len(codes) == len(rows)
    assert all(code is None or code.isdecimal() for code in codes)
    assert each(parse.code, *codes) == codes


def test_banks_are_the_six_digits_that_begin_with_04() -> None:
    codes = ["040002", "040170", "5", "21", "159", "102", "400000", "0400021", "04", None]
    assert each(parse.is_bank, *codes) == [True, True, False, False, False, False, False, False, False, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("202507", date(2025, 7, 1)),
        ("202507.0", date(2025, 7, 1)),
        (" 202401 ", date(2024, 1, 1)),
        ("202513", None),
        ("202500", None),
        ("2025", None),
        ("2025-07-01", date(2025, 7, 1)),  # the cell was formatted as a date
        ("2025-07-31 00:00:00", date(2025, 7, 1)),
        ("jul-25", date(2025, 7, 1)),  # or as a month
        ("20250701", None),
        ("2025-07", None),
        ("202507.5", None),
        ("enero", None),
        ("", None),
        (None, None),
    ],
)
def test_month_of_period(text: str | None, expected: date | None) -> None:
    assert one(parse.month_of_period, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-07-01 00:00:00", date(2022, 7, 1)),
        ("2022-07-31", date(2022, 7, 1)),
        ("2022/1/01", date(2022, 1, 1)),
        ("2022/12/1", date(2022, 12, 1)),
        ("2022/13/01", None),
        ("2022-00-01", None),
        ("01/02/2022", None),
        ("202207", date(2022, 7, 1)),
        ("jun-25", date(2025, 6, 1)),
        ("Dic-2024", date(2024, 12, 1)),
        (" Enero de 2025 ", date(2025, 1, 1)),
        ("jan-25", date(2025, 1, 1)),
        ("sept. 2024", date(2024, 9, 1)),
        ("25-jun", None),  # the 25th, or 2025
        ("jun-2", None),
        ("junk-25", None),
        ("martes 25", None),
        ("jun-1925", None),
        ("44743", None),
        ("", None),
        (None, None),
    ],
)
def test_month_of_iso(text: str | None, expected: date | None) -> None:
    assert one(parse.month_of_iso, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/31/25", date(2025, 1, 1)),
        ("01/31/2025", date(2025, 1, 1)),
        ("12/1/99", date(2099, 12, 1)),
        ("11/31/22", date(2022, 11, 1)),
        (" 7/31/22 ", date(2022, 7, 1)),
        ("13/31/22", None),
        ("31/12/2022", None),
        ("0/1/22", None),
        ("1/1/222", None),
        ("2022-01-31", date(2022, 1, 1)),
        ("", None),
        (None, None),
    ],
)
def test_month_of_american(text: str | None, expected: date | None) -> None:
    assert one(parse.month_of_american, text) == expected


@fast
@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_spelling_of_a_day_is_its_month(day: date) -> None:
    first = day.replace(day=1)
    assert one(parse.month_of_period, f"{day:%Y%m}") == first
    assert each(parse.month_of_iso, f"{day:%Y-%m-%d %H:%M:%S}", f"{day.year}/{day.month}/{day:%d}") == [first] * 2
    american = (f"{day.month}/{day.day}/{day:%y}", f"{day:%m/%d/%Y}")
    assert each(parse.month_of_american, *american) == [first] * 2


@fast
@given(st.lists(texts, max_size=20))
def test_any_text_is_a_first_of_month_or_none(rows: list[str]) -> None:
    for form in (parse.month_of_period, parse.month_of_iso, parse.month_of_american):
        months = each(form, *rows)
        assert len(months) == len(rows)
        assert all(month is None or month.day == 1 for month in months)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.5", 12.5),
        (" -3 ", -3.0),
        ("0", 0.0),
        ("1e-7", 1e-7),
        ("2658.123456", 2658.123456),
        ("1,5", None),
        ("n.d.", None),
        ("#DIV/0!", None),
        ("", None),
        (None, None),
    ],
)
def test_number(text: str | None, expected: float | None) -> None:
    assert one(parse.number, text) == expected


@pytest.mark.parametrize("text", ["1,5", "12,50", "0,1234", "1234,567", "1,,000", "1,000,5", "1.5,000"])
def test_a_comma_that_parts_no_thousands_is_no_number(text: str) -> None:
    assert one(lambda value: parse.number(parse.without_commas(value)), text) is None


def test_number_with_commas() -> None:
    texts = ["393,968", " 1,234,567.25 ", "-1,000", "12", "1.5", "1e3", ",", "", None]
    expected = [393968.0, 1234567.25, -1000.0, 12.0, 1.5, 1000.0, None, None, None]
    assert each(lambda text: parse.number(parse.without_commas(text)), *texts) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16.083136", 16.083136),
        ("1900-01-16 01:59:42.950", 16.083136),
        ("1900-01-16 00:00:00", 16.0),
        ("1899-12-31 12:00:00", 0.5),
        ("1900-02-28 12:00:00", 59.5),
        ("1900-03-01 00:00:00", 61.0),  # Excel counts 29 February 1900 as day 60
        ("1900-03-07 05:21:45.562", 67.223444),
        ("1907-04-11 06:00:00", 2658.25),
        ("n.d.", None),
        ("", None),
        (None, None),
    ],
)
def test_number_or_serial(text: str | None, expected: float | None) -> None:
    assert one(parse.number_or_serial, text) == expected


def test_words_lose_the_spaces_around_them_and_nothing_else() -> None:
    assert each(parse.words, " BANSÍ  S.A. ", "HSBC", "   ", "", None) == ["BANSÍ  S.A.", "HSBC", None, None, None]
