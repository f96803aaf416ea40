"""Capital, adjusted delinquency and rates, with figures computed by hand."""

from __future__ import annotations

import polars as pl
import pytest

from bankadvisor_etl.transforms import enhanced
from bankadvisor_etl.transforms.cartera import loan_book
from support import frames
from support.frames import BBVA, INVEX, SISTEMA, cartera, icap, loans, mes, tasa_efectiva, tda


def book(*periods: int) -> pl.DataFrame:
    """INVEX with 300 MDP, BBVA with 100 and a system of 400, in each month."""
    weights = {INVEX: 300.0, BBVA: 100.0, SISTEMA: 400.0}
    return loan_book(
        cartera(*(loans(c, p, ae_e1=weight) for p in periods or (202501,) for c, weight in weights.items()))
    )


def by_key(frame: pl.DataFrame, *columns: str) -> dict[tuple[str, str], object]:
    rows = frame.select("codigo", pl.col("mes").dt.strftime("%Y%m"), *columns).rows()
    frame = frame.fill_nan(None)
    return {(code, month): values[0] if len(columns) == 1 else tuple(values) for code, month, *values in rows}


def test_capital_is_a_ratio_of_the_percent_in_the_file() -> None:
    percents = icap((INVEX, 202501, 16.083136, 14.5, None), (SISTEMA, 202501, 2658.0, 0.0, -3.0))
    frame = enhanced.joined(book(), {"icap": percents})
    assert by_key(frame, "icap_total", "icap_ccb", "icap_ccf") == {
        (INVEX, "202501"): (pytest.approx(0.16083136), pytest.approx(0.145), None),
        (BBVA, "202501"): (None, None, None),
        (SISTEMA, "202501"): (pytest.approx(26.58), 0.0, -0.03),
    }


def test_capital_twice_for_a_month_raises() -> None:
    with pytest.raises(pl.exceptions.ComputeError, match="m:1"):
        enhanced.joined(book(), {"icap": icap((INVEX, 202501, 1.0, 1.0, 1.0), (INVEX, 202501, 1.0, 1.0, 1.0))})


def test_the_systems_delinquency_is_read_where_it_is_there() -> None:
    frame = enhanced.adjusted_delinquency(
        book(202212), tda((INVEX, 202212, 2.0), (BBVA, 202212, 6.0), (SISTEMA, 202212, 5.5))
    )
    assert by_key(frame, "tda_cartera_total", "tda_ponderada") == {
        (INVEX, "202212"): (0.02, False),
        (BBVA, "202212"): (0.06, False),
        (SISTEMA, "202212"): (0.055, False),
    }


def test_the_systems_delinquency_is_computed_where_it_is_not() -> None:
    frame = enhanced.adjusted_delinquency(book(202301), tda((INVEX, 202301, 2.0), (BBVA, 202301, 6.0)))
    assert by_key(frame, "tda_cartera_total", "tda_ponderada") == {
        (INVEX, "202301"): (0.02, False),
        (BBVA, "202301"): (0.06, False),
        (SISTEMA, "202301"): (pytest.approx(0.03), True),  # (0.02 x 300 + 0.06 x 100) / 400
    }


def test_banks_without_a_figure_weigh_nothing() -> None:
    frame = enhanced.adjusted_delinquency(book(202301, 202302), tda((INVEX, 202301, 2.0), (BBVA, 202301, None)))
    assert by_key(frame, "tda_cartera_total", "tda_ponderada") == {
        (INVEX, "202301"): (0.02, False),
        (BBVA, "202301"): (None, False),
        (SISTEMA, "202301"): (pytest.approx(0.02), True),
        (INVEX, "202302"): (None, False),
        (BBVA, "202302"): (None, False),
        (SISTEMA, "202302"): (None, False),
    }


def test_a_null_of_the_system_is_computed_too_and_banks_without_loans_give_none() -> None:
    empty = loan_book(cartera(loans(INVEX, 202301), loans(SISTEMA, 202301, ae_e1=1.0)))
    frame = enhanced.adjusted_delinquency(empty, tda((INVEX, 202301, 2.0), (SISTEMA, 202301, None)))
    assert by_key(frame, "tda_cartera_total", "tda_ponderada")[SISTEMA, "202301"] == (None, False)
    frame = enhanced.adjusted_delinquency(book(202301), tda((INVEX, 202301, 2.0), (SISTEMA, 202301, None)))
    assert by_key(frame, "tda_cartera_total", "tda_ponderada")[SISTEMA, "202301"] == (pytest.approx(0.02), True)


