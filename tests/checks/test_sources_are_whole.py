from __future__ import annotations

from typing import Any

import pytest

from bankadvisor_etl.checks import sources
from bankadvisor_etl.checks.findings import Finding, Thresholds
from bankadvisor_etl.formats.extract import Extract
from support import frames
from support.contract import OPTIONAL
from support.evidence import evidence, findings, passing, rejects
from support.frames import BBVA, INVEX, SISTEMA, acumulados, cartera, castigos, coherent, icap, loans, tda

BOOK = cartera(*(coherent(code, 202507, ae_e1=10) for code in (INVEX, BBVA)), coherent(SISTEMA, 202507, ae_e1=20))


def test_an_optional_file_that_is_missing_is_a_warning() -> None:
    found = findings(sources.missing_files, evidence(cartera=BOOK, tda=tda((INVEX, 202507, 2.0))))
    assert list(found) == [f"file_{name}" for name in OPTIONAL]
    assert passing(found) == ["file_tda"]
    assert found["file_tasas"] == Finding(
        "file_tasas",
        "warning",
        passed=False,
        observed="missing: its columns keep what was last published",
        expected="the file CorporateLoan_CNBVDB.csv",
    )


@pytest.mark.parametrize(
    ("source", "floor"),
    [("cartera", 5000), ("icap", 500), ("tda", 500), ("castigos", 40), ("tasas", 1), ("tasa_efectiva", 1)],
)
def test_a_file_with_fewer_rows_than_it_can_have_is_an_error(source: str, floor: int) -> None:
    for rows, passed in ((floor, True), (floor - 1, False)):
        found = findings(sources.rows_floor, evidence({source: Extract(BOOK, rows)}, cartera=BOOK))
        finding = found[f"rows_floor_{source}"]
        assert (finding.severity, finding.passed) == ("error", passed)
        assert (finding.observed, finding.expected) == (f"{rows:,} rows", f"at least {floor:,} rows")


def test_the_floor_can_be_set() -> None:
    limits = Thresholds(floor_cartera=3)
    assert findings(sources.rows_floor, evidence(cartera=BOOK, thresholds=limits))["rows_floor_cartera"].passed


@pytest.mark.parametrize(("rows", "passed"), [(900, True), (899, False), (2000, True)])
def test_a_file_that_lost_a_tenth_of_its_rows_is_an_error(rows: int, *, passed: bool) -> None:
    found = findings(
        sources.rows_share,
        evidence({"tda": Extract(BOOK, rows)}, cartera=BOOK, last_rows={"tda": 1000, "icap": 7}),
    )
    assert list(found) == ["rows_share_tda"]
    finding = found["rows_share_tda"]
    assert (finding.severity, finding.passed, finding.observed) == ("error", passed, f"{rows:,} rows")
    assert finding.expected == "at least 900 of the 1,000 rows of the last success"


@pytest.mark.parametrize(("faults", "passed"), [(0, True), (1, True), (9, True), (10, False)])
def test_one_faulty_row_in_a_hundred_is_too_many(faults: int, *, passed: bool) -> None:
    rows = rejects(*((row, "is blank", True) for row in range(2, 2 + faults)))
    finding = findings(sources.rejects_share, evidence({"icap": Extract(BOOK, 1000, rows)}, cartera=BOOK))[
        "rejects_icap"
    ]
    assert (finding.severity, finding.passed) == ("warning", passed)
    assert finding.observed == f"{faults} of 1,000 rows ({faults / 10:.2f}%)"
    assert finding.expected == "under 1%"
    assert finding.sample == tuple(f"row {row}: is blank" for row in range(2, 2 + faults))


def test_rows_set_aside_that_are_no_faults_do_not_count() -> None:
    rows = rejects(*((row, "no rate", False) for row in range(2, 60)), (60, "is wrong", True))
    finding = findings(sources.rejects_share, evidence({"tasas": Extract(BOOK, 101, rows)}, cartera=BOOK))[
        "rejects_tasas"
    ]
    assert (finding.passed, finding.observed) == (True, "1 of 101 rows (0.99%)")
    assert finding.sample == ("row 60: is wrong",)


