from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.checks import published
from bankadvisor_etl.checks.audit import audit, audit_sources
from bankadvisor_etl.checks.findings import Thresholds
from bankadvisor_etl.checks.restated import Comparison, restated
from bankadvisor_etl.figures import METRICS
from support.evidence import evidence, findings, passing
from support.frames import BBVA, INVEX, SISTEMA, cartera, coherent, icap, loans, mes, tda

if TYPE_CHECKING:
    from collections.abc import Iterable

BANKS = [f"04{number:04}" for number in range(1, 201)]
BOOK = cartera(*(coherent(code, period, ae_e1=10) for code in (INVEX, SISTEMA) for period in (202506, 202507)))


def table(*keys: tuple[str, int], **figures: float | None) -> pl.DataFrame:
    """Published bank-months with only the given figures."""
    schema = {"codigo": pl.String, "mes": pl.Date, **dict.fromkeys(METRICS, pl.Float64)}
    rows = [{"codigo": code, "mes": mes(period), **figures} for code, period in keys]
    return pl.DataFrame(rows, schema=schema).with_columns(alertas=pl.lit([], pl.List(pl.String)), banco_norm="codigo")


def keys_of(codes: Iterable[str], period: int) -> list[tuple[str, int]]:
    return [(code, period) for code in codes]


@pytest.mark.parametrize(("newest", "passed"), [(202506, True), (202507, True), (202508, False)])
def test_a_newest_month_that_goes_back_is_an_error(newest: int, *, passed: bool) -> None:
    given = evidence(cartera=BOOK, published=table((INVEX, newest), (INVEX, 202501), cartera_total=1.0))
    back = findings(published.newest_not_back, given)["newest_month_not_back_cartera"]
    assert (back.severity, back.passed, back.stops) == ("error", passed, not passed)


def test_each_source_has_a_newest_month_of_values_of_its_own() -> None:
    capital = icap((INVEX, 202506, 16.0, 1.0, 1.0), (INVEX, 202507, None, None, None))
    given = evidence(cartera=BOOK, icap=capital, published=table((INVEX, 202507), icap_total=0.16))
    back = findings(published.newest_not_back, given)["newest_month_not_back_icap"]
    assert (back.severity, back.passed, back.stops) == ("warning", False, False)


def test_removals_can_be_allowed() -> None:
    given = evidence(cartera=BOOK, published=table((INVEX, 202508), cartera_total=1.0), allow_removals=True)
    assert findings(published.newest_not_back, given)["newest_month_not_back_cartera"].passed
    assert findings(published.figures_absent, given)["figures_absent_cartera"].passed


@pytest.mark.parametrize(("lacking", "few"), [(0, True), (1, True), (2, True), (3, False)])
def test_up_to_a_hundredth_of_a_source_is_kept_and_more_is_too_much(lacking: int, *, few: bool) -> None:
    book = cartera(*(coherent(code, 202507, ae_e1=1) for code in BANKS))
    capital = icap(*((code, 202507, 16.0, 1.0, 1.0) for code in BANKS[lacking:]))
    given = evidence(cartera=book, icap=capital, published=table(*keys_of(BANKS, 202507), icap_total=0.16))
    found = findings(published.figures_absent, given)
    absent, kept = found["figures_absent_icap"], found["figures_kept_icap"]
    assert (absent.severity, absent.passed) == ("warning", few)
    assert (kept.severity, kept.passed) == ("warning", not few or lacking == 0)
    assert absent.sample == (() if few else tuple(f"{code} 202507 ausentes=1" for code in BANKS[:lacking]))
    assert kept.keys == (tuple(f"{code} 202507" for code in BANKS[:lacking]) if few else ())


def test_a_ratio_without_a_value_is_not_absent() -> None:
    book = cartera(*(coherent(code, 202507, ae_e1=10, reservas=-1) for code in (INVEX, SISTEMA)))
    given = evidence(cartera=book, published=table((INVEX, 202507), icor=2.0))
    assert findings(published.figures_absent, given)["figures_kept_cartera"].passed


def test_nothing_published_is_missing() -> None:
    given = evidence(cartera=BOOK, published=table((INVEX, 202507), (SISTEMA, 202506)))
    found = findings(published.none_missing, given)
    assert passing(found) == ["few_published_missing", "no_published_missing"]
    assert findings(published.none_missing, evidence(cartera=BOOK)) == {}


@pytest.mark.parametrize(("missing", "few"), [(1, True), (2, True), (3, False)])
def test_up_to_a_hundredth_missing_is_a_warning_and_more_an_error(missing: int, *, few: bool) -> None:
    book = cartera(*(coherent(code, 202507, ae_e1=1) for code in BANKS[missing:]))
    found = findings(published.none_missing, evidence(cartera=book, published=table(*keys_of(BANKS, 202507))))
    error, warning = found["few_published_missing"], found["no_published_missing"]
    assert (error.severity, error.passed, warning.severity, warning.passed) == ("error", few, "warning", False)
    keys = tuple(f"{code} 202507" for code in BANKS[:missing])
    assert (error.sample, warning.sample, warning.keys) == (() if few else keys, keys, keys)


def test_missing_months_can_be_allowed_or_their_share_set() -> None:
    there = table((INVEX, 202507), (BBVA, 202507))
    accepted = evidence(cartera=BOOK, published=there, allow_removals=True)
    assert passing(findings(published.none_missing, accepted)) == ["few_published_missing"]
    lenient = evidence(cartera=BOOK, published=there, thresholds=Thresholds(missing_share=0.5))
    assert passing(findings(published.none_missing, lenient)) == ["few_published_missing"]


def test_a_month_that_rests_on_an_icap_is_not_missing_while_that_file_is() -> None:
    book = cartera(coherent(INVEX, 202507, ae_e1=1), loans(BBVA, 202507))
    there = table((INVEX, 202507), (BBVA, 202507), icap_total=0.16)
    found = findings(published.none_missing, evidence(cartera=book, published=there))
    assert passing(found) == ["few_published_missing", "no_published_missing"]
    capital = icap((INVEX, 202507, 16.0, 1.0, 1.0))
    assert passing(findings(published.none_missing, evidence(cartera=book, icap=capital, published=there))) == []


@pytest.mark.parametrize(("changed", "passed"), [(0, True), (50, True), (51, False)])
def test_many_restated_figures_are_a_warning(changed: int, *, passed: bool) -> None:
    finding = restated(Comparison(1000, changed), Thresholds())
    assert (finding.name, finding.severity, finding.passed) == ("few_restated", "warning", passed)


def test_the_first_run_restates_nothing() -> None:
    assert restated(Comparison(0, 0), Thresholds()).passed


def test_the_audit_makes_every_check_once() -> None:
    given = evidence(
        cartera=BOOK,
        icap=icap((INVEX, 202507, 16.25, 1.0, 1.0)),
        tda=tda((INVEX, 202507, 1.0)),
        published=table((INVEX, 202507)),
    )
    names = [finding.name for finding in (*audit_sources(given), *audit(given))]
    assert len(set(names)) == len(names)
    assert {
        *("file_tasas", "rows_floor_cartera", "rejects_icap", "coverage_icap", "coverage_tda", "stage_total_vr"),
        *("todas_is_stages", "sistema_is_sum", "amounts_not_negative", "imor_high", "cartera_jump", "future_tda"),
        *("newest_month_recent", "newest_month_differs", "icap_not_rounded", "banks_named", "figures_kept_tda"),
        *("few_published_missing", "no_published_missing", "figures_absent_cartera"),
    } <= set(names)