def test_a_rate_is_weighted_with_the_portfolio_zero_rates_included() -> None:
    """The contract's example: ten rows at 0 % with 102 M in all and one of 7.8 % and 62 M are 2.9488 %."""
    rates = enhanced.corporate_rates(book(), frames.tasas((INVEX, 202501, "me", 164.0, 483.6)))  # 7.8 x 62 = 483.6
    found = by_key(rates, "tasa_mn", "tasa_me")[INVEX, "202501"]
    assert found == (None, pytest.approx(0.029487804878, abs=1e-12))


def test_rates_are_by_currency_and_udis_feed_none() -> None:
    rates = enhanced.corporate_rates(
        book(),
        frames.tasas(
            (INVEX, 202501, "mn", 100.0, 1250.0),
            (INVEX, 202501, "me", 50.0, 350.0),
            (INVEX, 202501, "udis", 1000.0, 99_000.0),
            (BBVA, 202501, "mn", 300.0, 3150.0),
            (BBVA, 202502, "mn", 300.0, 99_000.0),
        ),
    )
    assert by_key(rates, "tasa_mn", "tasa_me") == {
        (INVEX, "202501"): (0.125, 0.07),  # 1250 / 100, 350 / 50
        (BBVA, "202501"): (0.105, None),  # 3150 / 300
        (SISTEMA, "202501"): (0.11, 0.07),  # (1250 + 3150) / (100 + 300), 350 / 50
    }


def test_only_udis_rates_leave_both_columns_null() -> None:
    rates = enhanced.corporate_rates(book(), frames.tasas((INVEX, 202501, "udis", 10.0, 50.0)))
    assert rates.schema["tasa_mn"] == rates.schema["tasa_me"] == pl.Float64
    assert by_key(rates, "tasa_mn", "tasa_me")[INVEX, "202501"] == (None, None)


def test_a_portfolio_of_zero_has_no_rate() -> None:
    rates = enhanced.corporate_rates(
        book(), frames.tasas((INVEX, 202501, "mn", 0.0, 0.0), (BBVA, 202501, "mn", 1.0, 0.0))
    )
    assert by_key(rates.fill_nan(None), "tasa_mn") == {
        (INVEX, "202501"): None,
        (BBVA, "202501"): 0.0,
        (SISTEMA, "202501"): 0.0,
    }


def test_the_systems_rate_is_over_every_institution_and_no_aggregate() -> None:
    rates = enhanced.corporate_rates(
        book(),
        frames.tasas(
            (INVEX, 202501, "mn", 100.0, 1000.0),
            ("068001", 202501, "mn", 100.0, 3000.0),  # not a bank, and without a row
            (SISTEMA, 202501, "mn", 900.0, 90_000.0),  # aggregates already include the others
            ("159", 202501, "mn", 900.0, 90_000.0),
        ),
    )
    assert by_key(rates, "tasa_mn")[SISTEMA, "202501"] == 0.2  # (1000 + 3000) / (100 + 100)
    assert rates.height == 3


def test_effective_rates_are_on_every_row_of_their_month_and_percent() -> None:
    rates = tasa_efectiva((202501, 35.7, 27.0), (202503, 36.0, None))
    frame = enhanced.effective_rates(book(202501, 202502, 202503), rates)
    values = by_key(frame, "tasa_sistema", "tasa_invex_consumo")
    assert {values[code, "202501"] for code in (INVEX, BBVA, SISTEMA)} == {(35.7, 27.0)}
    assert {values[code, "202502"] for code in (INVEX, BBVA, SISTEMA)} == {(None, None)}
    assert {values[code, "202503"] for code in (INVEX, BBVA, SISTEMA)} == {(36.0, None)}


def test_effective_rates_twice_for_a_month_raise() -> None:
    with pytest.raises(pl.exceptions.ComputeError, match="m:1"):
        enhanced.effective_rates(book(), tasa_efectiva((202501, 1.0, 1.0), (202501, 1.0, 1.0)))


def test_every_step_keeps_the_rows_and_their_order() -> None:
    before = book(202502, 202501)
    after = before.pipe(enhanced.joined, {"icap": icap((BBVA, 202501, 1.0, 1.0, 1.0))})
    after = after.pipe(enhanced.adjusted_delinquency, tda((BBVA, 202501, 1.0)))
    after = after.pipe(enhanced.corporate_rates, frames.tasas((BBVA, 202501, "mn", 1.0, 1.0)))
    after = after.pipe(enhanced.effective_rates, tasa_efectiva((202501, 1.0, 1.0)))
    assert after["codigo", "mes"].equals(before["codigo", "mes"])
    assert after["mes"][0] == mes(202502)
