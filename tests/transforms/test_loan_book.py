"""The formulas that need only the loan book, with figures computed by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankadvisor_etl.transforms.cartera import loan_book
from support.frames import BBVA, INVEX, SISTEMA, Row, cartera, loans

STAGES = ("e1", "e2", "e3", "vr")

# Segment by segment, stages 1, 2, 3 and VR, in MDP.
AE = {"ae_e1": 100.0, "ae_e2": 20.0, "ae_e3": 10.0, "ae_vr": 5.0}  # 135
EF = {"ef_e1": 50.0, "ef_e2": 4.0, "ef_e3": 6.0, "ef_vr": 1.0}  # 61
EG = {"eg_e1": 30.0, "eg_e2": 2.0, "eg_e3": 1.0, "eg_vr": 0.0}  # 33
CO = {"co_e1": 80.0, "co_e2": 10.0, "co_e3": 9.0, "co_vr": 0.0}  # 99
VI = {"vi_e1": 60.0, "vi_e2": 8.0, "vi_e3": 4.0, "vi_vr": 0.0}  # 72
TOTALS = {"total_e1": 320.0, "total_e2": 44.0, "total_e3": 30.0, "total_vr": 6.0}  # 400
RESERVES = {"reservas": -60.0, "res_ae": -27.0, "res_ef": -2.0, "res_eg": -1.0, "res_co": -24.75, "res_vi": -7.2}
INVEX_ROW = {**AE, **EF, **EG, **CO, **VI, **TOTALS, **RESERVES, "todas": 400.0, "comercial_e1": 180.0}


def book(*rows: Row) -> list[Row]:
    return list(loan_book(cartera(*rows)).fill_nan(None).iter_rows(named=True))


@pytest.fixture(scope="module")
def invex() -> Row:
    """One bank's month, with a system of 1,600 MDP and a month before with reserves of -45."""
    rows = book(
        loans(INVEX, 202412, reservas=-45.0),
        loans(INVEX, 202501, **INVEX_ROW),
        loans(SISTEMA, 202501, ae_e1=1000.0, co_e2=500.0, vi_vr=100.0, todas=9999.0),
    )
    return rows[1]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("empresarial_total", 135.0),
        ("entidades_financieras_total", 61.0),
        ("entidades_gubernamentales_total", 33.0),
        ("cartera_consumo_total", 99.0),
        ("cartera_vivienda_total", 72.0),
        ("cartera_comercial_total", 229.0),
        ("cartera_comercial_sin_gob", 196.0),
        ("cartera_total", 400.0),
        ("cartera_total_etapa_1", 320.0),
        ("cartera_total_etapa_2", 44.0),
        ("cartera_total_etapa_3", 30.0),
        ("cartera_total_etapa_vr", 6.0),
        ("cartera_vencida", 30.0),
        ("reservas_etapa_todas", -60.0),
        ("reservas_variacion_mm", 15.0),  # 60 - 45
        ("imor", 0.075),  # 30 / 400
        ("icor", 2.0),  # 60 / 30
        ("pe_total", 0.15),  # 60 / 400
        ("pe_empresarial", 0.2),  # 27 / 135
        ("pe_consumo", 0.25),  # 24.75 / 99
        ("pe_vivienda", 0.1),  # 7.2 / 72
        ("ct_etapa_1", 0.8),  # 320 / 400
        ("ct_etapa_2", 0.11),  # 44 / 400
        ("ct_etapa_3", 0.075),  # 30 / 400
        ("ct_etapa_vr", 0.015),  # 6 / 400
        ("cvc_cc", 0.08421052631578947),  # (10 + 6) / (100 + 20 + 10 + 50 + 4 + 6)
        ("market_share_pct", 25.0),  # 400 / 1600 x 100
    ],
)
def test_formula(invex: Row, column: str, expected: float) -> None:
    assert invex[column] == pytest.approx(expected, rel=1e-12)


def test_an_empty_bank_has_totals_of_zero_and_no_ratios() -> None:
    row = book(loans(INVEX, 202501))[0]
    assert (row["cartera_total"], row["cartera_vencida"], row["reservas_etapa_todas"]) == (0.0, 0.0, 0.0)
    ratios = ("imor", "icor", "pe_total", "pe_empresarial", "pe_consumo", "pe_vivienda", "cvc_cc", "market_share_pct")
    stages = tuple(f"ct_etapa_{stage}" for stage in ("1", "2", "3", "vr"))
    assert [row[name] for name in ratios + stages] == [None] * 12


