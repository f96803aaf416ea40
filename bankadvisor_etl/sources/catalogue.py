"""The names of the institutions: the catalogue shipped with the package, completed from CNBV's workbook."""

from __future__ import annotations

import re
import unicodedata
from importlib.resources import files

import polars as pl

from bankadvisor_etl.formats.parse import is_bank

CATALOGUE = pl.Schema({"codigo": pl.String, "banco_norm": pl.String, "nombre_oficial": pl.String})


def shipped() -> pl.DataFrame:
    """The catalogue of the package, as ``CATALOGUE``: banks and SISTEMA with their current names.

    Built from CNBV's ``cat_instituciones_40.csv`` and ``Instituciones.xlsx``; where they differ, the CSV is newer.
    """
    return pl.read_csv((files("bankadvisor_etl.sources") / "catalogo.csv").read_bytes(), schema=CATALOGUE)


def short_name(name: str) -> str:
    """The form of ``banco_norm``: upper case, no accents, without a former name in brackets."""
    letters = unicodedata.normalize("NFKD", re.sub(r"\s*\(.*\)", "", name))
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).upper().split())


def catalogue(instituciones: pl.DataFrame | None, published: pl.DataFrame | None = None) -> pl.DataFrame:
    """The shipped catalogue, and the banks that are only in ``instituciones`` (``codigo``, ``nombre``).

    A bank whose name another bank already has keeps its code as its name. A bank that is in neither keeps the name
    under which it is ``published``, without an official one.
    """
    known = shipped()
    if instituciones is not None:
        known = _with_new_banks(known, instituciones)
    if published is None:
        return known
    names = published.filter(pl.col("banco_norm") != pl.col("codigo")).sort("mes").unique("codigo", keep="last")
    kept = names.select("codigo", "banco_norm", nombre_oficial=pl.lit(None, pl.String))
    kept = kept.join(known, on="codigo", how="anti").join(known, on="banco_norm", how="anti")
    return pl.concat([known, kept.unique("banco_norm", keep="none")])


def _with_new_banks(known: pl.DataFrame, instituciones: pl.DataFrame) -> pl.DataFrame:
    new = (
        instituciones.filter(is_bank(pl.col("codigo")))
        .join(known, on="codigo", how="anti")
        .select(
            "codigo",
            banco_norm=pl.col("nombre").map_elements(short_name, return_dtype=pl.String),
            nombre_oficial="nombre",
        )
    )
    return pl.concat([known, new.join(known, on="banco_norm", how="anti").unique("banco_norm", keep="none")])


def named(frame: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Add ``banco_norm`` by code; a bank that ``names`` lacks gets its code as its name.

    Args:
        frame: any frame with ``codigo``.
        names: the frame of ``catalogue``.
    """
    joined = frame.join(
        names.select("codigo", "banco_norm"), on="codigo", how="left", validate="m:1", maintain_order="left"
    )
    return joined.with_columns(pl.col("banco_norm").fill_null(pl.col("codigo")))


def unknown(frame: pl.DataFrame, names: pl.DataFrame) -> list[str]:
    """The codes of ``frame`` that ``names`` lacks."""
    return sorted(frame.join(names, on="codigo", how="anti")["codigo"].unique())
