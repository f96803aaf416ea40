"""``alertas``: the known defects of a row's sources, so that readers do not trust a figure too much."""

from __future__ import annotations

from datetime import date

import polars as pl

from bankadvisor_etl.formats.parse import SISTEMA, is_bank

NEW_TDA_METHOD = date(2024, 10, 1)
MISPLACED_RELIEFS = (date(2025, 2, 1), date(2025, 3, 1))
"""``QUITAS_COMER`` is 0 in these months of ``CASTIGOS.xlsx``, and the amounts are in the columns next to it."""
NO_RELIEFS = 0.01
"""MDP; 202503 has 0.000053 where the months around it have hundreds."""
ROUNDED_SHARE = 0.9
EXACT = 1e-9


def repeated_months(cartera: pl.DataFrame, amounts: list[str]) -> list[date]:
    """Months in which every amount of every bank equals the month before: the source was filled in by hand.

    Both months need the same banks, and at least one amount must not be zero.
    """
    banks = cartera.filter(is_bank(pl.col("codigo"))).select("codigo", "mes", *amounts)
    before = banks.with_columns(pl.col("mes").dt.offset_by("1mo"))
    both = banks.join(before, on=["codigo", "mes"], how="full", coalesce=True, suffix="_antes")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_antes")) for name in amounts)
    alive = pl.any_horizontal(pl.col(name) != 0 for name in amounts)
    months = (
        both.group_by("mes").agg(same=same.all(), alive=alive.any()).filter(pl.col("same") & pl.col("alive"))["mes"]
    )
    return sorted(months)


def rounded_icap_months(icap: pl.DataFrame) -> list[date]:
    """Months in which at least 90 % of the banks' ICAPs (percent) have at most one decimal."""
    values = icap.filter(is_bank(pl.col("codigo")) & pl.col("icap_total").is_not_null())
    rounded = (pl.col("icap_total") - pl.col("icap_total").round(1)).abs() < EXACT
    return sorted(values.group_by("mes").agg(share=rounded.mean()).filter(pl.col("share") >= ROUNDED_SHARE)["mes"])


def months_without_reliefs(castigos: pl.DataFrame) -> list[date]:
    """The ``MISPLACED_RELIEFS`` in which the reliefs (``quitas``) of all banks together are still nearly zero."""
    months = castigos.group_by("mes").agg(pl.col("quitas").sum())
    return sorted(months.filter(pl.col("mes").is_in(MISPLACED_RELIEFS) & (pl.col("quitas") < NO_RELIEFS))["mes"])


def flags(
    columns: list[str], repeated: list[date], rounded: list[date], without_reliefs: list[date]
) -> dict[str, pl.Expr]:
    """The condition of each alert that the available sources allow, by name.

    Args:
        columns: the columns of the frame; an alert whose columns are missing is left out.
        repeated: the months that repeat the one before.
        rounded: the months with rounded ICAPs.
        without_reliefs: the months whose reliefs are missing.
    """
    has_tda = pl.col("tda_cartera_total").is_not_null()
    conditions = {"mes_repetido": pl.col("mes").is_in(repeated)}
    if "tda_cartera_total" in columns:
        conditions["tda_metodologia_202410"] = has_tda & (pl.col("mes") >= NEW_TDA_METHOD)
        conditions["tda_sistema_ponderada"] = pl.col("tda_ponderada") & (pl.col("codigo") == SISTEMA)
    if "quebrantos_comerciales" in columns:
        has_losses = pl.col("quebrantos_comerciales").is_not_null()
        conditions["quitas_en_cero"] = has_losses & pl.col("mes").is_in(without_reliefs)
    if "icap_total" in columns:
        conditions["icap_redondeado"] = pl.col("icap_total").is_not_null() & pl.col("mes").is_in(rounded)
    return conditions
