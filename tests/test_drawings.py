"""The charts of the report: scales, gaps, and portraits that lack figures."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET

import pytest

from bankadvisor_etl.looking.report import charts
from bankadvisor_etl.looking.report.drawing import LONGEST, Bands, Scale, apart, clipped, curve
from bankadvisor_etl.looking.report.portrait import Portrait, portrait
from bankadvisor_etl.warehouse.facts import FIGURES, Facts, Row

NOW = datetime(2025, 8, 1, tzinfo=UTC)


def drawn_of(banks: dict[str, dict[str, float | None]], months: int = 24) -> Portrait:
    """A portrait of banks whose figures are the same each month."""
    rows = [
        Row(month(place), "5" if bank == "SISTEMA" else f"04{number:04}", bank, dict.fromkeys(FIGURES) | figures, ())
        for number, (bank, figures) in enumerate(banks.items())
        for place in range(months)
    ]
    facts = Facts(rows, month(months - 1), 1, NOW, findings=(), invented=False)
    return portrait(facts, next(iter(banks)), None, NOW.date())


def month(place: int) -> date:
    return date(2023 + place // 12, place % 12 + 1, 1)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - ours


def test_a_scale_has_round_ends_and_room_for_all() -> None:
    for values, ticks in (
        ([0.0101, 0.0256], [0.01, 0.015, 0.02, 0.025, 0.03]),
        ([0, 1.99], [0, 0.5, 1, 1.5, 2]),
        ([0, 7.67], [0, 2, 4, 6, 8]),
        ([-0.02, 0.21], [-0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25]),
    ):
        scale = Scale.around(values, 0, 100)
        assert scale.ticks == pytest.approx(ticks)
        assert (scale(ticks[0]), scale(ticks[-1])) == pytest.approx((0, 100))
    assert [Scale.around(v, 0, 1).decimals(unit=0.01) for v in ([0, 0.5], [0.01, 0.0256], [0.02, 0.0203])] == [0, 1, 3]


@pytest.mark.parametrize("value", [0, 0.0234, -3.0, 1e9])
def test_a_scale_of_one_value(value: float) -> None:
    scale = Scale.around([value, value], 200, 10)
    assert 10 <= scale(value) <= 200
    assert len(scale.ticks) >= 2


def test_a_curve_has_gaps_and_shows_a_lonely_point() -> None:
    path = curve([None, (0, 1), (1, 2), None, (3, 4), None], "line")
    assert re.search(r'd="([^"]*)"', path)[1] == "M0,1 L1,2 M3,4h0"  # type: ignore[index]


def test_labels_that_would_touch_move_apart() -> None:
    assert apart(100, 104) == (94.5, 109.5)
    assert apart(104, 100) == (109.5, 94.5)
    assert apart(100, 130) == (100, 130)
    assert Bands(4, 100, 180).middle(3) == 170
    assert clipped("BANCO DE LA CIUDAD & SUS ALREDEDORES") == "BANCO DE LA CIUDAD & S"[: LONGEST - 1].rstrip() + "…"


@pytest.mark.parametrize("draw", [charts.delinquency, charts.largest, charts.segments, charts.heat_map])
@pytest.mark.parametrize("months", [1, 24])
@pytest.mark.parametrize("imor", [None, 0.0, 0.02, 0.9])
@pytest.mark.parametrize("capital", [None, -0.3, 0.2])
def test_whatever_is_missing_the_drawing_is_whole(
    draw: object, months: int, imor: float | None, capital: float | None
) -> None:
    figures = {"cartera_total": 5e4, "imor": imor, "icap_total": capital}
    shown = drawn_of({'A & B <"BANK">': figures, "SISTEMA": {**figures, "cartera_total": 7e6}}, months)
    root = parsed(draw(shown))  # type: ignore[operator]
    width, height = (float(number) for number in root.get("viewBox", "").split()[2:])
    for found in root.iter():
        for name in ("x", "cx", "x1", "x2"):
            assert 0 <= float(found.get(name, 0)) <= width
        for name in ("y", "cy", "y1", "y2"):
            assert 0 <= float(found.get(name, 0)) <= height
        assert float(found.get("width", 0)) >= 0
        assert float(found.get("height", 0)) >= 0


def test_each_figure_is_where_the_axis_has_it() -> None:
    shown = drawn_of(
        {
            "INVEX": {"cartera_total": 5e5, "imor": 0.02, "icap_total": 0.15},
            "BBVA": {"cartera_total": 1e6, "imor": 0.08, "icap_total": 0.2},
            "SISTEMA": {"cartera_total": 1.5e6, "imor": 0.05, "icap_total": 0.18, "empresarial_total": 1.5e6},
        }
    )
    bars = [rect for rect in parsed(charts.largest(shown)).iter("rect") if rect.get("height") == "15"]
    assert [rect.get("class") for rect in bars] == ["others", "bank"]
    assert float(bars[0].get("width", 0)) == pytest.approx(2 * float(bars[1].get("width", 0)))
    dots = [float(dot.get("cx", 0)) for dot in parsed(charts.largest(shown)).iter("circle")]
    scale = Scale.around([0, 0.105, 0.15, 0.2], 480, 670, steps=5)
    assert dots == pytest.approx([scale(0.2), scale(0.15)], abs=0.01)
    cells = [rect for rect in parsed(charts.heat_map(shown)).iter("rect") if rect.find("title") is not None]
    assert len(cells) == 48
    assert {(rect.findtext("title") or "").partition(",")[0]: rect.get("fill") for rect in cells} == {
        "BBVA": charts.HEAT[-1],
        "INVEX": "#fec661",  # halfway from the second to the third
    }
    stacks = [rect for rect in parsed(charts.segments(shown)).iter("rect") if rect.find("title") is not None]
    assert len(stacks) == 24 * 5
    assert sum(float(rect.get("height", 0)) > 0 for rect in stacks) == 24
