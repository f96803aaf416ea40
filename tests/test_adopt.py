"""Taking over databases of the replaced system: everything is still there, and readers get the new figures."""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
import pytest

from bankadvisor_etl.errors import DatabaseError
from bankadvisor_etl.warehouse import adoption
from bankadvisor_etl.warehouse.adoption import adopt
from support.cli import Result, etl, stopped_at
from support.databases import fresh_database
from support.fingerprint import fingerprint, rows, shape
from support.old_databases import ETL_RUNS_ONE, ETL_RUNS_TWO, INSTITUCIONES, MONTHLY_KPIS, TWICE, load
from support.published import OUR_TABLES, ask, kpis, last_run, one, runs
from support.small import FLOORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = [
    (ETL_RUNS_ONE,),
    (ETL_RUNS_TWO,),
    (MONTHLY_KPIS,),
    (INSTITUCIONES,),
    (ETL_RUNS_ONE, MONTHLY_KPIS, INSTITUCIONES),
    (ETL_RUNS_TWO, MONTHLY_KPIS, TWICE, INSTITUCIONES),
]
MONITORING = (
    (
        "SELECT id, started_at, completed_at, status, duration_seconds, rows_processed_base, error_message"
        " FROM etl_runs ORDER BY started_at DESC LIMIT 10;"
    ),
    (
        "SELECT started_at, duration_seconds, rows_processed_base FROM etl_runs"
        " WHERE status = 'success' ORDER BY started_at DESC LIMIT 1;"
    ),
    (
        "SELECT id, started_at, error_message FROM etl_runs"
        " WHERE status = 'failure' AND started_at > NOW() - INTERVAL '7 days' ORDER BY started_at DESC;"
    ),
)
MOVING = {
    *("monthly_kpis", "monthly_kpis_v2", "instituciones"),
    *("metricas_financieras", "metricas_cartera_segmentada", "segmentos_cartera"),
}


@pytest.fixture(params=OLD, ids="+".join)
def old(dsn: str, request: pytest.FixtureRequest) -> str:
    """The connection string of a database of the replaced system."""
    load(dsn, *request.param)
    return dsn


