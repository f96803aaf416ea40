"""Commercial write-offs: what was lost in the month, and the delinquency rate that counts it ."""

from __future__ import annotations

import polars as pl

from bankadvisor_etl.transforms.arithmetic import join_one, ratio


def write_offs(book: pl.DataFrame, castigos: pl.DataFrame) -> pl.DataFrame:
    """Add the figures that need write-offs; null for a month without a row in ``castigos``.

    Args:
        book: the frame of ``transforms.cartera.loan_book``.
        castigos: the canonical frame of the source, MDP.

    Returns:
        ``book`` with ``quebrantos_comerciales`` (MDP), ``quebrantos_vs_cartera_cc`` and ``imor_comercial`` (ratios).
    """
    castigos = castigos.sort("mes").select(
        "codigo",
        "mes",
        quebrantos_comerciales=pl.col("castigos") + pl.col("quitas"),
        castigos_del_ano=pl.col("castigos").cum_sum().over("codigo", pl.col("mes").dt.year()),
    )
    lost, book_value = pl.col("castigos_del_ano"), pl.col("cartera_sin_gob_sin_vr")
    return join_one(book, castigos).with_columns(
        quebrantos_vs_cartera_cc=ratio(pl.col("quebrantos_comerciales"), pl.col("cartera_comercial_total")),
        imor_comercial=ratio(pl.col("vencida_sin_gob") + lost, book_value),
    )
