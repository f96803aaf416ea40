"""The published tables compared with their description: catalogue, a later version, roles, and views."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bankadvisor_etl import tables
from bankadvisor_etl.figures import FED_BY, METRICS
from bankadvisor_etl.tables import MONTHLY_KPIS, VIEWS, Column
from bankadvisor_etl.tables.monthly_kpis import ALERTAS
from bankadvisor_etl.warehouse import tables as warehouse_tables
from bankadvisor_etl.warehouse.tables import missing_views, prepare_tables, prepare_views
from support.cli import etl
from support.contract import COUNT, FIGURES, FILES
from support.published import ask, everything, one
from support.small import ICAP, run, set_cell

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = (
    "SELECT attname::text, format_type(atttypid, atttypmod), col_description(attrelid, attnum)"
    " FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)


def test_the_catalogue_says_what_the_description_says(published: str) -> None:
    described = [(column.name, column.type, column.comment) for column in MONTHLY_KPIS.columns]
    assert ask(published, CATALOGUE, ["monthly_kpis"]) == described
    assert one(published, "SELECT obj_description('monthly_kpis'::regclass)") == MONTHLY_KPIS.description
    for view in VIEWS:
        found = [(name, comment) for name, _, comment in ask(published, CATALOGUE, [view.name])]
        assert found == [(name, comment) for name, (_, comment) in view.columns.items()]
        assert one(published, "SELECT obj_description(%s::regclass)", [view.name]) == view.description


def test_every_figure_has_a_unit_a_file_and_a_feed() -> None:
    assert list(FED_BY.items()) == list(FIGURES.items())
    assert len(METRICS) == COUNT
    assert [name for names in FED_BY.values() for name in names] == list(METRICS)
    series = "sh_datos_csv_40.zip"
    files = FILES | {"serie": series, "cartera": f"{series} o {FILES['cartera']}"}
    for source, names in FIGURES.items():
        assert {MONTHLY_KPIS[name].file for name in names} == {files[source]}
    assert all(MONTHLY_KPIS[name].title and MONTHLY_KPIS[name].unit for name in METRICS)
    with pytest.raises(KeyError):
        MONTHLY_KPIS["no_such_column"]


def test_every_alert_that_a_run_sets_is_explained(published: str) -> None:
    found = {alert for (alert,) in ask(published, "SELECT DISTINCT unnest(alertas) FROM monthly_kpis")}
    assert found
    assert found <= set(ALERTAS)


def test_a_description_needs_nothing_heavy() -> None:
    code = "import sys, bankadvisor_etl.tables; print(*{'polars', 'psycopg', 'click'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""


def test_a_later_version_adds_its_columns_and_renews_comments(published: str, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Column("icor_cnbv", "ratio", "ICOR CNBV", "ICOR como lo publica la CNBV", source="serie")
    columns = list(MONTHLY_KPIS.columns)
    columns.insert(5, new)
    later = dataclasses.replace(MONTHLY_KPIS, columns=tuple(columns), description="Otra descripción")
    views = [dataclasses.replace(v, columns={new.name: ("m.icor_cnbv", new.comment), **v.columns}) for v in VIEWS[:3]]
    monkeypatch.setattr(warehouse_tables, "TABLES", (later,))
    monkeypatch.setattr(warehouse_tables, "VIEWS", views)
    ask(published, "CREATE VIEW theirs AS SELECT fecha, imor FROM bancos")
    with psycopg.connect(published) as connection, connection.cursor() as cursor:
        prepare_tables(cursor)
        prepare_views(cursor)
    assert ("icor_cnbv", "numeric(18,8)", new.comment) in ask(published, CATALOGUE, ["monthly_kpis"])
    assert one(published, "SELECT obj_description('monthly_kpis'::regclass)") == "Otra descripción"
    assert ask(published, CATALOGUE, ["bancos"])[-1] == ("icor_cnbv", "numeric(18,8)", new.comment)
    assert one(published, "SELECT count(*) FROM theirs") == one(published, "SELECT count(*) FROM bancos")


def test_adopt_adds_a_column_rather_than_to_move_the_table_away(published: str) -> None:
    ask(published, "DROP VIEW bancos, sistema, ultimo_mes, monthly_kpis_float")
    ask(published, "ALTER TABLE monthly_kpis DROP COLUMN tasa_me")
    rows = one(published, "SELECT count(*) FROM monthly_kpis")
    assert etl("adopt", BANKADVISOR_DSN=published).code == 0
    assert one(published, "SELECT to_regnamespace('anterior')") is None
    assert one(published, "SELECT count(*) FROM monthly_kpis_float WHERE tasa_me IS NULL") == rows


def test_what_is_right_is_left_alone(published: str) -> None:
    with psycopg.connect(published) as connection, connection.cursor() as cursor:
        first = cursor.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()
        prepare_tables(cursor)
        prepare_views(cursor)
        assert first == cursor.execute("SELECT pg_current_xact_id_if_assigned()").fetchone() == (None,)


def test_a_name_that_something_else_has_is_left_to_it(dsn: str, small: Path) -> None:
    ask(dsn, "CREATE TABLE bancos (clave int, nombre text)")
    assert run(dsn, small).code == 0
    assert [name for name, *_ in ask(dsn, CATALOGUE, ["bancos"])] == ["clave", "nombre"]
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        assert missing_views(cursor) == ["bancos"]
    assert one(dsn, "SELECT count(*) FROM sistema") > 0


def test_who_may_read_the_table_may_read_the_views_and_a_writer_needs_no_ownership(published: str, small: Path) -> None:
    ask(published, "DROP VIEW bancos")
    ask(published, "DROP ROLE IF EXISTS v_reader")
    ask(published, "CREATE ROLE v_reader LOGIN")
    try:
        ask(published, "GRANT SELECT ON monthly_kpis TO v_reader")
        reader = make_conninfo(published, user="v_reader")
        with psycopg.connect(reader) as connection, connection.cursor() as cursor:
            prepare_tables(cursor)
            prepare_views(cursor)  # not the owner: nothing is done, and nothing fails
            assert missing_views(cursor) == ["bancos"]
        assert run(published, small).code == 0
        assert one(reader, "SELECT count(*) FROM bancos") > 700
    finally:
        ask(published, "DROP OWNED BY v_reader")
        ask(published, "DROP ROLE v_reader")


class TestViews:
    def test_bancos_and_sistema_share_out_the_rows(self, published: str) -> None:
        banks, system, rows = (
            one(published, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)).as_string())  # type: ignore[arg-type]
            for name in ("bancos", "sistema", "monthly_kpis")
        )
        assert banks + system == rows == 793
        assert one(published, "SELECT count(DISTINCT fecha) FROM monthly_kpis") == system
        apart = (
            "SELECT max(abs(s.cartera_total - b.suma)) FROM sistema s JOIN (SELECT fecha, sum(cartera_total) AS suma"
            " FROM bancos GROUP BY fecha) b USING (fecha)"
        )
        assert one(published, apart) < 1e-3

    def test_ultimo_mes_skips_a_copied_month_and_an_unfinished_one(self, published: str) -> None:
        month = "SELECT DISTINCT fecha FROM ultimo_mes"
        assert one(published, month) == one(published, "SELECT max(fecha) FROM monthly_kpis") == date(2025, 7, 1)
        ask(published, "UPDATE monthly_kpis SET alertas = '{mes_repetido}' WHERE fecha = '2025-07-01'")
        assert one(published, month) == date(2025, 6, 1)
        ask(
            published,
            "DELETE FROM monthly_kpis WHERE fecha = '2025-06-01' AND codigo_cnbv BETWEEN '040000' AND '040100'",
        )
        assert one(published, month) == date(2025, 5, 1)
        ask(published, "DELETE FROM monthly_kpis WHERE fecha = '2025-05-01' AND codigo_cnbv = '5'")
        assert one(published, month) == date(2025, 4, 1)
        assert one(published, "SELECT count(*) FROM ultimo_mes WHERE codigo_cnbv = '5'") == 0

    def test_cambios_recientes_shows_the_newest_changes(self, published: str, small: Path) -> None:
        assert ask(published, "SELECT * FROM cambios_recientes") == []
        set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
        run(published, small)
        ((run_id, when, month, bank, column, old, new, percent),) = ask(published, "SELECT * FROM cambios_recientes")
        assert (run_id, month, bank, column) == (2, date(2025, 3, 1), "INVEX", "icap_total")
        assert float(new - old) == pytest.approx(0.01)
        assert float(percent) == pytest.approx(100 * float(new - old) / float(old), abs=1e-4)
        assert when == one(published, "SELECT completed_at FROM etl_runs WHERE id = 2")
        ask(published, "UPDATE etl_runs SET started_at = started_at - interval '40 days' WHERE id = 2")
        assert len(ask(published, "SELECT * FROM cambios_recientes")) == 1

    def test_the_float_view_has_the_same_figures(self, published: str) -> None:
        before = everything(published)
        kinds = {name: kind for name, kind, _ in ask(published, CATALOGUE, ["monthly_kpis_float"])}
        assert {kinds[name] for name in METRICS} == {"double precision"}
        assert kinds["alertas"] == "text"
        apart = sql.SQL(
            "SELECT count(*) FROM monthly_kpis m JOIN monthly_kpis_float f USING (fecha, codigo_cnbv) WHERE {}"
        )
        differs = sql.SQL(" OR ").join(
            sql.SQL("m.{0} IS DISTINCT FROM f.{0}::numeric(30,8)").format(sql.Identifier(name)) for name in METRICS
        )
        with psycopg.connect(published) as connection:
            row = connection.execute(apart.format(differs)).fetchone()
        assert row == (0,)
        assert everything(published) == before


def test_the_package_shows_its_tables() -> None:
    assert {table.name for table in tables.TABLES} == {
        *("monthly_kpis", "kpis_consolidados"),
        *("metricas_financieras", "metricas_cartera_segmentada", "captacion"),
    }
