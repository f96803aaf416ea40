from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.checks.scale import BOUNDS, scale
from bankadvisor_etl.sources import SOURCES, Source
from support.evidence import findings
from support.frames import INVEX, icap, tasa_efectiva, tda

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BANKS = [f"0400{number}" for number in range(10, 20)]
MONTHS = (202501, 202502, 202503, 202504, 202505)
SINGLE_LOANS = {"ef_e2", "eg_e2", "eg_e3"}
"""Checked against their totals instead: ``stage_total_e2`` and ``stage_total_e3``."""
EMPTY = {"eg_vr", "vi_vr"}
READ = [source for source in SOURCES if source.name in BOUNDS and source.name != "tasas"]


def _tda(*levels: float) -> pl.DataFrame:
    return tda(*((code, month, level + 0.01 * n) for month, level in zip(MONTHS, levels, strict=False)
                 for n, code in enumerate(BANKS)))  # fmt: skip


@pytest.mark.parametrize(
    ("levels", "months"),
    [
        ((3, 3, 3, 3, 3), []),
        ((3, 3, 3, 3, 0.03), ["202505"]),
        ((3, 3, 300, 3, 3), ["202503"]),
        ((300, 3, 3, 3, 3), ["202501"]),
        ((3, 3, 3, 300, 300), ["202505", "202504"]),
        ((3, 300), ["202502", "202501"]),
        ((3, 300, 3), ["202502"]),
        ((7, 7, 7, 2, 2), []),
        ((3,), []),
    ],
)
def test_the_months_in_another_unit_are_named(levels: Sequence[float], months: list[str]) -> None:
    finding = findings(scale, "tda", _tda(*levels))["scale_tda_tda"]
    assert (finding.severity, finding.passed) == ("error", not months)
    assert [sample.split()[0] for sample in finding.sample] == months


def test_one_column_of_three_is_named() -> None:
    rows = [(code, month, 16.0, 0.15 if month == 202505 else 15.0, 14.0) for code in BANKS for month in MONTHS]
    found = findings(scale, "icap", icap(*rows))
    assert [name for name, finding in found.items() if not finding.passed] == ["scale_icap_icap_ccb"]


def test_the_system_alone_is_enough_and_one_bank_alone_is_not() -> None:
    system = _tda(3, 3, 3, 3, 3).with_columns(codigo=pl.lit("5")).unique("mes")
    slipped = system.with_columns(tda=pl.when(pl.col("mes") == date(2025, 4, 1)).then(300.0).otherwise("tda"))
    finding = findings(scale, "tda", pl.concat([_tda(3, 3, 3, 3, 3), slipped]))["scale_tda_tda"]
    assert [sample.split()[:2] for sample in finding.sample] == [["202504", "sistema:"]]
    one = pl.col("codigo").eq(BANKS[0]) & pl.col("mes").eq(date(2025, 4, 1))
    bank = _tda(3, 3, 3, 3, 3).with_columns(tda=pl.when(one).then(300.0).otherwise("tda"))
    assert findings(scale, "tda", bank)["scale_tda_tda"].passed


def test_few_banks_and_a_source_without_codes() -> None:
    assert findings(scale, "tda", tda((INVEX, 202501, 1.0), (INVEX, 202502, 50.0)))["scale_tda_tda"].passed
    rates = tasa_efectiva((202410, 30.0, 35.0), (202412, 31.0, 36.0), (202502, 0.31, 36.0))
    found = findings(scale, "tasa_efectiva", rates)
    assert [name for name, finding in found.items() if not finding.passed] == ["scale_tasa_efectiva_tasa_sistema"]
    assert findings(scale, "tda", tda()) == {}


@pytest.mark.slow
def test_the_sample_data_trips_nothing(sample_dir: Path, small_dir: Path) -> None:
    for folder in (sample_dir, small_dir):
        for source in (source for source in SOURCES if source.name in BOUNDS):
            path = source.find(folder)
            assert path
            assert [f for f in scale(source.name, source.read(path).frame) if not f.passed] == []


@pytest.mark.parametrize("source", READ, ids=lambda source: source.name)
def test_the_real_history_trips_nothing_and_every_slip_does(real_data: Path, source: Source) -> None:
    path = source.find(real_data)
    assert path
    frame, columns = source.read(path).frame, list(BOUNDS[source.name])
    assert [finding for finding in scale(source.name, frame) if not finding.passed] == []
    months = frame["mes"].unique().sort().to_list()
    apart = {*months[:3], months[len(months) // 2], *months[-3:], date(2022, 1, 1), date(2024, 10, 1)} & {*months}
    flows = source.name.startswith("castigos")
    for month in sorted(apart):
        here = frame.filter(
            pl.col("mes") == month, (pl.col("codigo") == "5") if source.name == "cartera" else pl.lit(value=True)
        )
        expected = (
            {name for name in columns if here[name].fill_null(0).abs().sum() > 0} - SINGLE_LOANS - EMPTY - {"quitas"}
        )
        for factor in (100, 1_000, 1e6, 0.01, *(() if flows else (10, 0.1))):
            slipped = pl.when(pl.col("mes") == month).then(pl.col(columns) * factor).otherwise(pl.col(columns))
            found = findings(scale, source.name, frame.with_columns(slipped))
            tripped = {name.removeprefix(f"scale_{source.name}_") for name, f in found.items() if not f.passed}
            assert expected - tripped == set(), (month, factor)
