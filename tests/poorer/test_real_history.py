"""The regulator's real files, month by month: each new month is accepted, and a poorer file loses nothing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.checks.findings import failures
from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.job.compute import Result, compute
from bankadvisor_etl.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Change = Callable[[pl.DataFrame], pl.DataFrame]

MONTHS = [date(2022, 1, 1), date(2022, 9, 1), date(2023, 1, 1), date(2024, 4, 1), date(2024, 10, 1),
          *(date(2025, month, 1) for month in range(1, 8))]  # fmt: skip
JUNE, BANK = date(2025, 6, 1), "040059"


@pytest.fixture(scope="module")
def extracts(real_data: Path) -> dict[str, Extract]:
    found = {source.name: source.find(real_data) for source in SOURCES}
    return {source.name: source.read(path) for source in SOURCES if (path := found[source.name])}


def until(extracts: Mapping[str, Extract], month: date) -> dict[str, Extract]:
    """The files when this month was the newest."""
    cut = {
        name: reading.frame.filter(pl.col("mes") <= month) if "mes" in reading.frame.columns else reading.frame
        for name, reading in extracts.items()
    }
    return {name: Extract(frame, frame.height) for name, frame in cut.items() if frame.height}


def publish(result: Result) -> pl.DataFrame:
    """What a first run publishes from a result."""
    names = {"codigo_cnbv": "codigo", "fecha": "mes"}
    frame = result.publication.rename(names).drop("institucion")
    missing = [pl.lit(None, pl.Float64).alias(name) for name in METRICS if name not in frame.columns]
    return frame.with_columns(*missing).with_columns(pl.col(METRICS).fill_nan(None))


def lowered(extracts: Mapping[str, Extract]) -> Settings:
    return Settings(last_rows={name: reading.rows_read for name, reading in extracts.items()}, today=date(2025, 8, 15))


@pytest.mark.parametrize("month", MONTHS, ids=lambda month: f"{month:%Y%m}")
def test_each_month_arrives_without_an_alarm(extracts: dict[str, Extract], month: date) -> None:
    before = until(extracts, date(month.year - (month.month == 1), (month.month + 10) % 12 + 1, 1))
    first = compute(before, lowered({}))
    assert failures(first.findings) is None
    now = until(extracts, month)
    second = compute(now, lowered(before), publish(first))
    assert failures(second.findings) is None
    assert second.evidence.set_aside == ()
    assert second.publication["fecha"].max() == month


ONE = (pl.col("mes") == JUNE) & (pl.col("codigo") == BANK)
POORER: dict[str, tuple[str, Change, str]] = {
    "ICAP without values": ("icap", lambda f: f.with_columns(icap_total=pl.lit(None, pl.Float64)), "aside"),
    "ICAP as of 202406": ("icap", lambda f: f.filter(pl.col("mes") <= date(2024, 6, 1)), "aside"),
    "June's ICAP as a fraction": (
        "icap",
        lambda f: f.with_columns(icap_total=pl.col("icap_total") * (1 - 0.99 * (pl.col("mes") == JUNE))),
        "error",
    ),
    "one CCF is blank": (
        "icap", lambda f: f.with_columns(icap_ccf=pl.when(~ONE).then("icap_ccf")), "kept",
    ),
    "TDA without values": ("tda", lambda f: f.with_columns(tda=pl.lit(None, pl.Float64)), "aside"),
    "TDA from 202407 on": ("tda", lambda f: f.filter(pl.col("mes") >= date(2024, 7, 1)), "aside"),
    "TDA without the system's rows": ("tda", lambda f: f.filter(pl.col("codigo") != "5"), "aside"),
    "TDA without one row of the system's": (
        "tda", lambda f: f.filter((pl.col("codigo") != "5") | (pl.col("mes") != date(2021, 12, 1))), "kept",
    ),
    "reserves without values": ("cartera", lambda f: f.with_columns(reservas=pl.lit(None, pl.Float64)), "error"),
    "a month of the book in thousands": (
        "cartera",
        lambda f: f.with_columns(
            pl.when(pl.col("mes") == JUNE).then(pl.col(name) / 1000).otherwise(pl.col(name)).alias(name)
            for name, kind in f.schema.items() if kind == pl.Float64
        ),
        "error",
    ),
    "one relief is blank": (
        "castigos", lambda f: f.with_columns(quitas=pl.when(~ONE).then("quitas")), "kept",
    ),
    "a month of write-offs in pesos": (
        "castigos",
        lambda f: f.with_columns(castigos=pl.when(pl.col("mes") == JUNE).then(pl.col("castigos") * 1e6).otherwise(
            "castigos")),
        "error",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", POORER)
def test_what_is_poorer_changes_nothing(extracts: dict[str, Extract], name: str) -> None:
    source, change, how = POORER[name]
    published = publish(compute(extracts, lowered({})))
    frame = change(extracts[source].frame)
    result = compute({**extracts, source: Extract(frame, extracts[source].rows_read)}, lowered({}), published)
    if how == "error":
        assert failures(result.findings) is not None
        return
    assert failures(result.findings) is None
    assert result.evidence.set_aside == ((source,) if how == "aside" else ())
    figures = [column for column in METRICS if column in result.publication.columns]
    key = ["codigo", "mes", "variable"]
    new = result.publication.rename({"codigo_cnbv": "codigo", "fecha": "mes"}).unpivot(figures, index=key[:2])
    old = published.unpivot(figures, index=key[:2]).drop_nulls()
    both = old.join(new.drop_nulls(), on=key, suffix="_new")
    assert both.filter(pl.col("value_new") != pl.col("value")).rows() == []
    kept = old.join(new.drop_nulls(), on=key, how="anti").height
    assert (kept > 0) == (how == "kept")
