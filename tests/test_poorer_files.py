"""Files that are merely poorer than what is published: no published figure is lost or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.published import ask, changes, kpis, last_run
from support.small import CARTERA, CASTIGOS, ICAP, TASA_EFECTIVA, TDA, delete_rows, editing, run, set_cell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INVEX, BBVA = "040059", "040012"


def blank(file: str, *columns: str, since: int = 2) -> Callable[[Path], None]:
    """Empty columns from a row on, as a formula without a cached value is read."""

    def change(folder: Path) -> None:
        with editing(folder / file) as sheet:
            places = [cell.column for cell in sheet[1] if str(cell.value).strip() in columns]
            assert len(places) == len(columns)
            for row in range(since, sheet.max_row + 1):
                for place in places:
                    sheet.cell(row, place).value = None

    return change


def cell(file: str, column: str, value: object, **key: object) -> Callable[[Path], None]:
    return lambda folder: set_cell(folder / file, column, lambda _: value, **key)


def without(file: str, column: str, doomed: Callable[[str], bool]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        assert delete_rows(folder / file, column, doomed)

    return change


JUNE = {"Cve_Inst": INVEX, "FECHA": "2025-06-01"}
SET_ASIDE: list[tuple[str, Callable[[Path], None], set[str]]] = [
    ("TDA: the column is blank", blank(TDA, "TDA Cartera total"), {"figures_absent_tda", "newest_month_not_back_tda"}),
    ("TDA: half of the column is blank", blank(TDA, "TDA Cartera total", since=400), {"figures_absent_tda"}),
    ("ICAP: one column is blank", blank(ICAP, "CCF"), {"figures_absent_icap"}),
    ("ICAP: all columns are blank", blank(ICAP, "ICAP Total", "CCB", "CCF"), {"figures_absent_icap"}),
    (
        "ICAP: the newest month is gone",
        without(ICAP, "FECHA", lambda day: day >= "2025-06"),
        {"newest_month_not_back_icap"},
    ),
    ("castigos: the write-offs are blank", blank(CASTIGOS, "LIB_CASTIGOS_COMERC"), {"figures_absent_castigos"}),
    ("castigos: the reliefs are blank", blank(CASTIGOS, "QUITAS_COMER"), {"figures_absent_castigos"}),
    ("effective rates: one column is blank", blank(TASA_EFECTIVA, "Invex Consumo"), {"figures_absent_tasa_efectiva"}),
]
KEPT: list[tuple[str, Callable[[Path], None], str]] = [
    ("ICAP: one blank cell", cell(ICAP, "ICAP Total", None, **JUNE), "icap"),
    ("ICAP: one cell is text", cell(ICAP, "CCF", "16,58", **JUNE), "icap"),
    ("ICAP: one cell is an error", cell(ICAP, "CCB", "#REF!", **JUNE), "icap"),
    (
        "castigos: one relief is blank",
        cell(CASTIGOS, "QUITAS_COMER", None, institucion=BBVA, periodo=202401),
        "castigos",
    ),
    (
        "castigos: one write-off is blank",
        cell(CASTIGOS, "LIB_CASTIGOS_COMERC", None, institucion=BBVA, periodo=202401),
        "castigos",
    ),
    ("TDA: one cell is text", cell(TDA, "TDA Cartera total", "n.d.", cve_institucion=BBVA, cve_periodo=202401), "tda"),
]
REFUSED: list[tuple[str, Callable[[Path], None], str]] = [
    ("cartera: reserves are blank", blank(CARTERA, "Reservas Etapa todas"), "figures_absent_cartera"),
    (
        "cartera: a reserve of a segment is blank",
        blank(CARTERA, "Res Créditos de Consumo Etapa todas"),
        "figures_absent_cartera",
    ),
    (
        "cartera: the newest month is gone",
        without(CARTERA, "Cve_Periodo", lambda month: month == "202507"),
        "newest_month_not_back_cartera",
    ),
    ("ICAP: half of the rows", without(ICAP, "FECHA", lambda day: day < "2024-09"), "rows_share_icap"),
]


def failed(dsn: str) -> set[str]:
    """The failed checks of the last run that are new."""
    query = (
        "SELECT check_name FROM etl_run_checks"
        " WHERE run_id = (SELECT max(id) FROM etl_runs) AND NOT passed AND NOT known"
    )
    return {name for (name,) in ask(dsn, query)}


def amounts(dsn: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What is published, without the alerts and the run of the row."""
    others = {"alertas", "etl_run_id", "updated_at"}
    return {key: {name: value for name, value in row.items() if name not in others} for key, row in kpis(dsn).items()}


def aside(dsn: str) -> list[str]:
    query = "SELECT source FROM etl_run_sources WHERE run_id = (SELECT max(id) FROM etl_runs) AND NOT used"
    return [source for (source,) in ask(dsn, query)]