def test_null_counts_as_zero_in_sums_over_stages() -> None:
    row = book(loans(INVEX, 202501, **{**INVEX_ROW, "ae_e2": None, "co_vr": None, "eg_e1": None}))[0]
    assert row["empresarial_total"] == 115.0
    assert row["cartera_consumo_total"] == 99.0
    assert row["entidades_gubernamentales_total"] == 3.0
    assert row["cartera_total"] == 350.0
    assert row["cvc_cc"] == pytest.approx(16 / 170)


def test_null_is_null_where_nothing_is_summed() -> None:
    row = book(loans(INVEX, 202501, **{**INVEX_ROW, "total_e3": None, "reservas": None, "res_co": None}))[0]
    nulls = ("cartera_vencida", "cartera_total_etapa_3", "reservas_etapa_todas", "imor", "icor", "pe_total")
    assert [row[name] for name in nulls] == [None] * 6
    assert (row["pe_consumo"], row["ct_etapa_3"], row["pe_vivienda"]) == (None, None, 0.1)


def test_no_past_due_loans_means_no_coverage_and_an_imor_of_zero() -> None:
    row = book(loans(INVEX, 202501, ae_e1=10.0, total_e1=10.0, reservas=-1.0))[0]
    assert (row["imor"], row["icor"], row["pe_total"], row["cvc_cc"]) == (0.0, None, 0.1, 0.0)


def test_coverage_is_unbounded() -> None:
    row = book(loans(INVEX, 202501, ae_e1=100.0, total_e3=0.001, reservas=-5.0))[0]
    assert row["icor"] == pytest.approx(5000)


def test_the_total_is_that_of_the_segments_before_ifrs9_too() -> None:
    row = book(loans(INVEX, 202112, ae_e1=7.0, vi_e3=3.0, total_e1=7.0, total_e3=3.0, todas=0.0))[0]
    assert (row["cartera_total"], row["imor"], row["ct_etapa_1"]) == (10.0, 0.3, 0.7)


def test_reserves_change_against_the_calendar_month_before_of_the_same_bank() -> None:
    reserves = {202411: -40.0, 202412: -45.0, 202502: -80.0, 202503: None, 202504: -90.0, 202505: -70.0}
    rows = [loans(INVEX, period, reservas=value) for period, value in reserves.items()]
    rows = book(*reversed(rows), loans(BBVA, 202501, reservas=-1000.0))
    changes = {f"{row['mes']:%Y%m}": row["reservas_variacion_mm"] for row in rows if row["codigo"] == INVEX}
    assert changes == {
        "202411": None,  # the first month
        "202412": 5.0,
        "202502": None,  # 202501 is missing
        "202503": None,  # null now
        "202504": None,  # null before
        "202505": -20.0,  # released
    }


def test_the_share_is_null_without_a_system_and_100_for_it() -> None:
    rows = book(
        loans(INVEX, 202412, ae_e1=3.0),
        loans(INVEX, 202501, ae_e1=3.0),
        loans(SISTEMA, 202501, ae_e1=12.0),
        loans(INVEX, 202502, ae_e1=3.0),
        loans(SISTEMA, 202502),
    )
    assert [row["market_share_pct"] for row in rows] == [None, 25.0, 100.0, None, None]


segment_amounts = st.fixed_dictionaries(
    {
        f"{segment}_{stage}": st.none() | st.floats(0, 1e7, allow_subnormal=False)
        for segment in ("ae", "ef", "eg", "co", "vi")
        for stage in STAGES
    }
)


@settings(max_examples=30, deadline=None, database=None)
@given(segment_amounts)
def test_published_totals_are_the_sums_of_the_segments(amounts: dict[str, float | None]) -> None:
    row = book(loans(INVEX, 202501, **amounts))[0]
    names = ("empresarial_total", "entidades_financieras_total", "entidades_gubernamentales_total")
    books = ("cartera_consumo_total", "cartera_vivienda_total")
    assert row["cartera_total"] == pytest.approx(math.fsum(v for v in amounts.values() if v is not None), rel=1e-12)
    assert row["cartera_comercial_total"] == pytest.approx(math.fsum(row[name] for name in names), rel=1e-12)
    assert row["cartera_total"] == pytest.approx(math.fsum(row[name] for name in names + books), rel=1e-12)
    assert row["cvc_cc"] is None or 0 <= row["cvc_cc"] <= 1
