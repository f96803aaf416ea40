"""Possible future variants of a bulletin's sheet: each is read like the original, or refused with its cell."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.errors import DataError
from bankadvisor_etl.sources.bulletin import cells_of
from support.grids import APRIL, MAY, MAY25, MONTHS, Rows, figure, grid, portfolio
from support.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable

HEADERS, DATES, FIRST = 2, 3, 4
"""Indexes of the row of headers, of the dates and of the first institution in ``portfolio``."""
BLOCKS = ("cartera_total", "imor", "icor", "perdida_esperada")

Cells = dict[tuple[str, date, str], float | None]


def read(rows: Rows, **more: Any) -> Cells:
    frame = cells_of("CCT", grid(rows, **more))
    assert set(frame["tema"]) == {"metrica"}
    return {
        (code or name, month, column): value
        for code, name, month, column, value in frame["codigo", "institucion", "mes", "columna", "valor"].rows()
    }


def expected(codes: tuple[str, ...] = ("5", "040012", "040059", "040128")) -> Cells:
    months = [month.replace(day=1) for month in MONTHS]
    return {
        (code, month, column): figure(bank, at, number)
        for bank, code in enumerate(codes)
        for at, column in enumerate(BLOCKS)
        for number, month in enumerate(months)
    }


def edited(*cells: tuple[int, int, Any]) -> Rows:
    rows = portfolio()
    for row, column, value in cells:
        rows[row] += [None] * (column + 1 - len(rows[row]))
        rows[row][column] = value
    return rows


def columns_shifted(by: int) -> Rows:
    return [[None] * by + row for row in portfolio()]


def names_in_the_first_column() -> Rows:
    return [row[1:] for row in portfolio()]


def rows_on_top(number: int) -> Rows:
    return [[]] * number + portfolio()


def blank_rows_between() -> Rows:
    rows = portfolio()
    return [*rows[: FIRST + 1], [], *rows[FIRST + 1 :]]


def dates_as(values: tuple[Any, Any, Any]) -> Rows:
    return portfolio(months=values)


def with_figures(rows: Rows, change: Callable[[Any], Any]) -> Rows:
    return [[change(cell) if isinstance(cell, float) else cell for cell in row] for row in rows]


def reordered(order: tuple[int, ...]) -> Rows:
    rows = portfolio()
    return [
        row[:2] + [cell for at in order for cell in (row[2:] + [None] * 12)[at * 3 : at * 3 + 3]]
        if len(row) > 2
        else row
        for row in rows
    ]


def inserted(header: str | None, dates: tuple[Any, Any, Any] = MONTHS, at: int = 1) -> Rows:
    """Another block after the first ``at``; for None, three columns without a header."""
    rows, place = portfolio(), 2 + 3 * at
    for number, row in enumerate(rows):
        if len(row) > 2:
            new = {HEADERS: [header, None, None], DATES: list(dates)}.get(number, [7.0, 8.0, 9.0])
            row[place:place] = new
    return rows


def headed(*headers: str) -> Rows:
    return portfolio(headers)


def ranks_before_names() -> Rows:
    return [[at - FIRST, *row[1:]] if FIRST <= at < FIRST + 4 else row for at, row in enumerate(portfolio())]


def second_row_of_headers() -> Rows:
    rows = portfolio()
    return [*rows[:FIRST], [None, None, *["Saldo"] * 12], *rows[FIRST:]]


def spacer_columns() -> Rows:
    """A blank column after each block."""
    return [
        row[:2] + [cell for at in range(4) for cell in [*row[2 + 3 * at : 5 + 3 * at], None]] if len(row) > 2 else row
        for row in portfolio()
    ]


READ: dict[str, Rows] = {
    "as it is": portfolio(),
    "one column further right": columns_shifted(1),
    "five columns further right": columns_shifted(5),
    "names in the first column": names_in_the_first_column(),
    "one row further down": rows_on_top(1),
    "nine blank rows on top": rows_on_top(9),
    "a blank row between institutions": blank_rows_between(),
    "blocks the other way round": reordered((3, 2, 1, 0)),
    "blocks in another order": reordered((2, 0, 3, 1)),
    "a new block between": inserted("Quitas y castigos (MDP)"),
    "a new block at the end": inserted("TDA (%)", at=4),
    "a new block in front": inserted("Número de sucursales", at=0),
    "a new block of other months": inserted("Variación anual (%)", (date(2020, 5, 1), date(2021, 5, 1), APRIL)),
    "a new block of percentages": inserted("Variación", ("%", "%", "%"), at=4),
    "blank columns between blocks": spacer_columns(),
    "dates are first days": dates_as((date(2025, 5, 1), date(2026, 4, 1), date(2026, 5, 1))),
    "dates are serials": dates_as((45_808, 46_142, 46_173)),
    "dates are serials with a point": dates_as(("45808", 46_142, 46_173)),
    "dates are words": dates_as(("may-25", "abr-26", "may-26")),
    "dates are English words": dates_as(("May-25", "Apr-26", "May-26")),
    "dates are long words": dates_as(("mayo de 2025", "abril de 2026", "mayo de 2026")),
    "dates with a footnote mark": dates_as((MAY25, APRIL, "may-26 1/")),
    "headers without footnote marks": portfolio(
        ("Cartera total (MDP)", "IMOR (%)", "ICOR (%)", "Pérdida esperada (%)")
    ),
    "headers with other marks": portfolio(
        ("Cartera total (MDP) */", "IMOR (%)5/", "ICOR (%)  12/ 3/", "Pérdida esperada (%)**")
    ),
    "headers in capitals without accents": portfolio(
        ("CARTERA TOTAL (MDP)", "IMOR (%)", "ICOR (%)", "PERDIDA ESPERADA (%)")
    ),
    "headers with line ends": portfolio(
        ("Cartera total\n(MDP)", " IMOR\n(%) 5/", "ICOR (%)", "Pérdida\n esperada (%)")
    ),
    "headers without units": headed("Cartera total", "IMOR", "ICOR", "Pérdida esperada"),
    "headers that are merged cells": portfolio(),
    "a title over the names": edited((HEADERS, 1, "Institución")),
    "a second row of headers": second_row_of_headers(),
    "a name with a footnote mark": edited((FIRST + 1, 1, "BBVA México 9/")),
    "a name with a glued mark": edited((FIRST + 2, 1, "Invex3/")),
    "a name in capitals": edited((FIRST + 1, 1, "BBVA MEXICO")),
    "a name with more spaces": edited((FIRST + 1, 1, "  BBVA   México ")),
    "a bank's former name": edited((FIRST + 3, 1, "Autofin")),
    "a bank's short name": edited((FIRST + 3, 1, "Kapital 2/")),
    "the system without its mark": edited((FIRST, 1, "SISTEMA")),
    "ranks before the names": ranks_before_names(),
    "numbers as text": with_figures(portfolio(), lambda value: f" {value} "),
    "numbers in scientific notation": with_figures(portfolio(), lambda value: f"{value:.6e}"),
    "a footnote in column A": [*portfolio(), ["Fuente: CNBV"]],
}


@pytest.mark.parametrize("variant", READ)
def test_read_as_the_sheet_itself(variant: str) -> None:
    merged = [(HEADERS, 2 + 3 * at, HEADERS, 4 + 3 * at) for at in range(4)] if "merged" in variant else []
    assert read(READ[variant], merged=merged) == expected()


@pytest.mark.parametrize("marker", ["n.a.", "N.A.", "n.c.", "n.d.", "n. d.", "-", " - ", "", None])
def test_a_marker_is_no_figure(marker: str | None) -> None:
    figures = expected() | {("040012", date(2026, 5, 1), "imor"): None}
    assert read(edited((FIRST + 1, 7, marker))) == figures


def test_an_unknown_bank_keeps_its_name() -> None:
    figures = read(edited((FIRST + 2, 1, "Banco Cuenca 4/")))
    assert figures == expected(("5", "040012", "Banco Cuenca", "040128"))


def test_a_name_is_never_taken_for_one_like_it() -> None:
    assert ("Invexx", MAY.replace(day=1), "imor") in read(edited((FIRST + 2, 1, "Invexx")))
    assert ("BBVA Mexicoo", MAY.replace(day=1), "imor") in read(edited((FIRST + 1, 1, "BBVA Mexicoo")))


def without_header(at: int) -> Rows:
    return edited((HEADERS, 2 + 3 * at, None))


def doubled(row: int) -> Rows:
    return edited((row, 1, "BBVA México"))


def headers_centred() -> Rows:
    rows = portfolio()
    rows[HEADERS] = [None, *rows[HEADERS]]
    return rows


def month_missing_in_a_block() -> Rows:
    return edited((DATES, 7, None))


REFUSED: dict[str, tuple[Rows, int | None, str | None, str | None]] = {
    "no dates": (edited(*((DATES, at, None) for at in range(2, 14))), None, None, None),
    "no headers": (edited(*((HEADERS, at, None) for at in range(2, 14))), 4, None, None),
    "a block without its header": (without_header(1), 4, "F", "2025-05-31 00:00:00"),
    "the first block without its header": (without_header(0), 4, "C", "2025-05-31 00:00:00"),
    "the last block without its header": (without_header(3), 4, "L", "2025-05-31 00:00:00"),
    "a header that is not known": (edited((HEADERS, 5, "Índice de morosidad")), 4, None, None),
    "a header in another unit": (edited((HEADERS, 2, "Cartera total (miles)")), 4, None, None),
    "a block missing": (reordered((0, 1, 2)), 4, None, None),
    "a block twice": (reordered((0, 1, 1, 2, 3)), 3, "I", "IMOR (%)  5/"),
    "a block twice under another mark": (inserted("IMOR (%) 8/", at=4), 3, "O", "IMOR (%) 8/"),
    "headers centred over their blocks": (headers_centred(), 4, "C", "2025-05-31 00:00:00"),
    "a header over a block's second date": (
        edited((HEADERS, 5, None), (HEADERS, 6, "IMOR (%)")),
        4,
        "F",
        "2025-05-31 00:00:00",
    ),
    "a month missing in a block": (month_missing_in_a_block(), 3, "F", "IMOR (%)  5/"),
    "a block of other months": (edited((DATES, 7, date(2026, 6, 30))), 3, "F", "IMOR (%)  5/"),
    "months out of order": (edited((DATES, 3, MAY), (DATES, 4, APRIL)), 4, "E", "2026-04-30 00:00:00"),
    "a month twice": (edited((DATES, 4, APRIL)), 4, "E", "2026-04-30 00:00:00"),
    "a day in the middle of a month": (edited((DATES, 4, date(2026, 5, 12))), 4, "E", "2026-05-12 00:00:00"),
    "a date misspelt": (edited((DATES, 4, "myo-26")), 4, "E", "myo-26"),
    "a date in Portuguese": (edited((DATES, 4, "fev-26")), 4, "E", "fev-26"),
    "dates in German": (dates_as(("Mai-25", "Okt-25", "Dez-25")), None, None, None),
    "columns inserted without a header": (inserted(None), 4, "F", "2025-05-31 00:00:00"),
    "a header inserted within a block": (edited((HEADERS, 3, "Nota")), 3, "F", "IMOR (%)  5/"),
    "other text in a cell": (edited((FIRST + 1, 7, "en revisión")), 6, "H", "en revisión"),
    "a number with commas": (edited((FIRST + 1, 7, "1,234.5")), 6, "H", "1,234.5"),
    "a decimal comma": (edited((FIRST + 1, 7, "1,5")), 6, "H", "1,5"),
    "a percent sign": (edited((FIRST + 1, 7, "1.5%")), 6, "H", "1.5%"),
    "a number in brackets": (edited((FIRST + 1, 7, "(12)")), 6, "H", "(12)"),
    "a number with a footnote mark": (edited((FIRST + 1, 7, "12.5 1/")), 6, "H", "12.5 1/"),
    "not a number": (edited((FIRST + 1, 7, "nan")), 6, "H", "nan"),
    "infinity": (edited((FIRST + 1, 7, "inf")), 6, "H", "inf"),
    "a number past all bounds": (edited((FIRST + 1, 7, 1e11)), 6, "H", "100000000000.0"),
    "an error": (edited((FIRST + 1, 7, "#REF!")), 6, "H", "#REF!"),
    "true": (edited((FIRST + 1, 7, "true")), 6, "H", "true"),
    "a number formatted as a date": (
        edited((FIRST + 1, 7, "1900-01-16 01:59:42.950")),
        6,
        "H",
        "1900-01-16 01:59:42.950",
    ),
    "a figure without a name": (edited((FIRST + 1, 1, None)), 6, "C", "2000.25"),
    "two names in a row": (edited((FIRST + 1, 0, "Bancos")), 6, "B", "BBVA México"),
    "a name in another column": (edited((FIRST + 1, 1, None), (FIRST + 1, 0, "BBVA")), 6, "A", "BBVA"),
    "an institution twice": (doubled(FIRST + 2), 7, "B", "BBVA México"),
    "an institution twice under two names": (edited((FIRST + 2, 1, "Autofin")), 8, "B", "Kapital Bank"),
    "an unknown bank twice": (
        edited((FIRST + 1, 1, "Banco Cuenca"), (FIRST + 2, 1, "BANCO CUENCA 1/")),
        7,
        "B",
        "BANCO CUENCA 1/",
    ),
    "a footnote over the figures": (edited((FIRST + 6, 3, "5/ Cartera")), 11, "D", "5/ Cartera"),
    "no institutions": (portfolio()[:FIRST], 4, None, None),
    "thousands of pesos": (edited((1, 1, "Cifras en miles de pesos")), 2, "B", "Cifras en miles de pesos"),
}


@pytest.mark.parametrize("variant", REFUSED)
def test_refused_with_its_cell(variant: str) -> None:
    rows, row, column, value = REFUSED[variant]
    place = {"file": "BE BM 202605.xlsx", "sheet": "CCT", "row": row, "column": column, "value": value}
    with refused(DataError, **{name: part for name, part in place.items() if part is not None}):
        read(rows)


@pytest.mark.parametrize("merged", [(FIRST + 1, 7, FIRST + 1, 8), (FIRST + 1, 7, FIRST + 2, 7)])
def test_merged_figures_are_refused(merged: tuple[int, int, int, int]) -> None:
    with refused(DataError, file="BE BM 202605.xlsx", sheet="CCT", row=6, column="H", value="2102.25"):
        read(portfolio(), merged=[merged])


def test_merged_footnotes_do_not_matter() -> None:
    assert read(portfolio(), merged=[(FIRST + 5, 1, FIRST + 5, 13)]) == expected()


@pytest.mark.parametrize("months", [(MAY25, APRIL), (MAY25, date(2025, 12, 31), APRIL, MAY), (MAY,)])
def test_blocks_of_any_number_of_months(months: tuple[date, ...]) -> None:
    assert {key[1] for key in read(portfolio(months=months))} == {month.replace(day=1) for month in months}
