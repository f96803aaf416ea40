"""Whatever rows, cells or columns are removed from an optional file, no published figure changes or disappears."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nights import changed
from poorer_cases import RATE
from sheets import KEYS, Table

from bankadvisor_etl.formats.sheet import Sheet
from bankadvisor_etl.sources import BY_NAME
from support.contract import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from nights import House

LOANS = [RATE, "Total Portfolio", "Currency"]
COLUMNS = {
    file: content.headers if isinstance(content := BY_NAME[source].content, Sheet) else [*KEYS[file], *LOANS]
    for source, file in OPTIONAL.items()
}
"""File: the columns that are read."""


@st.composite
def thefts(draw: st.DrawFn, headers: list[str], height: int) -> tuple[set[int], set[tuple[int, str]], set[str], bool]:
    """Rows, cells and columns to remove, and whether columns are removed with their headers."""
    rows = st.integers(1, height - 1)
    few = draw(st.sets(rows, max_size=8))
    start = draw(st.one_of(st.none(), rows))
    span = range(start, min(height, start + draw(st.integers(1, height)))) if start else ()
    cells = draw(st.sets(st.tuples(rows, st.sampled_from(headers)), max_size=8))
    columns = draw(st.sets(st.sampled_from(headers), max_size=1)) if draw(st.integers(0, 3)) == 0 else set()
    return few | set(span), cells, columns, draw(st.booleans())


def take(table: Table, rows: set[int], cells: set[tuple[int, str]], columns: set[str], *, headers_too: bool) -> None:
    for row, header in cells:
        table.rows[row][table.place(header)] = None
    for header in columns:
        at = table.place(header)
        for row in table.rows if headers_too else table.rows[1:]:
            row[at] = None
    table.rows = [row for number, row in enumerate(table.rows) if number not in rows]


@pytest.mark.parametrize("file", COLUMNS)
def test_no_published_figure_changes_or_goes(
    file: str, house: House, small_dir: Path, table: Callable[[str], Table]
) -> None:
    before = house.state()
    rows, accepted = dict(house.rows), dict(house.accepted)

    @settings(max_examples=12, deadline=None, suppress_health_check=[*HealthCheck])
    @given(thefts(COLUMNS[file], len(table(file).rows)))
    def attempt(theft: tuple[set[int], set[tuple[int, str]], set[str], bool]) -> None:
        *what, headers_too = theft
        poorer = table(file)
        take(poorer, *what, headers_too=headers_too)
        house.cursor.execute("SAVEPOINT attempt")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path in small_dir.iterdir():
                (folder / path.name).symlink_to(path)
            poorer.save(folder)
            night = house.night(folder)
        after = house.state()
        house.cursor.execute("ROLLBACK TO attempt")
        house.rows, house.accepted = dict(rows), dict(accepted)
        assert night.code in {0, 65, 74}
        assert changed(before, after).rows() == []
        assert after.select("codigo", "mes", "banco_norm").equals(before.select("codigo", "mes", "banco_norm"))

    attempt()
