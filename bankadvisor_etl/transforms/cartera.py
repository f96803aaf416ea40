"""The loan book: totals by segment, quality by stage, reserves."""

from __future__ import annotations

import polars as pl

from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.transforms.arithmetic import join_one, ratio, total

STAGES = ("e1", "e2", "e3", "vr")


def loan_book(cartera: pl.DataFrame) -> pl.DataFrame:
    """Every figure that needs only the loan book, one row for each row of ``cartera``.

    Args:
        cartera: the canonical frame of the source: ``codigo``, ``mes`` and the 35 amounts in MDP.

    Returns:
        ``codigo``, ``mes``; totals, stages and reserves in MDP; ratios; ``market_share_pct`` in percent. The amounts
        that other formulas need are kept under their canonical names.
    """
    return cartera.pipe(_totals).pipe(_stages).pipe(_reserves).pipe(_quality).pipe(_market_share)


def _totals(frame: pl.DataFrame) -> pl.DataFrame:
    segments = {
        "empresarial_total": "ae",
        "entidades_financieras_total": "ef",
        "entidades_gubernamentales_total": "eg",
        "cartera_consumo_total": "co",
        "cartera_vivienda_total": "vi",
    }
    frame = frame.with_columns(**{name: total(f"{s}_{e}" for e in STAGES) for name, s in segments.items()})
    private = pl.col("empresarial_total") + pl.col("entidades_financieras_total")
    return frame.with_columns(
        cartera_comercial_sin_gob=private,
        cartera_comercial_total=private + pl.col("entidades_gubernamentales_total"),
    ).with_columns(
        cartera_total=pl.col("cartera_comercial_total")
        + pl.col("cartera_consumo_total")
        + pl.col("cartera_vivienda_total")
    )


def _stages(frame: pl.DataFrame) -> pl.DataFrame:
    stages = {"etapa_1": "e1", "etapa_2": "e2", "etapa_3": "e3", "etapa_vr": "vr"}
    return frame.with_columns(
        cartera_vencida=pl.col("total_e3"),
        **{f"cartera_total_{name}": pl.col(f"total_{e}") for name, e in stages.items()},
        **{f"ct_{name}": ratio(pl.col(f"total_{e}"), pl.col("cartera_total")) for name, e in stages.items()},
    )


def _reserves(frame: pl.DataFrame) -> pl.DataFrame:
    before = frame.select("codigo", pl.col("mes").dt.offset_by("1mo"), reservas_antes="reservas")
    segments = {"pe_empresarial": "ae", "pe_consumo": "co", "pe_vivienda": "vi"}
    totals = {"ae": "empresarial_total", "co": "cartera_consumo_total", "vi": "cartera_vivienda_total"}
    return join_one(frame, before).with_columns(
        reservas_etapa_todas="reservas",
        reservas_variacion_mm=pl.col("reservas_antes") - pl.col("reservas"),
        pe_total=ratio(-pl.col("reservas"), pl.col("cartera_total")),
        **{name: ratio(-pl.col(f"res_{s}"), pl.col(totals[s])) for name, s in segments.items()},
    )


def _quality(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        vencida_sin_gob=total(("ae_e3", "ef_e3")),
        cartera_sin_gob_sin_vr=total(f"{s}_{e}" for s in ("ae", "ef") for e in ("e1", "e2", "e3")),
    ).with_columns(
        imor=ratio(pl.col("cartera_vencida"), pl.col("cartera_total")),
        icor=ratio(-pl.col("reservas"), pl.col("cartera_vencida")),
        cvc_cc=ratio(pl.col("vencida_sin_gob"), pl.col("cartera_sin_gob_sin_vr")),
    )


def _market_share(frame: pl.DataFrame) -> pl.DataFrame:
    system = frame.filter(pl.col("codigo") == SISTEMA).select("mes", cartera_sistema="cartera_total")
    share = ratio(pl.col("cartera_total"), pl.col("cartera_sistema")) * 100
    return join_one(frame, system, on=["mes"]).with_columns(market_share_pct=share)
