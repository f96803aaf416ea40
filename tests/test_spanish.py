"""Months and numbers in Spanish, and edge cases of the charts."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from bankadvisor_etl.looking import spanish
from bankadvisor_etl.looking.report.charts import sparkline


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def test_months() -> None:
    assert [spanish.month(date(2025, number, 1)) for number in (1, 9, 12)] == [
        *("enero de 2025", "septiembre de 2025", "diciembre de 2025"),
    ]
    assert spanish.short_month(date(2006, 8, 1)) == "ago 06"
    assert spanish.moment(datetime(2026, 11, 24, 2, 5, tzinfo=UTC)) == "24 de noviembre de 2026, 02:05 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (spanish.number(47571.073654), "47,571"),
        (spanish.number(-1.5, 1), "-1.5"),
        (spanish.percent(0.023495), "2.35 %"),
        (spanish.percent(26.58, 1), "2,658.0 %"),
        (spanish.change(-0.262), "-26.2 %"),
        (spanish.change(0.0001), "0.0 %"),
        (spanish.points(0.00321), "+32 pb"),
        (spanish.points(-0.00004), "0 pb"),
        (spanish.figure("imor", 0.0235), "2.3500 %"),
        (spanish.figure("market_share_pct", 0.620378), "0.6204 %"),
        (spanish.figure("cartera_total", 47571.073654), "47,571.0737"),
        (spanish.many(1, "mes", "meses"), "1 mes"),
        (spanish.many(1200, "mes", "meses"), "1,200 meses"),
    ],
)
def test_numbers(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_what_there_is_not_is_a_dash() -> None:
    shown = {spanish.number(None), spanish.percent(None), spanish.change(None), spanish.points(None)}
    assert shown | {spanish.figure("imor", None), spanish.figure("market_share_pct", None)} == {spanish.NOTHING}


def test_a_sparkline_stays_in_its_box_and_skips_what_is_missing() -> None:
    points = [tuple(map(float, point.split(","))) for point in sparkline([1.0, None, 3.0, 2.0]).split()]
    assert points == [(2.0, 21.0), (66.0, 3.0), (98.0, 12.0)]
    assert sparkline([None, 1.0]) == sparkline([]) == ""
    assert [point.split(",")[1] for point in sparkline([0.5, 0.5]).split()] == ["21.0", "21.0"]
