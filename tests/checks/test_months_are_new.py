from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from bankadvisor_etl.checks import months
from bankadvisor_etl.checks.audit import audit, audit_sources
from support.evidence import evidence, findings, passing
from support.frames import BBVA, INVEX, SISTEMA, cartera, coherent, icap, tasa_efectiva, tda

BOOK = cartera(*(coherent(code, 202507, ae_e1=10) for code in (INVEX, SISTEMA)))


def test_a_month_that_has_not_begun_is_an_error_in_every_source() -> None:
    given = evidence(
        cartera=BOOK,
        tda=tda((INVEX, 202507, 1.0), (INVEX, 202508, 1.0), (BBVA, 202509, 1.0)),
        tasa_efectiva=tasa_efectiva((202508, 1.0, 1.0), (202512, 1.0, 1.0)),
        instituciones=pl.DataFrame({"codigo": [INVEX], "nombre": ["INVEX"]}),
        today=date(2025, 8, 31),
    )
    found = findings(months.future, given)
    assert list(found) == ["future_cartera", "future_tda", "future_tasa_efectiva"]
    assert passing(found) == ["future_cartera"]
    assert {finding.severity for finding in found.values()} == {"error"}
    assert found["future_cartera"].observed == "newest 202507, 0 rows ahead of 202508"
    assert found["future_tda"].observed == "newest 202509, 1 rows ahead of 202508"
    assert found["future_tda"].sample == ("040012 202509",)
    assert found["future_tasa_efectiva"].sample == ("tasa_efectiva 202512",)


def test_a_month_is_no_future_on_its_first_day() -> None:
    book = cartera(coherent(INVEX, 202508, ae_e1=10))
    assert findings(months.future, evidence(cartera=book, today=date(2025, 8, 1)))["future_cartera"].passed
    assert not findings(months.future, evidence(cartera=book, today=date(2025, 7, 31)))["future_cartera"].passed


@pytest.mark.parametrize(
    ("today", "old", "passed"),
    [
        (date(2025, 7, 1), 0, True),
        (date(2025, 10, 31), 3, True),
        (date(2025, 11, 1), 4, False),
        (date(2026, 1, 1), 6, False),
    ],
)
def test_a_newest_month_that_is_old_is_a_warning(today: date, old: int, *, passed: bool) -> None:
    finding = findings(months.age, evidence(cartera=BOOK, today=today))["newest_month_recent"]
    assert (finding.severity, finding.passed) == ("warning", passed)
    assert (finding.observed, finding.expected) == (f"newest month 202507, {old} months old", "at most 3 months old")


def test_the_newest_month_is_the_newest_published_one() -> None:
    book = cartera(coherent(INVEX, 202504, ae_e1=10), coherent(INVEX, 202507))
    finding = findings(months.age, evidence(cartera=book))["newest_month_recent"]
    assert finding.observed == "newest month 202504, 4 months old"


def test_a_newest_month_that_repeats_the_one_before_is_a_warning() -> None:
    rows = [coherent(code, period, ae_e1=10) for code in (INVEX, BBVA) for period in (202506, 202507)]
    finding = findings(months.repeated, evidence(cartera=cartera(*rows)))["newest_month_differs"]
    assert (finding.severity, finding.passed) == ("warning", False)
    assert finding.observed == "every amount of every bank in 202507 is that of the month before"


def test_a_newest_month_with_one_new_figure_is_new() -> None:
    rows = [coherent(code, period, ae_e1=10) for code in (INVEX, BBVA) for period in (202505, 202506, 202507)]
    rows[-1]["res_co"] = -1.0
    finding = findings(months.repeated, evidence(cartera=cartera(*rows)))["newest_month_differs"]
    assert (finding.severity, finding.passed, finding.observed) == ("warning", True, "it differs")


def test_rounded_capital_is_a_warning_for_published_months() -> None:
    book = cartera(*(coherent(code, period, ae_e1=10) for code in (INVEX, BBVA) for period in (202404, 202405)))
    exact = [(INVEX, 202405, 16.25, 1.0, 1.0), (BBVA, 202405, 17.25, 1.0, 1.0)]
    unpublished = [(INVEX, 200601, 16.5, 1.0, 1.0)]
    passed = findings(months.rounded, evidence(cartera=book, icap=icap(*exact, *unpublished)))["icap_not_rounded"]
    assert (passed.severity, passed.passed, passed.observed, passed.sample) == ("warning", True, "none", ())
    rounded = [(INVEX, 202404, 16.3, 1.0, 1.0), (BBVA, 202404, 17.0, 1.0, 1.0)]
    finding = findings(months.rounded, evidence(cartera=book, icap=icap(*exact, *rounded)))["icap_not_rounded"]
    assert (finding.severity, finding.passed, finding.observed) == ("warning", False, "202404")
    assert (finding.expected, finding.sample) == ("no month", ("202404",))


def test_capital_that_is_not_there_is_not_looked_at() -> None:
    assert findings(months.rounded, evidence(cartera=BOOK)) == {}


def test_a_bank_without_a_name_is_a_warning() -> None:
    assert findings(months.names, evidence(cartera=BOOK))["banks_named"].passed
    finding = findings(months.names, evidence(cartera=BOOK, unnamed=("040998", "040999")))["banks_named"]
    assert (finding.severity, finding.passed) == ("warning", False)
    assert (finding.observed, finding.sample) == ("2 published under their codes", ("040998", "040999"))


def test_a_file_of_headers_alone_fails_its_floor_and_nothing_crashes() -> None:
    for given, name in (
        ({"cartera": BOOK, "tda": tda()}, "rows_floor_tda"),
        ({"cartera": cartera()}, "rows_floor_cartera"),
        ({"cartera": cartera()}, "some_figures"),
    ):
        assert not {f.name: f.passed for f in (*audit_sources(evidence(**given)), *audit(evidence(**given)))}[name]
