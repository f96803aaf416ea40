"""Missing files and rows: what stays published, what is refused, what is removed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from support.contract import FIGURES, FILES, OPTIONAL
from support.published import ask, changed_rows, changes, everything, figures, kpis, last_run, one
from support.small import CARTERA, ICAP, TDA, delete_rows, editing, run, set_cell

if TYPE_CHECKING:
    from pathlib import Path


INVEX, PAGATODO = "040059", "040148"


@pytest.mark.parametrize("source", OPTIONAL)
def test_a_missing_optional_source_keeps_its_columns(published: str, small: Path, source: str) -> None:
    """Even in rows that the run rewrites."""
    name, columns = OPTIONAL[source], FIGURES.get(source, ())
    before = kpis(published)
    (small / name).unlink()
    set_cell(small / CARTERA, "Reservas Etapa todas", lambda old: old * 1.5, Institucion=INVEX, Cve_Periodo="202404")
    done = run(published, small)
    assert done.code == 0
    after, row = kpis(published), last_run(published)
    assert {key for key, names in changed_rows(before, after).items()} == {("202404", INVEX), ("202405", INVEX)}
    for key, figure in after.items():
        assert [figure[column] for column in columns] == [before[key][column] for column in columns]
        assert figure["alertas"] == before[key]["alertas"]
    assert {column for column in columns if after["202404", INVEX][column] is not None} >= set(columns) - {
        "tasa_me",
        "tasa_mn",
    }
    missing = done.event("etl.source.missing")
    assert (missing["level"], missing["source"], missing["file"]) == ("warning", source, name)
    failed = "SELECT severity, passed FROM etl_run_checks WHERE run_id = 2 AND check_name = %s"
    assert ask(published, failed, [f"file_{source}"]) == [("warning", False)]
    assert row["warnings"] == 4 - (source == "icap")  # without the file no month is found to be rounded
    assert one(published, "SELECT count(*) FROM etl_run_sources WHERE run_id = 2") == len(FILES) - 1


def test_without_icap_the_banks_that_have_nothing_else_stay(published: str, small: Path) -> None:
    before = kpis(published)
    lonely = {key for key, row in before.items() if not row["cartera_total"] and row["icap_total"] is not None}
    assert {code for _, code in lonely} >= {PAGATODO}
    assert len(lonely) > 30
    (small / ICAP).unlink()
    assert run(published, small).code == 0
    assert kpis(published) == before
    row = last_run(published)
    assert (row["rows_inserted"], row["rows_updated"]) == (0, 0)
    assert row["rows_unchanged"] == 793


def test_a_first_run_with_the_required_file_alone(dsn: str, small: Path) -> None:
    for name in OPTIONAL.values():
        (small / name).unlink()
    assert run(dsn, small).code == 0
    row = last_run(dsn)
    assert (row["rows_processed_icap"], row["rows_processed_tda"], row["rows_processed_tasas"]) == (0, 0, 0)
    assert row["rows_inserted"] > 700
    table = kpis(dsn).values()
    given = {column for row in table for column, value in row.items() if value is not None}
    assert given >= {*FIGURES["cartera"]}
    assert [column for source in OPTIONAL for column in FIGURES.get(source, ()) if column in given] == []
    assert one(dsn, "SELECT count(imor) FROM monthly_kpis") > 700


def test_a_source_that_comes_back_fills_its_columns(dsn: str, published_template: str, small: Path) -> None:
    away = (small / TDA).rename(small / "elsewhere")
    run(dsn, small)
    assert one(dsn, "SELECT count(tda_cartera_total) FROM monthly_kpis") == 0
    away.rename(small / TDA)
    run(dsn, small)
    assert last_run(dsn)["rows_updated"] == 757
    assert figures(dsn) == figures(published_template)


def test_a_newest_month_that_goes_back_is_refused(published: str, small: Path) -> None:
    before = everything(published)
    delete_rows(small / CARTERA, "Cve_Periodo", lambda month: month == "202507")
    assert run(published, small).code == 65
    assert "newest_month_not_back" in last_run(published)["error_message"]
    after = everything(published)
    assert [name for name in ("monthly_kpis", "monthly_kpis_cambios") if after[name] != before[name]] == []


def test_allow_removals_deletes_it_and_records_what_it_said(published: str, small: Path) -> None:
    before = kpis(published)
    gone = {key for key in before if key[0] == "202507"}
    delete_rows(small / CARTERA, "Cve_Periodo", lambda month: month == "202507")
    assert run(published, small, "--allow-removals").code == 0
    after = kpis(published)
    assert before.keys() - after.keys() == gone
    assert all(after[key] == before[key] for key in after)
    withdrawn = changes(published, 2)
    assert {month for month, *_ in withdrawn} == {"202507"}
    assert withdrawn["202507", "INVEX", "imor"] == (before["202507", INVEX]["imor"], None)
    stored = [name for name, value in before["202507", INVEX].items() if isinstance(value, Decimal)]
    generated = {"pct_etapa_1", "pct_etapa_2", "pct_etapa_3", "quebrantos_cc"}
    assert {column for _, bank, column in withdrawn if bank == "INVEX"} == set(stored) - generated


def test_a_few_missing_bank_months_stay_with_a_warning(published: str, small: Path) -> None:
    rows = kpis(published)
    _delete(small / CARTERA, PAGATODO, {"202505", "202506", "202507"})  # the last one has no ICAP either
    assert run(published, small).code == 0
    kept = {key for key, row in kpis(published).items() if "cifra_conservada" in row["alertas"]}
    assert kept == {("202505", PAGATODO), ("202506", PAGATODO)}
    after = kpis(published)
    authors = ("alertas", "etl_run_id", "updated_at")
    assert {key: row | {name: rows[key][name] for name in authors} for key, row in after.items()} == rows
    assert all(row == rows[key] for key, row in after.items() if key not in kept)
    query = "SELECT passed, observed, detail FROM etl_run_checks WHERE run_id = 2 AND check_name = %s"
    ((passed, observed, detail),) = ask(published, query, ["no_published_missing"])
    assert not passed
    assert observed == "2 of 793 published bank-months are missing (0.25%)"
    assert detail == [f"{PAGATODO} 202506", f"{PAGATODO} 202505"]


def test_many_missing_bank_months_are_refused_unless_allowed(published: str, small: Path) -> None:
    before = kpis(published)
    delete_rows(small / CARTERA, "Institucion", lambda code: code == PAGATODO)
    assert run(published, small).code == 65
    assert "few_published_missing" in last_run(published)["error_message"]
    assert kpis(published) == before
    assert run(published, small, "--allow-removals").code == 0
    assert {code for _, code in before.keys() - kpis(published).keys()} == {PAGATODO}
    assert {bank for _, bank, _ in changes(published, 3)} == {"PAGATODO"}


def test_half_the_rows_of_a_source_are_refused(published: str, small: Path) -> None:
    before = figures(published)
    delete_rows(small / ICAP, "FECHA", lambda day: day < "2024-09")
    assert run(published, small).code == 65
    assert "rows_share_icap" in last_run(published)["error_message"]
    assert figures(published) == before


def _delete(path: Path, code: str, months: set[str]) -> None:
    with editing(path) as sheet:
        places = {str(cell.value).strip(): cell.column - 1 for cell in sheet[1]}
        doomed = [
            row[0].row
            for row in sheet.iter_rows(min_row=2)
            if row[places["Institucion"]].value == code and str(row[places["Cve_Periodo"]].value) in months
        ]
        for number in reversed(doomed):
            sheet.delete_rows(number)
