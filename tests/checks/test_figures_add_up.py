from __future__ import annotations

import pytest

from bankadvisor_etl.checks import figures
from bankadvisor_etl.checks.findings import Evidence, Finding, Thresholds
from support.evidence import evidence, findings, passing
from support.frames import BBVA, INVEX, SISTEMA, Row, cartera, coherent


def book(**invex: float | None) -> Evidence:
    """INVEX and BBVA of 100 MDP each, and their system; INVEX as given."""
    rows = [coherent(code, 202507, ae_e1=80, co_e2=10, vi_e3=10, reservas=-5) for code in (INVEX, BBVA)]
    rows[0] |= invex
    return evidence(cartera=cartera(*rows, coherent(SISTEMA, 202507, ae_e1=160, co_e2=20, vi_e3=20, reservas=-10)))


def failed(finding: Finding) -> tuple[str, bool]:
    return finding.severity, finding.passed


def test_the_total_of_each_stage_is_its_segments() -> None:
    found = findings(figures.stage_totals, book())
    assert passing(found) == list(found) == [f"stage_total_{stage}" for stage in ("e1", "e2", "e3", "vr")]
    assert found["stage_total_e1"].observed == "largest difference 0 MDP, 0 of 3 rows beyond"
    assert found["stage_total_e1"].expected == "at most 0.0001 MDP"


@pytest.mark.parametrize(("total", "ok"), [(80.00005, True), (79.99995, True), (80.0002, False), (None, False)])
def test_a_stage_whose_segments_make_another_total_is_an_error(total: float | None, *, ok: bool) -> None:
    found = findings(figures.stage_totals, book(total_e1=total))
    finding = found.pop("stage_total_e1")
    assert failed(finding) == ("error", ok)
    assert passing(found) == list(found)
    if not ok:
        difference = "80" if total is None else "0.0002"
        assert finding.observed == f"largest difference {difference} MDP, 1 of 3 rows beyond"
        assert finding.sample == (f"040059 202507 diferencia={difference}",)


def test_todas_is_the_sum_of_the_stages_from_2022() -> None:
    passed = findings(figures.todas, book())["todas_is_stages"]
    assert (failed(passed), passed.observed) == (("error", True), "largest difference 0 MDP, 0 of 3 rows beyond")
    finding = findings(figures.todas, book(todas=110.5))["todas_is_stages"]
    assert (failed(finding), finding.sample) == (("error", False), ("040059 202507 diferencia=10.5",))


def test_todas_is_zero_before_2022_and_not_looked_at() -> None:
    december, january = (coherent(INVEX, period, ae_e1=80) | {"todas": 0.0} for period in (202112, 202201))
    assert findings(figures.todas, evidence(cartera=cartera(december)))["todas_is_stages"].passed
    finding = findings(figures.todas, evidence(cartera=cartera(december, january)))["todas_is_stages"]
    assert finding.observed == "largest difference 80 MDP, 1 of 1 rows beyond"
    assert finding.sample == ("040059 202201 diferencia=80",)


def sums(*rows: Row) -> Finding:
    return findings(figures.sistema_is_sum, evidence(cartera=cartera(*rows)))["sistema_is_sum"]


def test_the_system_is_the_sum_of_its_banks_in_every_month() -> None:
    banks = [coherent(code, period, ae_e1=80, vi_e3=20) for code in (INVEX, BBVA) for period in (202506, 202507)]
    aggregate = coherent("159", 202507, ae_e1=999)
    june = coherent(SISTEMA, 202506, ae_e1=160.0005, vi_e3=39.9995)
    july = coherent(SISTEMA, 202507, ae_e1=160, vi_e3=40)
    finding = sums(*banks, aggregate, june, july)
    assert failed(finding) == ("error", True)
    assert finding.observed == "largest difference 0.0005 MDP, 0 of 2 rows beyond"
    assert finding.expected == "at most 0.001 MDP"


def test_a_system_that_is_not_the_sum_is_an_error_stage_by_stage() -> None:
    finding = sums(coherent(INVEX, 202507, ae_e1=80, vi_e3=20), coherent(SISTEMA, 202507, ae_e1=79.5, vi_e3=20.5))
    assert failed(finding) == ("error", False)
    assert finding.sample == ("5 202507 diferencia=0.5",)


