"""At least sixty files that are poorer than what is published: no published figure is lost or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nights import changed, figures
from poorer_cases import POORER, Poorer

from bankadvisor_etl.job.compute import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nights import House
    from sheets import Table


def spoil(case: Poorer, folder: Path, table: Callable[[str], Table]) -> None:
    if case.edit is None:
        (folder / case.file).unlink()
        return
    spoilt = table(case.file)
    case.edit(spoilt)
    assert spoilt.rows != table(case.file).rows or spoilt.sheet != table(case.file).sheet
    spoilt.save(folder)


@pytest.mark.parametrize("case", POORER, ids=str)
def test_nothing_published_is_lost_or_changed(
    case: Poorer,
    house: House,
    folder: Path,
    small_dir: Path,
    table: Callable[[str], Table],
    record_property: Callable[[str, object], None],
) -> None:
    before = house.state()
    spoil(case, folder, table)
    night = house.night(folder)
    after = house.state()
    assert night.code == case.code, night
    assert not case.finding or case.finding in night.failed, night
    assert changed(before, after).rows() == []
    assert (after.height, figures(after)) == (before.height, figures(before))
    marked = after.filter(after["alertas"].str.contains(KEPT)).height
    assert (marked > 0) == case.finding.startswith("figures_kept")
    assert len(night.aside) == case.finding.startswith(("figures_absent", "newest_month", "rejects", "loans")) * (
        case.code == 0
    )
    house.night(folder)
    assert house.state().equals(after)
    assert house.night(small_dir).code == 0
    assert house.state().equals(before)
    record_property("poorer", [case.file, case.what, figures(before), figures(after), night.code, case.finding])


def test_the_table_is_long_and_has_every_source() -> None:
    assert len(POORER) >= 60
    assert len({str(case) for case in POORER}) == len(POORER)
    assert len({case.file for case in POORER}) == 8
