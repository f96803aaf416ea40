"""The worked examples of the contract, on the regulator's own files.

They compare the oracle with figures that were published or computed by hand, so that it can check the rest.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from support import oracle

if TYPE_CHECKING:
    from pathlib import Path

    Figures = dict[tuple[dt.date, str], dict[str, object]]

pytestmark = pytest.mark.real

BANAMEX, BBVA, INVEX, SISTEMA = "040002", "040012", "040059", "5"


def month(text: str) -> dt.date:
    return dt.date(int(text[:4]), int(text[4:]), 1)


@pytest.fixture(scope="module")
def figures(real_data: Path) -> Figures:
    return oracle.monthly_kpis(real_data)


def test_5235_rows_are_published(figures: Figures) -> None:
    banks = [code for _, code in figures if code != SISTEMA]
    assert len(figures) == 5235
    assert len(banks) == 5132
    assert len(set(banks)) == 55
    assert len({fecha for fecha, _ in figures}) == 103
    assert (min(figures)[0], max(figures)[0]) == (month("201701"), month("202507"))


# Month, bank, column, and the figure with the digits of the contract or the regulator.
ANCHORS: list[tuple[str, str, str, float, float]] = [
    ("202507", INVEX, "cartera_total", 47571.073654, 5e-7),
    ("202507", INVEX, "cartera_total_etapa_3", 1117.700246, 5e-7),
    ("202507", INVEX, "cartera_vencida", 1117.700246, 5e-7),
    ("202507", INVEX, "imor", 0.023495, 5e-7),
    ("202507", INVEX, "icor", 2.441632, 5e-7),
    ("202507", INVEX, "pe_total", 0.057367, 5e-7),
    ("202507", INVEX, "market_share_pct", 0.620378, 5e-7),
    ("202507", BBVA, "market_share_pct", 25.9907, 5e-5),
    ("202507", SISTEMA, "market_share_pct", 100.0, 0),
    ("202112", SISTEMA, "cartera_total", 5415660.81, 5e-3),
    ("202506", SISTEMA, "icap_total", 0.20000618, 5e-9),
    ("202209", BANAMEX, "icap_ccb", 0.16083136, 5e-9),
    ("202409", INVEX, "tda_cartera_total", 0.06995, 5e-6),
    ("202410", INVEX, "tda_cartera_total", 0.02047, 5e-6),
    ("202412", INVEX, "tasa_sistema", 35.7, 0),
    ("202412", INVEX, "tasa_invex_consumo", 27.0, 0),
]


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda anchor: "-".join(anchor[:3]))
def test_known_figure(figures: Figures, anchor: tuple[str, str, str, float, float]) -> None:
    periodo, code, column, expected, tolerance = anchor
    assert figures[month(periodo), code][column] == pytest.approx(expected, rel=0, abs=tolerance)


def test_ccb_cells_typed_as_dates_are_the_serials(figures: Figures) -> None:
    """In 202209 most banks' CCB equals their ICAP, before and after day 60 of 1900."""
    american_express = figures[month("202209"), "040103"]
    assert american_express["icap_ccb"] == pytest.approx(american_express["icap_total"], abs=1e-9)
    assert american_express["icap_total"] == pytest.approx(0.67223444, abs=5e-9)


def test_names_are_the_current_ones(figures: Figures) -> None:
    names = {code: row["banco_norm"] for (_, code), row in figures.items()}
    assert len(set(names.values())) == len(names) == 56
    assert {code: names[code] for code in ("040154", "040138", "040128", "040124")} == {
        "040154": "COVALTO",
        "040138": "UALA",
        "040128": "KAPITAL",
        "040124": "CITI MEXICO",
    }
    assert (names[SISTEMA], names[INVEX], names["040150"]) == ("SISTEMA", "INVEX", "INMOBILIARIO MEXICANO")


def test_alertas_stand_where_the_files_are_known_to_be_wrong(figures: Figures) -> None:
    rows = Counter(alerta for row in figures.values() for alerta in _alertas(row))
    assert rows == {
        "mes_repetido": 48,
        "tda_metodologia_202410": 464,
        "tda_sistema_ponderada": 31,
        "quitas_en_cero": 92,
        "icap_redondeado": 51,
    }
    assert _months_of(figures, "mes_repetido") == {month("202507")}
    assert _months_of(figures, "icap_redondeado") == {month("202404")}
    assert min(_months_of(figures, "tda_sistema_ponderada")) == month("202301")


def test_nothing_is_rated_where_there_is_no_loans_file(figures: Figures) -> None:
    assert not any({"tasa_mn", "tasa_me"} & set(row) for row in figures.values())


def test_the_banks_shares_add_to_the_system(figures: Figures) -> None:
    shares: dict[dt.date, float] = defaultdict(float)
    for (fecha, code), row in figures.items():
        share = row["market_share_pct"]
        assert isinstance(share, float)
        shares[fecha] += share if code != SISTEMA else 0.0
    assert max(abs(share - 100) for share in shares.values()) < 1e-6


def _alertas(row: dict[str, object]) -> list[str]:
    alertas = row["alertas"]
    assert isinstance(alertas, list)
    return alertas


def _months_of(figures: Figures, alerta: str) -> set[dt.date]:
    return {fecha for (fecha, _), row in figures.items() if alerta in _alertas(row)}
