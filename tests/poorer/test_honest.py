"""At least twenty legitimate changes: none is refused or set aside, and exactly the expected figures are published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from honest_cases import HONEST, Honest
from nights import changed, figures

from bankadvisor_etl.figures import METRICS
from support.contract import OPTIONAL
from support.small import INSTITUCIONES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nights import House
    from sheets import Table


@pytest.mark.parametrize("case", HONEST, ids=str)
def test_exactly_what_one_expects_is_published(
    case: Honest,
    house: House,
    folder: Path,
    table: Callable[[str], Table],
    record_property: Callable[[str, object], None],
) -> None:
    before = house.state()
    for file, edit in case.edits.items():
        edited = table(file)
        edit(edited)
        edited.save(folder)
    night = house.night(folder)
    after = house.state()
    assert (night.code, night.aside) == (0, ()), night
    moves = changed(before, after)
    assert {month.year * 100 + month.month for month in moves["mes"]} == {*case.months}
    assert {*moves["variable"]} == {*case.columns}
    assert case.codes is None or {*moves["codigo"]} == {*case.codes}
    assert after.height - before.height == case.fresh
    assert after.filter(after["alertas"].str.contains("cifra_conservada")).height == 0
    again = house.night(folder)
    assert (again.code, house.state().equals(after)) == (0, True)
    row = [" ".join(case.edits), case.what, figures(before), figures(after), night.code, f"{moves.height} figures"]
    record_property("honest", row)


@pytest.mark.parametrize("file", OPTIONAL.values())
def test_the_first_file_of_an_optional_source_adds_its_figures_and_changes_none(
    file: str, house: House, folder: Path, small_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    whole = house.state()
    house.cursor.execute("DELETE FROM monthly_kpis")
    house.rows, house.accepted = {}, {}
    (folder / file).unlink()
    assert house.night(folder).code == 0
    before = house.state()
    night = house.night(small_dir)
    assert (night.code, night.aside) == (0, ())
    assert house.state().equals(whole)
    key = ["codigo", "mes", "variable"]
    there = before.unpivot(METRICS, index=key[:2]).drop_nulls()
    assert changed(before, whole).join(there, on=key, how="semi").rows() == []
    row = [file, "the first file of its source", figures(before), figures(whole), night.code, "only new figures"]
    record_property("honest", row)


def test_a_name_that_only_a_missing_file_knows_stays(house: House, folder: Path, table: Callable[[str], Table]) -> None:
    """Without Instituciones.xlsx a bank that is in no other catalogue would be renamed to its code."""
    (case,) = [case for case in HONEST if case.what == "a new bank with a name"]
    for file, edit in case.edits.items():
        edited = table(file)
        edit(edited)
        edited.save(folder)
    assert house.night(folder).code == 0
    named = house.state()
    assert named.filter(named["codigo"] == "040998")["banco_norm"].to_list() == ["BANCO NUEVO"]
    (folder / INSTITUCIONES).unlink()
    assert house.night(folder).code == 0
    assert house.state().equals(named)


def test_there_are_many_of_them() -> None:
    assert len(HONEST) >= 20
    assert len({str(case) for case in HONEST}) >= len(HONEST) - 4  # a new month of each source
