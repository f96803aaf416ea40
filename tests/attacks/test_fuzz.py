"""A few of the cases of ``make fuzz``, always the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fuzz import Untouched, fuzz
from mutations import MUTATIONS
from trial import MEMORY

from bankadvisor_etl.checks.findings import Thresholds

if TYPE_CHECKING:
    from pathlib import Path

CASES = 80
SMALL = Thresholds(floor_cartera=100, floor_icap=100, floor_tda=100)


@pytest.fixture(scope="module")
def untouched(target_dir: Path) -> Untouched:
    return Untouched(target_dir, SMALL)


def test_mutated_files_are_refused_or_say_the_same(untouched: Untouched, hit: str, tmp_path: Path) -> None:
    report = fuzz(untouched, seconds=600, most=CASES, seed=2, dsn=hit, folder=tmp_path)
    assert report.not_held == []
    assert report.cases == CASES
    assert 0 < report.peak < MEMORY
    assert report.outcomes["the same figures"] > 0
    assert report.outcomes["refused, exit 74"] > 0
    assert sum(count for name, count in report.outcomes.items() if name.startswith("the whole command")) > 0


def test_a_figure_that_changes_unseen_is_reported(untouched: Untouched) -> None:
    """The judge detects a change in the sixth digit, and an additional bank-month."""
    changed = untouched.published.with_columns(icap_total=untouched.published["icap_total"] + 1e-6)
    assert untouched.differences(changed) == "other figures in icap_total"
    assert untouched.differences(untouched.published.vstack(changed.head(1))) != ""
    assert untouched.differences(untouched.published.head(100)) == ""


def test_every_kind_of_mutation_has_a_name_of_its_own() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) > 30
