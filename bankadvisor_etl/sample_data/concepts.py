"""The concepts of the sample series: CNBV's numbers, and the header of the workbook's column for each amount."""

from __future__ import annotations

from bankadvisor_etl.sources.amounts import AMOUNTS

LABELS = AMOUNTS
"""The 35 amounts: name and header."""

CONCEPTOS = {
    "total_e1": 40100263,
    "total_e2": 40100302,
    "total_e3": 40100341,
    "total_vr": 40100380,
    "comercial_e1": 40100264,
    "comercial_e2": 40100303,
    "comercial_e3": 40100342,
    "comercial_vr": 40100381,
    "ae_e1": 40100265,
    "ae_e2": 40100304,
    "ae_e3": 40100343,
    "ae_vr": 40100382,
    "ef_e1": 40100274,
    "ef_e2": 40100313,
    "ef_e3": 40100352,
    "ef_vr": 40100391,
    "eg_e1": 40100278,
    "eg_e2": 40100317,
    "eg_e3": 40100356,
    "eg_vr": 40100395,
    "co_e1": 40100284,
    "co_e2": 40100323,
    "co_e3": 40100362,
    "co_vr": 40100401,
    "vi_e1": 40100295,
    "vi_e2": 40100334,
    "vi_e3": 40100373,
    "vi_vr": 40100412,
    "todas": 40100185,
    "reservas": 40100031,
    "res_ae": 40100060,
    "res_ef": 40100061,
    "res_eg": 40100062,
    "res_co": 40100033,
    "res_vi": 40100034,
    "quebrantos_comerciales": 40100039,
    "imor_cnbv": 40200017,
    "imora_cnbv": 40200033,
    "roa_12m": 40200001,
    "roe_12m": 40200002,
    "tda_cartera_total": 40200074,
}
"""Written out here and not imported from the transform, so that tests can compare the two."""
