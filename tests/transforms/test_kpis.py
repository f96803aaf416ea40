"""What is published, and with which alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.transforms import kpis
from bankadvisor_etl.transforms.alertas import repeated_months, rounded_icap_months
from support import frames
from support.contract import FIGURES
from support.frames import (
    AMOUNTS,
    BBVA,
    INVEX,
    SISTEMA,
    cartera,
    castigos,
    coherent,
    icap,
    loans,
    mes,
    tasa_efectiva,
    tda,
)

if TYPE_CHECKING:
    import polars as pl

BANKS = [f"0400{number:02}" for number in range(10, 20)]


def computed(**sources: pl.DataFrame) -> kpis.Kpis:
    return kpis.monthly_kpis(kpis.base(sources), sources)


def alertas(found: kpis.Kpis) -> dict[tuple[str, str], list[str]]:
    return {(code, f"{month:%Y%m}"): tags for code, month, tags in found.frame["codigo", "mes", "alertas"].rows()}


def test_aggregates_are_no_banks_and_enter_no_sum() -> None:
    book = kpis.base(
        {
            "cartera": cartera(
                *(loans(code, 202501, ae_e1=10.0) for code in ("159", SISTEMA, "21", INVEX, "040131", "70"))
            )
        }
    )
    assert book["codigo"].to_list() == [SISTEMA, INVEX, "040131"]
    assert book["market_share_pct"].to_list() == [100.0, 100.0, 100.0]


@pytest.mark.parametrize("amount", ["ae_e1", "total_vr", "comercial_e2", "todas", "reservas", "res_eg"])
def test_one_amount_that_is_not_zero_publishes_a_month(amount: str) -> None:
    found = computed(cartera=cartera(loans(INVEX, 202501, **{amount: -0.000001}), loans(INVEX, 202502)))
    assert found.frame["codigo", "mes"].rows() == [(INVEX, mes(202501))]
    assert found.unpublished.rows() == [(INVEX, mes(202502))]


def test_nulls_alone_publish_nothing() -> None:
    found = computed(
        cartera=cartera(loans(INVEX, 202501, **dict.fromkeys(AMOUNTS, None)), coherent(SISTEMA, 202501, ae_e1=1))
    )
    assert found.frame["codigo"].to_list() == [SISTEMA]
    assert found.unpublished["codigo"].to_list() == [INVEX]


def test_an_icap_alone_publishes_a_month_and_zero_is_one() -> None:
    rows = (loans(INVEX, 202501), loans(INVEX, 202502), loans(INVEX, 202503), loans(INVEX, 202504))
    ratios = icap((INVEX, 202501, 16.0, None, None), (INVEX, 202502, 0.0, None, None), (INVEX, 202503, None, 1.0, 1.0))
    found = computed(cartera=cartera(*rows), icap=ratios)
    assert found.frame["mes"].to_list() == [mes(202501), mes(202502)]
    assert found.unpublished["mes"].to_list() == [mes(202503), mes(202504)]


def test_a_figure_of_another_source_alone_publishes_nothing() -> None:
    found = computed(
        cartera=cartera(loans(INVEX, 202501), loans(BBVA, 202501, ae_e1=1.0)),
        tda=tda((INVEX, 202501, 2.0)),
        castigos=castigos((INVEX, 202501, 1.0, 1.0)),
        tasas=frames.tasas((INVEX, 202501, "mn", 1.0, 1.0)),
    )
    assert found.frame["codigo"].to_list() == [BBVA]


def test_sources_without_a_row_in_the_loan_book_add_none() -> None:
    found = computed(cartera=cartera(coherent(BBVA, 202501, ae_e1=1)), icap=icap((INVEX, 202501, 16.0, 1.0, 1.0)))
    assert found.frame["codigo"].to_list() == [BBVA]


def test_rows_are_sorted_by_month_and_code() -> None:
    keys = [(INVEX, 202502), (BBVA, 202501), (SISTEMA, 202501), (INVEX, 202501), (BBVA, 202502)]
    found = computed(cartera=cartera(*(coherent(code, period, ae_e1=1) for code, period in keys)))
    assert found.frame["codigo", "mes"].rows() == [
        (BBVA, mes(202501)),
        (INVEX, mes(202501)),
        (SISTEMA, mes(202501)),
        (BBVA, mes(202502)),
        (INVEX, mes(202502)),
    ]


def test_the_columns_are_those_that_the_sources_at_hand_feed() -> None:
    book = cartera(coherent(INVEX, 202501, ae_e1=1))
    alone = computed(cartera=book)
    assert len(alone.frame.columns) == 2 + 27 + 1
    everything = computed(
        cartera=book,
        castigos=castigos((INVEX, 202501, 1.0, 1.0)),
        icap=icap((INVEX, 202501, 16.0, 15.0, 14.0)),
        tda=tda((INVEX, 202501, 2.0)),
        tasas=frames.tasas((INVEX, 202501, "mn", 1.0, 8.0)),
        tasa_efectiva=tasa_efectiva((202501, 35.7, 27.0)),
    )
    added = [name for name in everything.frame.columns if name not in {*alone.frame.columns, "fuente_icap"}]
    assert added == [
        *("imor_comercial", "quebrantos_comerciales", "quebrantos_vs_cartera_cc"),
        *("icap_total", "icap_ccb", "icap_ccf", "tda_cartera_total", "tasa_mn", "tasa_me"),
        *("tasa_sistema", "tasa_invex_consumo"),
    ]
    assert everything.frame.select(added).row(0) == (
        *(1.0, 2.0, 2.0),  # (0 + 1) / 1, 1 + 1, 2 / 1
        *(0.16, 0.15, 0.14, 0.02, 0.08, None, 35.7, 27.0),
    )
    texts = {"codigo", "mes", "alertas", "fuente_icap"}
    assert {*everything.frame.columns} - {*added, *texts} == {*FIGURES["cartera"]}


@pytest.mark.parametrize("source", [name for name in FIGURES if name not in {"cartera", "tasas", "serie"}])
def test_a_plain_sheet_feeds_its_figures_and_no_others(source: str) -> None:
    book = cartera(coherent(INVEX, 202501, ae_e1=1), coherent(BBVA, 202501, ae_e1=1))
    sheet = frames.plain_sheet(source, INVEX, 202501)
    alone, beside = computed(cartera=book).frame, computed(cartera=book, **{source: sheet}).frame
    assert [name for name in METRICS if name in {*beside.columns} - {*alone.columns}] == [*FIGURES[source]]
    figures = beside.select("codigo", *FIGURES[source]).rows_by_key("codigo")
    assert None not in figures[INVEX][0]
    of_a_bank = "codigo" in sheet.columns
    assert {value is None for value in figures[BBVA][0]} == {of_a_bank}
    assert alone.select(FIGURES["cartera"]).equals(beside.select(FIGURES["cartera"]))


def test_a_month_that_repeats_the_one_before_is_marked_on_every_row() -> None:
    keys = [(code, period) for code in (INVEX, BBVA, SISTEMA) for period in (202504, 202506, 202507)]
    found = computed(cartera=cartera(*(coherent(code, period, ae_e1=5, reservas=-1) for code, period in keys)))
    repeated = ["mes_repetido"]
    assert alertas(found) == {
        **{(code, "202504"): [] for code in (INVEX, BBVA, SISTEMA)},
        **{
            (code, "202506"): [] for code in (INVEX, BBVA, SISTEMA)
        },  # the same as 202504, which is not the month before
        **{(code, "202507"): repeated for code in (INVEX, BBVA, SISTEMA)},
    }


@pytest.mark.parametrize("amount", ["ae_e1", "todas", "reservas", "res_vi"])
def test_one_amount_that_differs_is_no_repetition(amount: str) -> None:
    rows = [coherent(code, period, ae_e1=5) for code in (INVEX, BBVA) for period in (202506, 202507)]
    assert repeated_months(cartera(*rows), AMOUNTS) == [mes(202507)]
    rows[-1][amount] += 0.000001
    assert repeated_months(cartera(*rows), AMOUNTS) == []


def test_nulls_repeat_nulls_and_only_nulls() -> None:
    rows = [coherent(INVEX, period, ae_e1=5) | {"co_e3": None} for period in (202506, 202507)]
    assert repeated_months(cartera(*rows), AMOUNTS) == [mes(202507)]
    rows[1]["co_e3"] = 0.0
    assert repeated_months(cartera(*rows), AMOUNTS) == []


def test_a_bank_that_comes_or_goes_is_no_repetition() -> None:
    june, july = coherent(INVEX, 202506, ae_e1=5), coherent(INVEX, 202507, ae_e1=5)
    assert repeated_months(cartera(june, july, coherent(BBVA, 202507, ae_e1=1)), AMOUNTS) == []
    assert repeated_months(cartera(june, july, coherent(BBVA, 202506, ae_e1=1)), AMOUNTS) == []
    assert repeated_months(cartera(june, july, coherent("159", 202507, ae_e1=1)), AMOUNTS) == [mes(202507)]


def test_months_without_an_amount_repeat_nothing() -> None:
    assert repeated_months(cartera(loans(INVEX, 202506), loans(INVEX, 202507)), AMOUNTS) == []


def test_the_new_method_of_tda_is_marked_from_202410_where_there_is_a_figure() -> None:
    rows = [coherent(code, period, ae_e1=period) for code in (INVEX, BBVA) for period in (202409, 202410, 202411)]
    found = computed(
        cartera=cartera(*rows), tda=tda((INVEX, 202409, 6.995), (INVEX, 202410, 2.047), (BBVA, 202411, 1.0))
    )
    marked = [key for key, tags in alertas(found).items() if tags == ["tda_metodologia_202410"]]
    assert marked == [(INVEX, "202410"), (BBVA, "202411")]


def test_a_system_that_was_computed_is_marked_and_a_system_that_was_read_is_not() -> None:
    rows = [coherent(code, period, ae_e1=period) for code in (INVEX, SISTEMA) for period in (202212, 202301, 202410)]
    figures = [(INVEX, period, 2.0) for period in (202212, 202301, 202410)]
    found = computed(cartera=cartera(*rows), tda=tda(*figures, (SISTEMA, 202212, 2.5)))
    assert alertas(found) == {
        (INVEX, "202212"): [],
        (SISTEMA, "202212"): [],
        (INVEX, "202301"): [],
        (SISTEMA, "202301"): ["tda_sistema_ponderada"],
        (INVEX, "202410"): ["tda_metodologia_202410"],
        (SISTEMA, "202410"): ["tda_metodologia_202410", "tda_sistema_ponderada"],
    }


def test_rounded_capital_is_marked_where_there_is_a_figure() -> None:
    rows = [coherent(code, 202404, ae_e1=5) for code in (*BANKS, INVEX, SISTEMA)]
    figures = [(code, 202404, 16.3, 16.25, 14.0) for code in BANKS]
    found = computed(cartera=cartera(*rows), icap=icap(*figures, (SISTEMA, 202404, 18.25, None, None)))
    marked = {code for (code, _), tags in alertas(found).items() if tags == ["icap_redondeado"]}
    assert marked == {*BANKS, SISTEMA}
    assert alertas(found)[INVEX, "202404"] == []


@pytest.mark.parametrize(("exact", "expected"), [(0, [mes(202404)]), (1, [mes(202404)]), (2, [])])
def test_a_month_is_rounded_when_nine_banks_of_ten_are(exact: int, expected: list[object]) -> None:
    figures = [(code, 202404, 16.25 if n < exact else 16.3 + n, None, None) for n, code in enumerate(BANKS)]
    others = [
        (SISTEMA, 202404, 18.123, None, None),
        ("159", 202404, 18.123, None, None),
        (INVEX, 202404, None, 1.0, 1.0),
    ]
    assert rounded_icap_months(icap(*figures, *others)) == expected


def test_alerts_that_no_source_can_tell_are_left_out() -> None:
    book = cartera(coherent(INVEX, 202501, ae_e1=1))
    assert computed(cartera=book).alertas == ("mes_repetido",)
    assert computed(cartera=book, icap=icap((INVEX, 202501, 1.0, 1.0, 1.0))).alertas == (
        "mes_repetido",
        "icap_redondeado",
    )
    tda_too = computed(cartera=book, tda=tda((INVEX, 202501, 1.0))).alertas
    assert tda_too == ("mes_repetido", "tda_metodologia_202410", "tda_sistema_ponderada")
