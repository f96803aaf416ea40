"""Balances, segments, funding and capital ratios from the monthly bulletins, for months that the series lacks."""

from __future__ import annotations

import polars as pl

from bankadvisor_etl.sources.balance import AMOUNTS, RATIOS, SEGMENT_RATIOS
from bankadvisor_etl.sources.catalogue import short_name

KEY, SEGMENT_KEY, PRODUCT_KEY = ("codigo", "mes"), ("codigo", "segmento", "mes"), ("codigo", "producto", "mes")


def newest(cells: pl.DataFrame) -> pl.DataFrame:
    """The figures of all bulletins, each from the newest bulletin that has it.

    Args:
        cells: the figures of ``sources.bulletin``, with ``boletin``, the month of the bulletin.

    Returns:
        The same columns; ``codigo`` is the institution's name if its code is unknown.
    """
    names = {name: short_name(name) for name in cells.filter(pl.col("codigo").is_null())["institucion"].unique()}
    by_name = pl.col("institucion").replace_strict(names, default=None, return_dtype=pl.String)
    known = cells.with_columns(codigo=pl.coalesce("codigo", by_name))
    return (
        known.filter(pl.col("valor").is_not_null())
        .sort("boletin", descending=True, maintain_order=True)
        .unique(("codigo", "mes", "tema", "grupo", "columna"), keep="first", maintain_order=True)
    )


def metricas(cells: pl.DataFrame) -> pl.DataFrame:
    """The frame of ``transforms.metricas.metricas`` from the ``newest`` figures."""
    frame = _pivot(cells.filter(pl.col("tema") == "metrica"), KEY, (*AMOUNTS, *RATIOS))
    return frame.filter(pl.any_horizontal(pl.col(*AMOUNTS).fill_null(0) != 0))


def segmentos(cells: pl.DataFrame) -> pl.DataFrame:
    """The frame of ``transforms.metricas.segmentos`` from the ``newest`` figures."""
    of_segments = cells.filter(pl.col("tema") == "segmento").rename({"grupo": "segmento"})
    frame = _pivot(of_segments, SEGMENT_KEY, ("cartera_total", *SEGMENT_RATIOS))
    return frame.filter(pl.any_horizontal(pl.exclude(SEGMENT_KEY).fill_null(0) != 0))


def captacion(cells: pl.DataFrame) -> pl.DataFrame:
    """``codigo``, ``producto``, ``mes`` and ``saldo`` (MDP) from the ``newest`` figures."""
    products = cells.filter((pl.col("tema") == "producto") & (pl.col("valor") != 0))
    return products.select("codigo", producto="grupo", mes="mes", saldo="valor").sort(PRODUCT_KEY)


def capital(cells: pl.DataFrame) -> pl.DataFrame:
    """``codigo``, ``mes``, ``icap_total``, ``icap_ccb`` and ``icap_ccf`` (percent) from the ``newest`` figures."""
    return _pivot(cells.filter(pl.col("tema") == "capital"), KEY, ("icap_total", "icap_ccb", "icap_ccf"))


def after(series: pl.DataFrame | None, bulletins: pl.DataFrame) -> pl.DataFrame:
    """The months of the series, followed by those that only bulletins have, with ``fuente`` ``boletin``.

    Args:
        series: a frame with ``mes`` and ``fuente``; None without the series.
        bulletins: the same rows from the bulletins, without ``fuente``.
    """
    marked = bulletins.with_columns(fuente=pl.lit("boletin"))
    if series is None:
        return marked
    return pl.concat([series, marked.join(series, on="mes", how="anti")], how="diagonal")


def _pivot(cells: pl.DataFrame, key: tuple[str, ...], columns: tuple[str, ...]) -> pl.DataFrame:
    wide = cells.pivot("columna", on_columns=list(columns), index=list(key), values="valor")
    return wide.sort(key)