def test_a_month_without_a_system_or_without_banks_is_an_error() -> None:
    months = coherent(INVEX, 202506, ae_e1=80), coherent(SISTEMA, 202506, ae_e1=80)
    finding = sums(*months, coherent(INVEX, 202507, ae_e1=80))
    assert (failed(finding), finding.sample) == (("error", False), ("no row of SISTEMA 202507 diferencia=80",))
    finding = sums(*months, coherent(SISTEMA, 202507, ae_e1=70))
    assert (failed(finding), finding.sample) == (("error", False), ("5 202507 diferencia=70",))


BOUNDS = ("amounts_not_negative", "reserves_not_positive", "vencida_within_total", "imor_between_0_and_1")


def test_honest_figures_are_within_their_bounds() -> None:
    found = findings(figures.bounds, book(reservas=0.0, res_ae=0.0000005, co_vr=-0.0000005, eg_e1=None))
    assert passing(found) == list(found) == list(BOUNDS)
    assert found["amounts_not_negative"] == Finding("amounts_not_negative", "error", True, "0 rows", "none")  # noqa: FBT003


@pytest.mark.parametrize(
    ("amounts", "name", "sample"),
    [
        ({"co_vr": -0.5}, "amounts_not_negative", "minimo=-0.5"),
        ({"todas": -2.0}, "amounts_not_negative", "minimo=-2"),
        ({"reservas": 3.0}, "reserves_not_positive", "maximo=3"),
        ({"res_vi": 0.25}, "reserves_not_positive", "maximo=0.25"),
    ],
)
def test_an_amount_of_the_wrong_sign_is_an_error(amounts: dict[str, float], name: str, sample: str) -> None:
    found = findings(figures.bounds, book(**amounts))
    assert passing(found) == [bound for bound in BOUNDS if bound != name]
    assert (failed(found[name]), found[name].observed) == (("error", False), "1 rows")
    assert found[name].sample == (f"040059 202507 {sample}",)


def test_more_past_due_than_there_is_is_an_error() -> None:
    found = findings(figures.bounds, book(total_e3=125.0))
    assert passing(found) == ["amounts_not_negative", "reserves_not_positive"]
    assert failed(found["vencida_within_total"]) == failed(found["imor_between_0_and_1"]) == ("error", False)
    assert found["vencida_within_total"].sample == ("040059 202507 exceso=25",)
    assert found["imor_between_0_and_1"].sample == ("040059 202507 imor=1.25",)


def test_a_negative_delinquency_rate_is_an_error() -> None:
    found = findings(figures.bounds, book(total_e3=-1.0))
    assert found["imor_between_0_and_1"].sample == ("040059 202507 imor=-0.01",)


def unusual(*rows: Row, **limits: float) -> dict[str, Finding]:
    return findings(figures.unusual, evidence(cartera=cartera(*rows), thresholds=Thresholds(**limits)))


def test_high_delinquency_is_a_warning() -> None:
    at, above = coherent(BBVA, 202507, ae_e1=85, ae_e3=15), coherent(INVEX, 202507, ae_e1=84, ae_e3=16)
    assert unusual(at)["imor_high"].passed
    finding = unusual(at, above)["imor_high"]
    assert (failed(finding), finding.observed) == (("warning", False), "1 rows")
    assert finding.sample == ("040059 202507 imor=0.16",)
    assert unusual(at, above, imor_high=0.2)["imor_high"].passed


@pytest.mark.parametrize(
    ("before", "after", "change"), [(100, 150, None), (100, 50, None), (100, 151, "0.51"), (100, 49, "-0.51")]
)
def test_a_portfolio_that_jumps_is_a_warning(before: float, after: float, change: str | None) -> None:
    finding = unusual(coherent(INVEX, 202506, ae_e1=before), coherent(INVEX, 202507, ae_e1=after))["cartera_jump"]
    assert failed(finding) == ("warning", change is None)
    assert finding.sample == (() if change is None else (f"040059 202507 cambio={change}",))


def test_jumps_are_from_the_month_before_of_the_same_bank_and_not_from_nothing() -> None:
    rows = [
        coherent(INVEX, 202504, ae_e1=1),  # 202505 is missing
        coherent(INVEX, 202506, ae_e1=100),
        coherent(BBVA, 202505, reservas=-1),  # nothing lent yet
        coherent(BBVA, 202506, ae_e1=500),
        coherent(SISTEMA, 202506, ae_e1=600),
    ]
    assert unusual(*rows)["cartera_jump"].passed
    finding = unusual(*rows, coherent(BBVA, 202507, ae_e1=1000), coherent(INVEX, 202507, ae_e1=130), jump=0.25)
    assert finding["cartera_jump"].sample == ("040012 202507 cambio=1", "040059 202507 cambio=0.3")
