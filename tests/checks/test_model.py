from __future__ import annotations

import pytest

from bankadvisor_etl.checks.findings import Finding, Severity, Thresholds, failures, sample_of
from bankadvisor_etl.errors import ConfigurationError
from support.frames import BBVA, INVEX, SISTEMA, icap


def test_thresholds_are_those_of_the_contract() -> None:
    limits = Thresholds()
    floors = {name: limits.floor(name) for name in ("cartera", "icap", "tda", "castigos", "tasas", "instituciones")}
    assert floors == {"cartera": 5000, "icap": 500, "tda": 500, "castigos": 40, "tasas": 1, "instituciones": 1}
    assert (limits.rows_share, limits.rejects_share, limits.missing_share) == (0.9, 0.01, 0.01)
    assert (limits.stage_tolerance, limits.sistema_tolerance) == (1e-4, 1e-3)
    assert (limits.months_old, limits.imor_high, limits.jump, limits.restated_share) == (3, 0.15, 0.5, 0.05)


def test_thresholds_are_set_by_name() -> None:
    limits = Thresholds.parse(["floor_cartera=3000", "imor_high=.2", "floor_cartera=10"])
    assert (limits.floor("cartera"), limits.imor_high, limits.floor("icap")) == (10, 0.2, 500)
    assert Thresholds.parse([]) == Thresholds()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("floor_cartera", "threshold 'floor_cartera': not NAME=NUMBER"),
        ("floor_cartera=", "threshold 'floor_cartera=': not NAME=NUMBER"),
        ("floor_cartera=many", "threshold 'floor_cartera=many': not NAME=NUMBER"),
        ("floor_cartera=nan", "threshold 'floor_cartera=nan': not NAME=NUMBER"),
        ("jump=inf", "threshold 'jump=inf': not NAME=NUMBER"),
        ("floor_cartera=1,000", "threshold 'floor_cartera=1,000': not NAME=NUMBER"),
        ("floor_cartero=1", "threshold 'floor_cartero': not one of floor_cartera, floor_castigos, floor_icap, "),
        ("floor=1", "threshold 'floor': not one of "),
        ("=1", "threshold '': not one of "),
    ],
)
def test_a_threshold_that_is_none_is_a_configuration_error(setting: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Thresholds.parse(["imor_high=0.2", setting])
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 78


def test_samples_are_the_newest_ten_rows() -> None:
    rows = [
        (INVEX, 202501, 16.5, None, None),
        (SISTEMA, 202503, 12345678.0, 0.25, None),
        (BBVA, 202503, 2.0, 1.0, None),
    ]
    assert sample_of(icap(*rows), "icap_total") == (
        "040012 202503 icap_total=2",
        "5 202503 icap_total=1.23457e+07",
        "040059 202501 icap_total=16.5",
    )
    many = icap(*((INVEX, 202001 + month, 1.0, 1.0, 1.0) for month in range(12)))
    assert sample_of(many) == tuple(f"040059 2020{month:02}" for month in range(12, 2, -1))


def finding(name: str, severity: Severity, *sample: str, passed: bool = False) -> Finding:
    return Finding(name, severity, passed, "3 rows", "none", sample)


def test_only_errors_that_failed_stop_a_run() -> None:
    assert failures([]) is None
    assert failures([finding("a", "warning", "x"), finding("b", "error", passed=True)]) is None
    found = [finding("a", "error", "5 202501", "5 202412"), finding("b", "warning"), finding("c", "error")]
    assert failures(found) == (
        "nothing was published, since a: 3 rows; expected none; for one 5 202501 | c: 3 rows; expected none"
    )