@pytest.mark.parametrize(("change", "checks"), [case[1:] for case in SET_ASIDE], ids=[case[0] for case in SET_ASIDE])
def test_a_file_that_lacks_much_is_set_aside(
    published: str, small: Path, change: Callable[[Path], None], checks: set[str]
) -> None:
    before = kpis(published)
    change(small)
    assert run(published, small).code == 0
    assert kpis(published) == before
    assert failed(published) >= checks
    assert len(aside(published)) == 1
    assert (last_run(published)["rows_updated"], changes(published, 2)) == (0, {})


@pytest.mark.parametrize(("change", "source"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT])
def test_a_figure_that_the_file_lacks_stays_and_says_so(
    published: str, small: Path, change: Callable[[Path], None], source: str
) -> None:
    before, rows = amounts(published), kpis(published)
    change(small)
    assert run(published, small).code == 0
    assert amounts(published) == before
    assert f"figures_kept_{source}" in failed(published)
    marked = {key for key, row in kpis(published).items() if "cifra_conservada" in row["alertas"]}
    changed = {key for key, row in kpis(published).items() if row["alertas"] != rows[key]["alertas"]}
    assert marked == changed != set()
    assert {code for _, code in marked} <= {BBVA, INVEX, "5"}
    assert run(published, small, "--force").code == 0
    assert f"figures_kept_{source}" not in failed(published)  # known by now
    assert last_run(published)["rows_updated"] == 0


@pytest.mark.parametrize(("change", "check"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_the_required_file_and_half_a_file_are_refused(
    published: str, small: Path, change: Callable[[Path], None], check: str
) -> None:
    before = kpis(published)
    change(small)
    assert run(published, small).code == 65
    assert check in failed(published)
    assert kpis(published) == before


def test_a_blank_write_off_leaves_the_rest_of_the_year_as_published(published: str, small: Path) -> None:
    before = kpis(published)
    cell(CASTIGOS, "LIB_CASTIGOS_COMERC", None, institucion=BBVA, periodo=202402)(small)
    assert run(published, small).code == 0
    after = kpis(published)
    marked = {month for (month, code), row in after.items() if code == BBVA and "cifra_conservada" in row["alertas"]}
    assert marked == {f"2024{month:02}" for month in range(2, 13)}
    assert {key: row["imor_comercial"] for key, row in after.items()} == {
        key: row["imor_comercial"] for key, row in before.items()
    }


def test_removals_withdraw_nothing_that_a_missing_file_feeds(published: str, small: Path) -> None:
    before = amounts(published)
    (small / ICAP).unlink()
    assert run(published, small, "--allow-removals").code == 0
    assert amounts(published) == before


def test_a_month_in_another_unit_is_refused_unless_accepted(published: str, small: Path) -> None:
    def as_fraction(folder: Path) -> None:
        with editing(folder / TDA) as sheet:
            places = {str(one.value).strip(): one.column for one in sheet[1]}
            for row in range(2, sheet.max_row + 1):
                value: Any = sheet.cell(row, places["TDA Cartera total"]).value
                if str(sheet.cell(row, places["cve_periodo"]).value) == "202412" and value is not None:
                    sheet.cell(row, places["TDA Cartera total"]).value = float(value) / 100

    before = amounts(published)
    as_fraction(small)
    assert run(published, small).code == 65
    assert "scale_tda_tda" in failed(published)
    assert amounts(published) == before
    assert run(published, small, "--accept", "scale_tda_tda").code == 0
    assert ask(published, "SELECT check_name FROM etl_run_checks WHERE run_id = 3 AND accepted") == [("scale_tda_tda",)]
    assert amounts(published) != before


def test_freshness_is_asked_again_of_files_that_did_not_change(published: str, small: Path) -> None:
    assert run(published, small).code == 0
    assert last_run(published)["phase"] == "unchanged"
    rows = ask(published, "SELECT check_name, passed FROM etl_run_checks WHERE run_id = 2 AND NOT known")
    assert [name for name, _ in rows] in ([], ["newest_month_recent"])
    query = "SELECT count(*) FROM etl_run_checks WHERE run_id = 2 AND check_name = 'newest_month_recent'"
    assert ask(published, query) == [(1,)]


def test_the_rows_of_the_newest_success_that_used_the_file_count(published: str, small: Path, small_dir: Path) -> None:
    (small / TDA).unlink()
    assert run(published, small).code == 0
    (small / TDA).write_bytes((small_dir / TDA).read_bytes())
    delete_rows(small / TDA, "cve_periodo", lambda month: month < "202407")
    before = amounts(published)
    assert run(published, small).code == 65
    assert "rows_share_tda" in failed(published)
    assert amounts(published) == before
