"""What is written to ``monthly_kpis``: only what differs, and a record of each figure that changed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg

from support.cli import stopped_at
from support.published import ask, changed_rows, changes, everything, figures, kpis, last_run, one
from support.small import (
    CARTERA,
    ICAP,
    delete_rows,
    editing,
    run,
    set_cell,
    set_cells,
    small_settings,
)

if TYPE_CHECKING:
    from pathlib import Path


INVEX, BBVA, SISTEMA = "040059", "040012", "5"

STAMP = {"etl_run_id", "updated_at"}


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
    assert kpis(published)[key]["icap_total"] == before
    assert "cifra_conservada" in kpis(published)[key]["alertas"]
    assert changes(published, 2) == {}
    run(published, small, "--allow-removals")
    assert kpis(published)[key]["icap_total"] is None
    assert changes(published, 3) == {("202503", "INVEX", "icap_total"): (before, None)}
    set_cell(small / ICAP, "ICAP Total", lambda _: cell[0], Cve_Inst=INVEX, FECHA="2025-03-01")
    run(published, small)
    assert figures(published) == original
    assert changes(published, 4) == {}  # nothing was published there, so nothing was restated
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


def test_a_bank_that_is_renamed_keeps_its_rows(published: str, small: Path) -> None:
    original = figures(published)
    ask(published, "UPDATE monthly_kpis SET banco_norm = 'OLD', institucion = 'OLD' WHERE codigo_cnbv = '040059'")
    run(published, small, "--force")
    assert figures(published) == original
    assert last_run(published)["rows_updated"] == 19
    assert changes(published, 2) == {}


def test_two_banks_that_exchange_their_names(published: str, small: Path) -> None:
    """The name is in the primary key, and may move from one code to another."""
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


def test_a_reader_sees_the_old_table_until_the_commit(published: str, small: Path, tmp_path: Path) -> None:
    """And without waiting: the query of the rows that are being written has one second."""
    before = figures(published)
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst=INVEX, FECHA="2025-03-01")
    options = ("run", "--data-dir", small, "--allow-removals")
    with stopped_at("closed", tmp_path / "marker", *options, **small_settings(published)) as running:
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
