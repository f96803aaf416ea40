"""The publication that an ICAP comes from."""

from __future__ import annotations

import pytest

from bankadvisor_etl.transforms.capital import merged
from support.frames import BBVA, INVEX, icap, mes


def rows(*frames: object) -> list[tuple[object, ...]]:
    found = merged(*frames)  # type: ignore[arg-type]
    assert found is not None
    return sorted(found.rows())


def test_the_workbook_alone() -> None:
    assert rows(icap((INVEX, 202503, 14.5, 13.5, 12.5), (BBVA, 202503, None, None, None)), None, None) == [
        (BBVA, mes(202503), None, None, None, None),
        (INVEX, mes(202503), 14.5, 13.5, 12.5, "libro"),
    ]


def test_the_bulletin_of_capital_overrides_the_workbook_in_its_month() -> None:
    workbook = icap(
        (INVEX, 202502, 14.05, 13.0, 12.0), (INVEX, 202503, 14.1, 13.1, 12.1), (BBVA, 202503, 18.5, 18.0, 17.0)
    )
    official = icap((INVEX, 202503, 8.79, 8.7, None))
    assert rows(workbook, official, None) == [
        (BBVA, mes(202503), 18.5, 18.0, 17.0, "libro"),
        (INVEX, mes(202502), 14.05, 13.0, 12.0, "libro"),
        (INVEX, mes(202503), 8.79, 8.7, 12.1, "icap_cnbv"),
    ]


def test_a_month_that_only_a_bulletin_has() -> None:
    found = rows(icap((INVEX, 202503, 14.5, 13.5, 12.5)), None, icap((INVEX, 202504, 15.25, 15.0, 14.0)))
    assert found[1] == (INVEX, mes(202504), 15.25, 15.0, 14.0, "boletin")


@pytest.mark.parametrize(
    ("bulletin", "kept"),
    [(14.33, (14.3294, "libro")), (14.32, (14.32, "boletin")), (14.4, (14.4, "boletin")), (None, (14.3294, "libro"))],
)
def test_a_rounded_figure_does_not_replace_its_own_digits(bulletin: float | None, kept: tuple[float, str]) -> None:
    workbook = icap((INVEX, 202503, 14.3294, None, None))
    ((_, _, total, _, _, source),) = rows(workbook, None, icap((INVEX, 202503, bulletin, None, None)))
    assert (total, source) == kept


def test_a_rounded_workbook_gets_its_digits_back() -> None:
    workbook, official = icap((INVEX, 202404, 14.3, 13.3, 12.3)), icap((INVEX, 202404, 14.3294, 13.3294, 12.3294))
    assert rows(workbook, official, icap((INVEX, 202404, 14.33, 13.33, 12.33))) == [
        (INVEX, mes(202404), 14.3294, 13.3294, 12.3294, "icap_cnbv")
    ]


def test_without_any_source() -> None:
    assert merged(None, None, None) is None
