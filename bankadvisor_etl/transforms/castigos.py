"""Commercial write-offs: the losses of the month, and the delinquency rate that includes them."""

from __future__ import annotations

import polars as pl

from bankadvisor_etl.transforms.arithmetic import KEY, join_one, ratio


def write_offs_of_the_series(book: pl.DataFrame, castigos: pl.DataFrame | None) -> pl.DataFrame:
    """Fill in the write-offs of the month where ``castigos`` has no row.

    The series has write-offs and reliefs only together, so ``imor_comercial`` cannot be computed from it.

    Args:
        book: with ``quebrantos_serie`` (MDP), and the figures of ``write_offs`` if that source is present.
        castigos: the canonical frame of that source, if present.

    Returns:
        ``book`` with ``quebrantos_comerciales`` (MDP) and ``quebrantos_vs_cartera_cc`` (ratio).
    """
    if castigos is None:
        lost = pl.col("quebrantos_serie")
    else:
        has_row = castigos.select(*KEY, castigos_tiene=True)
        book = join_one(book, has_row)
        lost = pl.when("castigos_tiene").then("quebrantos_comerciales").otherwise("quebrantos_serie")
    return book.with_columns(quebrantos_comerciales=lost).with_columns(
        quebrantos_vs_cartera_cc=ratio(pl.col("quebrantos_comerciales"), pl.col("cartera_comercial_total"))
    )


def write_offs(book: pl.DataFrame, castigos: pl.DataFrame, published: pl.DataFrame | None = None) -> pl.DataFrame:
    """Add the figures that need write-offs; null for a month without a row in ``castigos``.

    The running sum of a year is unknown from its first unknown write-off on: a blank cell, or a missing row that an
    earlier file had.

    Args:
        book: the frame of ``transforms.cartera.loan_book``.
        castigos: the canonical frame of the source, MDP.
        published: the keys of the published bank-months that have write-offs.

    Returns:
        ``book`` with ``quebrantos_comerciales`` (MDP), ``quebrantos_vs_cartera_cc`` and ``imor_comercial`` (ratios).
    """
    castigos = castigos.select(*KEY, "castigos", "quitas")
    if published is not None:
        castigos = castigos.join(published.select(KEY), on=KEY, how="full", coalesce=True)
    year = ("codigo", pl.col("mes").dt.year())
    unknown = pl.col("castigos").is_null().cum_max().over(year)
    castigos = castigos.sort("mes").select(
        *KEY,
        quebrantos_comerciales=pl.col("castigos") + pl.col("quitas"),
        castigos_del_ano=pl.when(~unknown).then(pl.col("castigos").fill_null(0).cum_sum().over(year)),
    )
    lost, book_value = pl.col("castigos_del_ano"), pl.col("cartera_sin_gob_sin_vr")
    return join_one(book, castigos).with_columns(
        quebrantos_vs_cartera_cc=ratio(pl.col("quebrantos_comerciales"), pl.col("cartera_comercial_total")),
        imor_comercial=ratio(pl.col("vencida_sin_gob") + lost, book_value),
    )
