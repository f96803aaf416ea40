from __future__ import annotations

import pytest

from bankadvisor_etl.checks import published
from bankadvisor_etl.checks.audit import audit_files, audit_publication
from bankadvisor_etl.checks.findings import Comparison, Thresholds
from support.evidence import evidence, findings, passing
from support.frames import BBVA, INVEX, SISTEMA, cartera, coherent, icap, loans, tda

BANKS = [f"04{number:04}" for number in range(1, 201)]


def comparison(*keys: tuple[str, int], figures: int = 0, changed: int = 0) -> Comparison:
    frame = cartera(*(loans(code, period) for code, period in keys)).select("codigo", "mes")
    return Comparison(frame, figures, changed)


BOOK = cartera(*(coherent(code, period, ae_e1=10) for code in (INVEX, SISTEMA) for period in (202506, 202507)))


def test_a_newest_month_that_goes_back_is_an_error() -> None:
    finding = findings(published.not_back, evidence(cartera=BOOK), comparison((INVEX, 202508), (INVEX, 202501)))
    back = finding["newest_month_not_back"]
    assert (back.severity, back.passed, back.observed) == ("error", False, "newest month 202507")
    assert back.expected == "202508 or later (--allow-removals accepts it)"


def test_the_same_newest_month_or_a_later_one_passes_and_removals_can_be_allowed() -> None:
    for newest in (202507, 202506):
        assert findings(published.not_back, evidence(cartera=BOOK), comparison((INVEX, newest)))[
            "newest_month_not_back"
        ].passed
    allowed = evidence(cartera=BOOK, allow_removals=True)
    assert findings(published.not_back, allowed, comparison((INVEX, 202508)))["newest_month_not_back"].passed
    assert findings(published.not_back, evidence(cartera=BOOK), comparison()) == {}


def test_nothing_published_is_missing() -> None:
    found = findings(published.none_missing, evidence(cartera=BOOK), comparison((INVEX, 202507), (SISTEMA, 202506)))
    assert passing(found) == ["few_published_missing", "no_published_missing"]
    assert found["few_published_missing"].observed == "0 of 2 published bank-months are missing (0.00%)"
    assert passing(findings(published.none_missing, evidence(cartera=BOOK), comparison())) == list(found)


@pytest.mark.parametrize(("missing", "few"), [(1, True), (2, True), (3, False)])
def test_up_to_a_hundredth_missing_is_a_warning_and_more_an_error(missing: int, *, few: bool) -> None:
    book = cartera(*(coherent(code, 202507, ae_e1=1) for code in BANKS[missing:]))
    keys = [(code, 202507) for code in BANKS]
    found = findings(published.none_missing, evidence(cartera=book), comparison(*keys))
    error, warning = found["few_published_missing"], found["no_published_missing"]
    assert (error.severity, error.passed, warning.severity, warning.passed) == ("error", few, "warning", False)
    observed = f"{missing} of 200 published bank-months are missing ({missing / 2:.2f}%)"
    assert error.observed == warning.observed == observed
    assert error.expected == "at most 1% (--allow-removals accepts it)"
    sample = tuple(f"{code} 202507" for code in BANKS[:missing])
    assert (error.sample, warning.sample) == (() if few else sample, sample)


def test_missing_months_can_be_allowed_or_their_share_set() -> None:
    keys = comparison((INVEX, 202507), (BBVA, 202507))
    accepted = evidence(cartera=BOOK, allow_removals=True)
    assert passing(findings(published.none_missing, accepted, keys)) == ["few_published_missing"]
    lenient = evidence(cartera=BOOK, thresholds=Thresholds(missing_share=0.5))
    assert passing(findings(published.none_missing, lenient, keys)) == ["few_published_missing"]


def test_a_month_that_rests_on_an_icap_is_not_missing_while_that_file_is() -> None:
    book = cartera(coherent(INVEX, 202507, ae_e1=1), loans(BBVA, 202507))
    keys = comparison((INVEX, 202507), (BBVA, 202507))
    assert passing(findings(published.none_missing, evidence(cartera=book), keys)) == [
        "few_published_missing",
        "no_published_missing",
    ]
    with_file = evidence(cartera=book, icap=icap((INVEX, 202507, 16.0, 1.0, 1.0)))
    assert passing(findings(published.none_missing, with_file, keys)) == []


@pytest.mark.parametrize(("changed", "passed"), [(0, True), (50, True), (51, False)])
def test_many_restated_figures_are_a_warning(changed: int, *, passed: bool) -> None:
    finding = findings(published.restated, evidence(cartera=BOOK), comparison(figures=1000, changed=changed))[
        "few_restated"
    ]
    assert (finding.severity, finding.passed, finding.expected) == ("warning", passed, "at most 5%")
    assert finding.observed == f"{changed} of 1,000 published figures change ({changed / 10:.2f}%)"


def test_the_first_run_restates_nothing() -> None:
    assert findings(published.restated, evidence(cartera=BOOK), comparison())["few_restated"].passed


def test_the_audit_makes_every_check_once() -> None:
    given = evidence(cartera=BOOK, icap=icap((INVEX, 202507, 16.25, 1.0, 1.0)), tda=tda((INVEX, 202507, 1.0)))
    names = [finding.name for finding in audit_files(given)]
    names += [finding.name for finding in audit_publication(given, comparison((INVEX, 202507)))]
    assert len(set(names)) == len(names)
    assert {
        *("file_tasas", "rows_floor_cartera", "rejects_icap", "coverage_icap", "coverage_tda", "stage_total_vr"),
        *("todas_is_stages", "sistema_is_sum", "amounts_not_negative", "imor_high", "cartera_jump", "future_tda"),
        *("newest_month_recent", "newest_month_differs", "icap_not_rounded", "banks_named", "newest_month_not_back"),
        *("few_published_missing", "no_published_missing", "few_restated"),
    } <= set(names)
