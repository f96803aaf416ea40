"""Handmade canonical frames, for tests of formulas and checks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.formats.sheet import Sheet
from bankadvisor_etl.sources import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

INVEX, BBVA, SISTEMA = "040059", "040012", "5"
SEGMENTS, STAGES = ("ae", "ef", "eg", "co", "vi"), ("e1", "e2", "e3", "vr")
AMOUNTS = [
    *(f"{book}_{stage}" for book in ("total", "comercial", *SEGMENTS) for stage in STAGES),
    *("todas", "reservas", *(f"res_{segment}" for segment in SEGMENTS)),
]
"""The 35 amounts of the loan book."""

Row = dict[str, Any]


def mes(period: int) -> date:
    """First day of the month ``YYYYMM``."""
    return date(period // 100, period % 100, 1)


def loans(codigo: str, period: int, **amounts: float | None) -> Row:
    """One row of the loan book; an amount that is not given is 0."""
    return {"codigo": codigo, "mes": mes(period), **dict.fromkeys(AMOUNTS, 0.0), **amounts}


def coherent(codigo: str, period: int, reservas: float = 0.0, **amounts: float) -> Row:
    """One row whose totals are those of the segments given (``ae_e1=100``)."""
    row = loans(codigo, period, reservas=reservas, **amounts)
    for stage in STAGES:
        row[f"comercial_{stage}"] = sum(row[f"{segment}_{stage}"] for segment in ("ae", "ef", "eg"))
        row[f"total_{stage}"] = sum(row[f"{segment}_{stage}"] for segment in SEGMENTS)
    row["todas"] = sum(row[f"total_{stage}"] for stage in STAGES)
    return row


def cartera(*rows: Row) -> pl.DataFrame:
    """The canonical frame of the loan book."""
    return _frame(rows, {"codigo": pl.String, "mes": pl.Date, **dict.fromkeys(AMOUNTS, pl.Float64)})


def castigos(*rows: tuple[str, int, float, float]) -> pl.DataFrame:
    """Code, month, write-offs and reliefs in MDP."""
    return _keyed(rows, {"castigos": pl.Float64, "quitas": pl.Float64})


def acumulados(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    """Code, month and the write-offs of castigos_comerciales, MDP."""
    return _keyed(rows, {"castigos": pl.Float64})


def icap(*rows: tuple[str, int, float | None, float | None, float | None]) -> pl.DataFrame:
    """Code, month, ICAP, CCB and CCF in percent."""
    return _keyed(rows, {"icap_total": pl.Float64, "icap_ccb": pl.Float64, "icap_ccf": pl.Float64})


def tda(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    """Code, month and TDA in percent."""
    return _keyed(rows, {"tda": pl.Float64})


def tasas(*rows: tuple[str, int, str, float, float]) -> pl.DataFrame:
    """Code, month, currency, portfolio, and portfolio times rate (percent)."""
    return _keyed(rows, {"moneda": pl.String, "saldo": pl.Float64, "saldo_por_tasa": pl.Float64})


def tasa_efectiva(*rows: tuple[int, float | None, float | None]) -> pl.DataFrame:
    """Month, rate of the system and of INVEX in percent."""
    schema = {"mes": pl.Date, "tasa_sistema": pl.Float64, "tasa_invex_consumo": pl.Float64}
    return _frame([dict(zip(schema, (mes(row[0]), *row[1:]), strict=True)) for row in rows], schema)


def plain_sheet(source: str, codigo: str, period: int, figure: float = 1.0) -> pl.DataFrame:
    """One row of any plain-sheet source: its key, and ``figure`` in every column of figures."""
    content = BY_NAME[source].content
    assert isinstance(content, Sheet)
    keys: dict[str, type[pl.DataType]] = {"codigo": pl.String, "mes": pl.Date}
    schema = {column.name: keys.get(column.name, pl.Float64) for column in content.columns}
    row = dict.fromkeys(schema, figure) | {"codigo": codigo, "mes": mes(period)}
    return _frame([{name: row[name] for name in schema}], schema)


def _keyed(rows: tuple[tuple[Any, ...], ...], values: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    schema = {"codigo": pl.String, "mes": pl.Date, **values}
    return _frame([dict(zip(schema, (row[0], mes(row[1]), *row[2:]), strict=True)) for row in rows], schema)


def _frame(rows: Any, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    table = pl.DataFrame(list(rows), schema=dict(schema), orient="row")
    return table.select(pl.int_range(2, pl.len() + 2, dtype=pl.UInt32).alias("fila"), pl.all())