def test_the_limit_of_faults_can_be_set() -> None:
    given: dict[str, Any] = {"cartera": BOOK, "thresholds": Thresholds(rejects_share=0.5)}
    reading = Extract(BOOK, 3, rejects((2, "x", True)))
    assert findings(sources.rejects_share, evidence({"icap": reading}, **given))["rejects_icap"].passed


def test_every_icap_and_tda_of_a_published_month_reaches_the_table() -> None:
    ratios = icap((INVEX, 202507, 16.0, 15.0, 14.0), (BBVA, 202507, None, 1.0, 1.0), ("159", 202507, 1.0, 1.0, 1.0))
    figures = tda((INVEX, 202507, 2.0), (BBVA, 202507, 0.0), (INVEX, 202508, 9.0))
    found = findings(sources.coverage, evidence(cartera=BOOK, icap=ratios, tda=figures))
    assert {name: (f.severity, f.passed, f.observed) for name, f in found.items()} == {
        "coverage_icap": ("error", True, "1 of 1"),
        "coverage_tda": ("error", True, "2 of 2"),
    }


def test_a_value_that_is_lost_on_the_way_is_an_error() -> None:
    whole = evidence(cartera=BOOK, tda=tda((INVEX, 202507, 2.0), (BBVA, 202507, 3.0)))
    more = tda((INVEX, 202507, 2.0), (BBVA, 202507, 3.0), (SISTEMA, 202507, 2.5))
    lost = evidence(cartera=BOOK, tda=tda((INVEX, 202507, 2.0), (BBVA, 202507, None)))
    found = findings(sources.coverage, evidence({"tda": Extract(more, 3)}, cartera=BOOK, tda=more, kpis=lost.kpis))
    finding = found["coverage_tda"]
    assert (finding.severity, finding.passed) == ("error", False)
    assert (finding.observed, finding.expected) == ("2 of 3", "all of them")
    assert finding.sample == ("040012 202507",)
    assert findings(sources.coverage, whole)["coverage_tda"].passed


def test_coverage_is_not_asked_of_files_that_are_not_there() -> None:
    assert findings(sources.coverage, evidence(cartera=BOOK, tasas=frames.tasas((INVEX, 202507, "mn", 1.0, 1.0)))) == {}


FLOWS = castigos(
    (INVEX, 202402, 3.0, 0.0),
    (INVEX, 202401, 2.0, 0.0),
    (INVEX, 202312, 100.0, 0.0),
    (INVEX, 202409, 1.5, 0.0),
    (INVEX, 202410, 4.0, 0.0),
)
YEAR = cartera(*(loans(INVEX, period, ae_e1=1) for period in (202312, 202401, 202402, 202409, 202410)))


def test_both_files_of_write_offs_agree_while_the_one_is_accumulated() -> None:
    stated = acumulados(
        (INVEX, 202401, 2.0),
        (INVEX, 202402, 5.0009),  # 2 + 3, within a thousandth
        (INVEX, 202409, 6.5),  # 2 + 3 + 1.5
        (INVEX, 202410, 4.0),  # the month's flow from here on
        (INVEX, 202411, None),
        (BBVA, 202401, 99.0),  # not in the other file
    )
    found = findings(sources.castigos_agree, evidence(cartera=YEAR, castigos=FLOWS, castigos_comerciales=stated))
    finding = found["castigos_agree"]
    assert (finding.severity, finding.passed, finding.observed) == ("warning", True, "0 of 3 bank-months differ")


def test_write_offs_that_differ_are_a_warning() -> None:
    stated = acumulados((INVEX, 202401, 2.0), (INVEX, 202402, 3.0), (INVEX, 202409, 7.0), (INVEX, 202410, 999.0))
    found = findings(sources.castigos_agree, evidence(cartera=YEAR, castigos=FLOWS, castigos_comerciales=stated))
    finding = found["castigos_agree"]
    assert (finding.severity, finding.passed, finding.observed) == ("warning", False, "2 of 3 bank-months differ")
    assert finding.sample == ("040059 202409 diferencia=0.5", "040059 202402 diferencia=-2")


def test_one_file_of_write_offs_has_nothing_to_agree_with() -> None:
    assert findings(sources.castigos_agree, evidence(cartera=YEAR, castigos=FLOWS)) == {}
    stated = acumulados((INVEX, 202401, 2.0))
    assert findings(sources.castigos_agree, evidence(cartera=YEAR, castigos_comerciales=stated)) == {}
