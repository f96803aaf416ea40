"""What reaches ``monthly_kpis``: what differs and nothing else, and a record of each figure that changed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from support.cli import Result, etl, stopped_at
from support.published import ask, everything, figures, kpis, last_run, one
from support.small import (
    CARTERA,
    CASTIGOS,
    CASTIGOS_COMERCIALES,
    FLOORS,
    ICAP,
    INSTITUCIONES,
    TASA_EFECTIVA,
    TASAS,
    TDA,
    delete_rows,
    editing,
    set_cell,
    set_cells,
)

if TYPE_CHECKING:
    from pathlib import Path

    Table = dict[tuple[str, str], dict[str, Any]]

INVEX, BBVA, PAGATODO, SISTEMA = "040059", "040012", "040148", "5"
OPTIONAL = {
    "instituciones": (INSTITUCIONES, []),
    "castigos": (CASTIGOS, ["imor_comercial", "quebrantos_comerciales", "quebrantos_vs_cartera_cc"]),
    "castigos_comerciales": (CASTIGOS_COMERCIALES, []),
    "icap": (ICAP, ["icap_total", "icap_ccb", "icap_ccf"]),
    "tda": (TDA, ["tda_cartera_total"]),
    "tasas": (TASAS, ["tasa_mn", "tasa_me"]),
    "tasa_efectiva": (TASA_EFECTIVA, ["tasa_sistema", "tasa_invex_consumo"]),
}


def run(dsn: str, folder: Path, *options: object) -> Result:
    return etl("run", "--data-dir", folder, *options, BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS)


def changes(dsn: str, run_id: int) -> dict[tuple[str, str, str], tuple[Decimal | None, Decimal | None]]:
    rows = ask(
        dsn,
        "SELECT to_char(fecha, 'YYYYMM'), banco_norm, columna, valor_anterior, valor_nuevo"
        " FROM monthly_kpis_cambios WHERE run_id = %s",
        [run_id],
    )
    return {(month, bank, column): (old, new) for month, bank, column, old, new in rows}


def changed_rows(before: Table, after: Table) -> dict[tuple[str, str], set[str]]:
    """For each row that differs, the columns that do."""
    assert before.keys() == after.keys()
    apart = {key: {name for name in row if row[name] != before[key][name]} for key, row in after.items()}
    return {key: names for key, names in apart.items() if names}


STAMP = {"etl_run_id", "updated_at"}


# --- one cell


def test_a_changed_reserve_updates_its_month_and_the_next(published: str, small: Path) -> None:
    before = kpis(published)
    set_cell(small / CARTERA, "Reservas Etapa todas", lambda old: old * 1.5, Institucion=INVEX, Cve_Periodo="202503")
    assert run(published, small).code == 0
    after, row = kpis(published), last_run(published)
    counts = (row["rows_inserted"], row["rows_updated"], row["rows_unchanged"], row["rows_processed_base"])
    assert counts == (0, 2, 791, 793)
    month, following = ("202503", INVEX), ("202504", INVEX)
    assert changed_rows(before, after) == {
        month: STAMP | {"reservas_etapa_todas", "reservas_variacion_mm", "icor", "pe_total"},
        following: STAMP | {"reservas_variacion_mm"},
    }
    assert after[month]["etl_run_id"] == after[following]["etl_run_id"] == row["id"] == 2
    assert row["started_at"] <= after[month]["updated_at"] <= row["completed_at"]
    assert after[month]["reservas_etapa_todas"] == (before[month]["reservas_etapa_todas"] * Decimal("1.5")).quantize(
        Decimal("1e-6")
    )
    assert changes(published, 2) == {
        (when, "INVEX", column): (before[when, INVEX][column], after[when, INVEX][column])
        for when, column in (
            ("202503", "reservas_etapa_todas"),
            ("202503", "reservas_variacion_mm"),
            ("202503", "icor"),
            ("202503", "pe_total"),
            ("202504", "reservas_variacion_mm"),
        )
    }


def test_a_changed_icap_updates_one_row(published: str, small: Path) -> None:
    before = kpis(published)
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 0.5, Cve_Inst=INVEX, FECHA="2025-03-01")
    run(published, small)
    after = kpis(published)
    key = ("202503", INVEX)
    assert changed_rows(before, after) == {key: STAMP | {"icap_total"}}
    old, new = before[key]["icap_total"], after[key]["icap_total"]
    assert new - old == Decimal("0.00500000")
    assert changes(published, 2) == {("202503", "INVEX", "icap_total"): (old, new)}


def test_a_changed_portfolio_updates_the_system_and_every_share_of_the_month(published: str, small: Path) -> None:
    before = kpis(published)
    columns = [
        "Actividad Empresarial o Comercial Etapa 1",
        "Créditos Comerciales Etapa 1",
        "Cartera Total Etapa 1",
        "Cartera de Crédito Total Etapa todas",
    ]
    for code in (BBVA, SISTEMA):
        set_cells(small / CARTERA, columns, lambda old: old + 9000, Institucion=code, Cve_Periodo="202503")
    assert run(published, small).code == 0
    after = kpis(published)
    apart = changed_rows(before, after)
    assert {month for month, _ in apart} == {"202503"}
    moved = {"empresarial_total", "cartera_total", "cartera_total_etapa_1", "imor", "cvc_cc", "imor_comercial"}
    assert moved <= apart["202503", BBVA]
    assert moved <= apart["202503", SISTEMA]
    assert "market_share_pct" not in apart["202503", SISTEMA]
    others = {code: names for (_, code), names in apart.items() if code not in {BBVA, SISTEMA}}
    assert len(others) > 35
    assert all(names == STAMP | {"market_share_pct"} for names in others.values())
    for code in (BBVA, SISTEMA):
        key = ("202503", code)
        assert after[key]["cartera_total"] - before[key]["cartera_total"] == 9000


def test_a_figure_that_goes_away_and_comes_back(published: str, small: Path) -> None:
    original = figures(published)
    key = ("202503", INVEX)
    before = kpis(published)[key]["icap_total"]
    cell: list[float] = []
    set_cell(small / ICAP, "ICAP Total", cell.append, Cve_Inst=INVEX, FECHA="2025-03-01")
    run(published, small)
    assert kpis(published)[key]["icap_total"] is None
    assert changes(published, 2) == {("202503", "INVEX", "icap_total"): (before, None)}
    set_cell(small / ICAP, "ICAP Total", lambda _: cell[0], Cve_Inst=INVEX, FECHA="2025-03-01")
    run(published, small)
    assert figures(published) == original
    assert changes(published, 3) == {}  # nothing was published there, so nothing was restated
    assert last_run(published)["rows_updated"] == 1


def test_every_version_of_a_figure_is_kept(published: str, small: Path) -> None:
    for _ in range(2):
        set_cell(small / ICAP, "CCB", lambda old: old + 1, Cve_Inst=INVEX, FECHA="2025-03-01")
        run(published, small)
    (first,), (second,) = changes(published, 2).values(), changes(published, 3).values()
    assert first[1] == second[0]
    assert second[1] - first[0] == Decimal("0.02000000")


def test_an_edit_below_the_published_precision_changes_nothing(published: str, small: Path) -> None:
    before = everything(published)["monthly_kpis"]
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1e-8, Cve_Inst=INVEX, FECHA="2025-03-01")
    run(published, small)
    assert last_run(published)["rows_unchanged"] == 793
    assert everything(published)["monthly_kpis"] == before


# --- a new month


def test_a_new_month_is_inserted_and_touches_no_other(published_template: str, dsn: str, small: Path) -> None:
    complete = {path.name: path.read_bytes() for path in small.iterdir()}
    delete_rows(small / CARTERA, "Cve_Periodo", lambda month: month == "202507")
    assert run(dsn, small).code == 0
    assert last_run(dsn)["rows_inserted"] == 793 - 42
    (small / CARTERA).write_bytes(complete[CARTERA])
    assert run(dsn, small).code == 0
    row = last_run(dsn)
    assert (row["rows_inserted"], row["rows_updated"], row["rows_unchanged"]) == (42, 0, 751)
    assert figures(dsn) == figures(published_template)
    assert ask(dsn, "SELECT etl_run_id, min(fecha), count(*) FROM monthly_kpis GROUP BY 1 ORDER BY 1") == [
        (1, dt.date(2024, 1, 1), 751),
        (2, dt.date(2025, 7, 1), 42),
    ]


# --- sources that are missing


@pytest.mark.parametrize("source", OPTIONAL)
def test_a_missing_optional_source_keeps_its_columns(published: str, small: Path, source: str) -> None:
    """Even in rows that the run rewrites."""
    name, columns = OPTIONAL[source]
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
    assert row["warnings"] == 4 - (source == "icap")  # without the file no month of it is found rounded
    assert one(published, "SELECT count(*) FROM etl_run_sources WHERE run_id = 2") == 7


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
    assert row["rows_unchanged"] == 793 - len(lonely)


def test_a_first_run_with_the_required_file_alone(dsn: str, small: Path) -> None:
    for name, _ in OPTIONAL.values():
        (small / name).unlink()
    assert run(dsn, small).code == 0
    row = last_run(dsn)
    assert (row["rows_processed_icap"], row["rows_processed_tda"], row["rows_processed_tasas"]) == (0, 0, 0)
    assert row["rows_inserted"] > 700
    for column in ("icap_total", "tda_cartera_total", "tasa_mn", "imor_comercial", "tasa_sistema"):
        assert {row[column] for row in kpis(dsn).values()} == {None}
    assert one(dsn, "SELECT count(imor) FROM monthly_kpis") > 700


def test_a_source_that_comes_back_fills_its_columns(dsn: str, published_template: str, small: Path) -> None:
    away = (small / TDA).rename(small / "elsewhere")
    run(dsn, small)
    assert one(dsn, "SELECT count(tda_cartera_total) FROM monthly_kpis") == 0
    away.rename(small / TDA)
    run(dsn, small)
    assert last_run(dsn)["rows_updated"] == 757
    assert figures(dsn) == figures(published_template)


# --- rows that are missing


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
    before = everything(published)["monthly_kpis"]
    _delete(small / CARTERA, PAGATODO, {"202505", "202506", "202507"})  # in the last it has no ICAP either
    assert run(published, small).code == 0
    assert everything(published)["monthly_kpis"] == before
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


# --- names and restatements


def test_a_bank_that_is_renamed_keeps_its_rows(published: str, small: Path) -> None:
    original = figures(published)
    ask(published, "UPDATE monthly_kpis SET banco_norm = 'OLD', institucion = 'OLD' WHERE codigo_cnbv = '040059'")
    run(published, small, "--force")
    assert figures(published) == original
    assert last_run(published)["rows_updated"] == 19
    assert changes(published, 2) == {}


def test_two_banks_that_exchange_their_names(published: str, small: Path) -> None:
    """The name is the primary key, and a name may pass from one code to another."""
    original = figures(published)
    for code, name in ((INVEX, "?"), (BBVA, "INVEX"), (INVEX, "BBVA")):
        ask(published, "UPDATE monthly_kpis SET banco_norm = %s WHERE codigo_cnbv = %s", [name, code])
    done = run(published, small, "--force")
    assert done.code == 0, done.event("etl_runner.main.failure")["error"]
    assert figures(published) == original


def test_many_restated_figures_are_pointed_out(published: str, small: Path) -> None:
    with editing(small / ICAP) as sheet:
        places = [cell.column - 1 for cell in sheet[1] if cell.value in {"ICAP Total", "CCB", "CCF"}]
        for row in sheet.iter_rows(min_row=2):
            for place in places:
                if isinstance(row[place].value, float):
                    row[place].value *= 1.001
    assert run(published, small).code == 0
    row = last_run(published)
    assert row["rows_updated"] > 700
    query = "SELECT passed, observed FROM etl_run_checks WHERE run_id = 2 AND check_name = 'few_restated'"
    ((passed, observed),) = ask(published, query)
    assert not passed
    count = one(published, "SELECT count(*) FROM monthly_kpis_cambios WHERE run_id = 2")
    assert observed.startswith(f"{count:,} of ")


# --- readers


def test_a_reader_sees_the_old_table_until_the_commit(published: str, small: Path, tmp_path: Path) -> None:
    """And waits for nothing: the query has a second, on the rows that are being written."""
    before = figures(published)
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst=INVEX, FECHA="2025-03-01")
    options = ("run", "--data-dir", small, "--allow-removals")
    settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
    with stopped_at("closed", tmp_path / "marker", *options, **settings) as running:
        with psycopg.connect(published, options="-c statement_timeout=1s") as reader:
            (value,) = reader.execute(
                "SELECT icap_total FROM monthly_kpis WHERE fecha = '2025-03-01' AND codigo_cnbv = '040059'"
            ).fetchone() or [None]
        assert figures(published) == before
        assert last_run(published)["status"] == "running"
        (tmp_path / "marker").unlink()
        assert running.end().code == 0
    after = kpis(published)["202503", INVEX]["icap_total"]
    assert after - value == Decimal("0.01000000")


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