@pytest.fixture
def role(dsn: str) -> Iterator[str]:
    """A role for one test; it is dropped with everything that it owns in the test's database."""
    name = f"lector_{uuid.uuid4().hex}"
    load(dsn, f"CREATE ROLE {name} LOGIN")
    yield name
    load(dsn, f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")


def run(dsn: str, folder: Path) -> Result:
    return etl("run", "--data-dir", folder, BANKADVISOR_DSN=dsn, BANKADVISOR_THRESHOLD=FLOORS)


def contents(dsn: str) -> dict[str, list[tuple[str]]]:
    """The rows of each table and view of the schema public."""
    return {name: rows(dsn, name) for name, facts in fingerprint(dsn).items() if facts[1] in "rvm"}


def numbers(dsn: str) -> set[int]:
    """A relation in PostgreSQL's catalogue, without its name."""
    return {facts[0] for facts in fingerprint(dsn).values() if facts[1] in "rvmS"}


class TestEveryShape:
    def test_run_touches_nothing_and_names_adopt(self, old: str, small_dir: Path) -> None:
        before = fingerprint(old)
        done = run(old, small_dir)
        assert done.code == 78
        assert "bankadvisor-etl adopt" in done.event("etl_runner.main.failure")["error"]
        assert fingerprint(old) == before

    def test_a_dry_run_prints_the_steps_and_changes_nothing(self, old: str) -> None:
        before = fingerprint(old)
        done = etl("adopt", "--dry-run", BANKADVISOR_DSN=old)
        assert done.code == 0
        assert fingerprint(old) == before
        assert etl("adopt", BANKADVISOR_DSN=old).out == done.out.replace("dry run: nothing was changed\n", "")

    def test_nothing_is_lost(self, old: str) -> None:
        before, oids = contents(old), numbers(old)
        adopt(old, dry_run=False)
        after = contents(old)
        for name, found in before.items():
            moved = name.removeprefix("public.") in MOVING or name == "public.etl_runs"
            assert after[name.replace("public.", "anterior.") if moved else name] == found, name
        assert oids <= numbers(old)

    def test_again_it_changes_nothing_and_says_so(self, old: str) -> None:
        adopt(old, dry_run=False)
        before = fingerprint(old)
        assert adopt(old, dry_run=False) == ["nothing to do: the tables are those of bankadvisor-etl"]
        assert adopt(old, dry_run=True) == ["nothing to do: the tables are those of bankadvisor-etl"]
        assert fingerprint(old) == before

    def test_our_tables_are_those_of_a_new_database(self, old: str, server_dsn: str) -> None:
        adopt(old, dry_run=False)
        with fresh_database(server_dsn) as new:
            adopt(new, dry_run=False)
            for table in OUR_TABLES:
                ours, theirs = shape(new, table), shape(old, table)
                assert ours["columns"].items() <= theirs["columns"].items()
                assert ours["indexes"].items() <= theirs["indexes"].items()
                assert ours["constraints"] == theirs["constraints"]
                assert ours["comment"] == theirs["comment"] is not None
                if table != "etl_runs":
                    assert ours == theirs

    def test_then_it_runs_and_the_old_queries_give_the_new_figures(self, old: str, small_dir: Path) -> None:
        views = "monthly_kpis_v2" in str(contents(old).keys())
        adopt(old, dry_run=False)
        assert run(old, small_dir).code == 0
        assert one(old, "SELECT count(*) FROM monthly_kpis") == 793
        for query in MONITORING:
            ask(old, query)
        assert ask(old, MONITORING[0])[0][0] == last_run(old)["id"]
        if views:
            theirs = ask(
                old, "SELECT fecha, institucion, imor, pe_consumo, quebrantos_cc FROM monthly_kpis_v2 ORDER BY 1, 2"
            )
            assert theirs == ask(
                old,
                "SELECT fecha, banco_norm, imor, pe_consumo, quebrantos_comerciales FROM monthly_kpis ORDER BY 1, 2",
            )
            assert len(theirs) == 793


class TestNewDatabase:
    def test_an_empty_one_gets_our_tables_and_nothing_else(self, dsn: str, small_dir: Path) -> None:
        (step,) = adopt(dsn, dry_run=False)
        assert step == f"created in public: {', '.join(OUR_TABLES)}"
        assert one(dsn, "SELECT to_regnamespace('anterior')") is None
        assert run(dsn, small_dir).code == 0

    def test_one_of_ours_stays_as_it_is(self, published: str) -> None:
        before = fingerprint(published)
        assert etl("adopt", BANKADVISOR_DSN=published).out.startswith("nothing to do")
        assert fingerprint(published) == before

    def test_one_that_the_old_job_filled_again_is_taken_over_again(self, published: str, small_dir: Path) -> None:
        figures = one(published, "SELECT count(*) FROM monthly_kpis")
        load(published, "DROP TABLE monthly_kpis CASCADE", MONTHLY_KPIS)
        adopt(published, dry_run=False)
        load(published, "DROP VIEW monthly_kpis_v2; DROP TABLE monthly_kpis CASCADE", MONTHLY_KPIS)
        adopt(published, dry_run=False)
        assert one(published, "SELECT count(*) FROM anterior.monthly_kpis") == 76
        assert one(published, "SELECT count(*) FROM anterior.monthly_kpis_2") == 76
        assert one(published, "SELECT count(*) FROM anterior.monthly_kpis_v2_2") == 76
        assert run(published, small_dir).code == 0
        assert one(published, "SELECT count(*) FROM monthly_kpis_v2") == figures
        assert one(published, "SELECT count(*) FROM monthly_kpis_float") == figures


class TestReaders:
    def test_a_row_of_the_new_figures(self, dsn: str, small_dir: Path) -> None:
        load(dsn, MONTHLY_KPIS)
        adopt(dsn, dry_run=False)
        run(dsn, small_dir)
        ((fecha, imor),) = ask(
            dsn,
            "SELECT fecha, imor FROM monthly_kpis_v2 WHERE banco_norm = 'INVEX' AND fecha = '2025-06-01 00:00:00'",
        )
        assert fecha == dt.date(2025, 6, 1)
        assert imor == kpis(dsn)["202506", "040059"]["imor"] != Decimal("0.02")

    def test_views_on_views_and_all_that_is_theirs(self, dsn: str, role: str) -> None:
        load(
            dsn,
            MONTHLY_KPIS,
            f"CREATE SCHEMA informes; GRANT USAGE ON SCHEMA informes TO {role}",
            "CREATE VIEW informes.sistema WITH (security_barrier) AS"
            " SELECT fecha, imor AS morosidad FROM monthly_kpis_v2 WHERE banco_norm = 'SISTEMA'",
            f"GRANT SELECT ON informes.sistema TO {role} WITH GRANT OPTION; GRANT SELECT ON monthly_kpis_v2 TO PUBLIC",
            "CREATE MATERIALIZED VIEW resumen AS SELECT banco_norm, avg(imor) AS imor FROM monthly_kpis GROUP BY 1",
            "CREATE UNIQUE INDEX resumen_banco ON resumen (banco_norm)",
            "COMMENT ON MATERIALIZED VIEW resumen IS 'Medias'",
            f"GRANT SELECT ON monthly_kpis TO {role}; ALTER VIEW monthly_kpis_v2 OWNER TO {role}",
        )
        before = fingerprint(dsn)
        steps = adopt(dsn, dry_run=False)
        assert "to do after that run: REFRESH MATERIALIZED VIEW public.resumen" in steps
        after = fingerprint(dsn)
        for name, comment in (("informes.sistema", None), ("public.resumen", "Medias")):
            assert after[name][2:5] == before[name][2:5]  # grants, owner, options
            assert after[name][-2] == comment
        assert after["public.monthly_kpis_v2"][3] == before["public.monthly_kpis_v2"][3]
        assert after["public.monthly_kpis_v2"][-2] == "What the dashboards read"
        assert after["public.resumen_banco"][6] == before["public.resumen_banco"][6]
        assert one(dsn, "SELECT count(*) FROM anterior.resumen") == 4
        with psycopg.connect(dsn) as session:
            session.execute(f"SET ROLE {role}".encode())
            assert session.execute("SELECT count(*) FROM informes.sistema").fetchone() == (0,)
            assert session.execute("SELECT count(*) FROM anterior.sistema").fetchone() == (19,)

    def test_who_could_read_the_tables_can_read_the_new_ones(self, dsn: str, role: str) -> None:
        load(dsn, MONTHLY_KPIS, INSTITUCIONES)
        load(dsn, f"GRANT SELECT ON monthly_kpis, metricas_financieras TO {role}; GRANT ALL ON instituciones TO {role}")
        steps = adopt(dsn, dry_run=False)
        assert f"can still read public.monthly_kpis: {role}" in steps
        with psycopg.connect(dsn, autocommit=True) as session:
            session.execute(f"SET ROLE {role}".encode())
            for table in ("monthly_kpis", "instituciones", "metricas_financieras", "anterior.monthly_kpis"):
                session.execute(f"TABLE {table}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute("DELETE FROM instituciones")

    def test_a_view_that_no_longer_compiles_is_named_and_kept(self, dsn: str) -> None:
        load(
            dsn,
            MONTHLY_KPIS,
            "ALTER TABLE monthly_kpis ADD COLUMN index bigint DEFAULT 7",
            "CREATE VIEW por_indice AS SELECT index, banco_norm FROM monthly_kpis",
            "CREATE VIEW doble AS SELECT 2 * index AS doble FROM por_indice",
        )
        steps = adopt(dsn, dry_run=False)
        warnings = [step for step in steps if step.startswith("warning: ")]
        assert len(warnings) == 2
        assert re.fullmatch(
            r"warning: public\.por_indice does not compile over the new tables: column \S*\bindex\b\S* does not exist; "
            r"it is anterior\.por_indice now",
            warnings[0],
        )
        assert warnings[1].startswith("warning: public.doble does not compile")
        assert one(dsn, "SELECT max(doble) FROM anterior.doble") == 14
        assert one(dsn, "SELECT to_regclass('public.por_indice')") is None
        assert one(dsn, "SELECT count(*) FROM monthly_kpis_v2") == 0

    def test_functions_bound_to_an_old_table_are_named(self, dsn: str) -> None:
        load(
            dsn,
            MONTHLY_KPIS,
            "CREATE FUNCTION de_banco(text) RETURNS SETOF monthly_kpis LANGUAGE sql"
            " AS 'SELECT * FROM monthly_kpis WHERE banco_norm = $1'",
        )
        assert "warning: the function public.de_banco(text) is bound to an old table; recreate it" in adopt(
            dsn, dry_run=False
        )


class TestInstituciones:
    JOIN = (
        "SELECT i.id, i.nombre_corto, i.nombre_oficial, m.activo_total FROM metricas_financieras m"
        " JOIN instituciones i ON m.institucion_id = i.id ORDER BY 1"
    )

    def test_joins_by_the_old_ids_find_the_same_banks(self, dsn: str, small_dir: Path) -> None:
        load(dsn, INSTITUCIONES)
        steps = adopt(dsn, dry_run=False)
        assert "4 of 5 institutions are known by name and keep their ids" in steps
        assert "warning: not in the catalogue, so only in anterior.instituciones: G7" in steps
        assert run(dsn, small_dir).code == 0
        assert [row[:2] + row[3:] for row in ask(dsn, self.JOIN)] == [
            (1, "SISTEMA", 1000),
            (2, "MIFEL", 2000),
            (4, "BBVA", 4000),
            (5, "INVEX", 5000),
        ]
        assert (
            one(dsn, "SELECT min(id) FROM instituciones WHERE codigo_cnbv NOT IN ('5', '040042', '040012', '040059')")
            > 5
        )

    def test_the_old_tables_keep_their_keys_beside_the_new_ones(self, dsn: str) -> None:
        load(dsn, INSTITUCIONES)
        adopt(dsn, dry_run=False)
        keys = ask(
            dsn,
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f'"
            " AND conrelid::regclass::text ~ 'metricas_(financieras|cartera_segmentada)$' ORDER BY 1, 2",
        )
        assert keys == [
            ("anterior.metricas_cartera_segmentada", "anterior.instituciones"),
            ("anterior.metricas_cartera_segmentada", "anterior.segmentos_cartera"),
            ("anterior.metricas_financieras", "anterior.instituciones"),
            ("metricas_cartera_segmentada", "instituciones"),
            ("metricas_cartera_segmentada", "segmentos_cartera"),
            ("metricas_financieras", "instituciones"),
        ]
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            load(
                dsn,
                "INSERT INTO metricas_financieras (institucion_id, fecha_corte, fuente) VALUES (99, '2025-07-01', 'x')",
            )

    def test_segments_keep_their_ids_and_rows(self, dsn: str) -> None:
        load(dsn, INSTITUCIONES)
        steps = adopt(dsn, dry_run=False)
        assert "2 segments keep their ids" in steps
        assert ask(dsn, "SELECT id, codigo FROM segmentos_cartera WHERE id < 3 ORDER BY 1") == [
            (1, "EMPRESAS"),
            (2, "VIVIENDA"),
        ]
        assert one(dsn, "SELECT count(*) FROM segmentos_cartera") == 15
        query = (
            "SELECT i.nombre_corto, s.codigo, m.cartera_total, m.fuente FROM metricas_cartera_segmentada m"
            " JOIN instituciones i ON i.id = m.institucion_id JOIN segmentos_cartera s ON s.id = m.segmento_id"
            " WHERE m.fecha_corte = (SELECT max(fecha_corte) FROM metricas_cartera_segmentada)"
            " AND s.codigo = 'VIVIENDA' ORDER BY i.id"
        )
        assert ask(dsn, query) == [
            (name, "VIVIENDA", Decimal(number * 10 + 2), "anterior")
            for number, name in ((1, "SISTEMA"), (2, "MIFEL"), (4, "BBVA"), (5, "INVEX"))
        ]
        load(dsn, "INSERT INTO segmentos_cartera (codigo, nombre) VALUES ('NUEVO', 'x')")
        assert one(dsn, "SELECT max(id) FROM segmentos_cartera") == 17

    def test_a_view_over_both_is_made_again(self, dsn: str) -> None:
        load(dsn, INSTITUCIONES, f"CREATE VIEW activos AS {self.JOIN}")
        adopt(dsn, dry_run=False)
        assert [row[1] for row in ask(dsn, "SELECT * FROM activos")] == ["SISTEMA", "MIFEL", "BBVA", "INVEX"]
        assert len(ask(dsn, "SELECT * FROM anterior.activos")) == 5


class TestRefusals:
    def test_a_run_at_work_is_left_alone(self, published: str, small_dir: Path, tmp_path: Path) -> None:
        settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
        with stopped_at("begun", tmp_path / "marker", "run", "--force", "--data-dir", small_dir, **settings):
            done = etl("adopt", **settings)
            assert done.code == 75
            assert "another run is at work" in done.err

    def test_somebody_in_the_middle_of_reading_is_named(self, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
        load(dsn, MONTHLY_KPIS)
        before = fingerprint(dsn)
        monkeypatch.setattr(adoption, "PATIENCE", 0.5)
        with psycopg.connect(dsn, application_name="tablero") as reader:
            reader.execute("SELECT count(*) FROM monthly_kpis_v2")
            with pytest.raises(
                DatabaseError, match=r"the tables are in use by .*'tablero', process \d+\); nothing was"
            ):
                adopt(dsn, dry_run=False)
        assert fingerprint(dsn) == before

    def test_somebody_who_ends_soon_is_waited_for(self, dsn: str) -> None:
        load(dsn, ETL_RUNS_ONE, MONTHLY_KPIS)
        with psycopg.connect(dsn) as reader:
            reader.execute("SELECT count(*) FROM monthly_kpis_v2")
            end = threading.Timer(0.7, reader.rollback)
            end.start()
            started = time.monotonic()
            assert "public.monthly_kpis is moved to anterior.monthly_kpis (76 rows)" in adopt(dsn, dry_run=False)
            assert time.monotonic() - started > 0.5
            end.join()

    def test_a_role_that_owns_nothing_is_told_so(self, dsn: str, role: str) -> None:
        load(dsn, MONTHLY_KPIS)
        before = fingerprint(dsn)
        done = etl("adopt", BANKADVISOR_DSN=f"{dsn} user={role}")
        assert done.code == 78
        assert "the database role lacks a privilege" in done.err
        assert fingerprint(dsn) == before

    def test_an_owner_need_not_be_a_superuser(self, dsn: str, role: str, small_dir: Path) -> None:
        database = one(dsn, "SELECT current_database()")
        load(dsn, f"GRANT CREATE ON DATABASE {database} TO {role}; GRANT CREATE ON SCHEMA public TO {role}")
        theirs = f"{dsn} user={role}"
        load(theirs, ETL_RUNS_ONE, MONTHLY_KPIS, INSTITUCIONES)
        assert etl("adopt", BANKADVISOR_DSN=theirs).code == 0
        assert run(theirs, small_dir).code == 0
        assert [row["id"] for row in runs(dsn)] == [3, 4, 5, 9, 13]
