"""A run with bulletins: BankAdvisor's tables, the source of each figure, and what is never lost."""

from __future__ import annotations

import csv
import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.sample_data import amounts, bulletins, icap_bulletin
from bankadvisor_etl.sample_data.workbooks import write_workbook
from bankadvisor_etl.sources.segments import SEGMENTS
from support.cli import etl
from support.official import put
from support.published import ask, everything, kpis, one
from support.small import CARTERA, run, set_cell

if TYPE_CHECKING:
    from pathlib import Path

INVEX, NUEVO = "040059", "BANCO CUENCA"
TABLES = ("metricas_financieras", "metricas_cartera_segmentada", "captacion")

LATEST = """
SELECT i.codigo_cnbv, m.activo_total, m.imor, m.fuente FROM metricas_financieras m
JOIN instituciones i ON i.id = m.institucion_id
WHERE m.fecha_corte = (SELECT max(fecha_corte) FROM metricas_financieras) ORDER BY 1
"""
SEGMENTED = """
SELECT s.codigo, m.cartera_total, m.imor FROM metricas_cartera_segmentada m
JOIN instituciones i ON i.id = m.institucion_id JOIN segmentos_cartera s ON s.id = m.segmento_id
WHERE i.nombre_corto = 'INVEX' AND m.fecha_corte = (SELECT max(fecha_corte) FROM metricas_cartera_segmentada)
ORDER BY m.cartera_total DESC
"""


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bulletins of 202506 and 202507, and the bulletin of capital of 202504."""
    folder = tmp_path_factory.mktemp("bulletins")
    bulletins.write(folder, 0, cifras=amounts.simulate(0))
    icap_bulletin.write(folder, 0, 202504)
    return folder


@pytest.fixture
def both(small: Path, editions: Path, books: Path) -> Path:
    """The workbooks, the first edition of the series, which ends in 202506, and the bulletins."""
    put(editions, 1, small)
    for path in books.iterdir():
        (small / "cnbv" / path.name).write_bytes(path.read_bytes())
    return small


def findings(dsn: str) -> dict[str, tuple[Any, ...]]:
    query = "SELECT check_name, passed, observed FROM etl_run_checks WHERE run_id = (SELECT max(id) FROM etl_runs)"
    return {name: rest for name, *rest in ask(dsn, query)}


def sources(dsn: str, table: str, month: str = "fecha_corte") -> dict[str, set[str]]:
    query = f"SELECT to_char({month}, 'YYYYMM'), array_agg(DISTINCT fuente) FROM {table} GROUP BY 1"  # noqa: S608
    return {period: set(found) for period, found in ask(dsn, query)}  # type: ignore[arg-type]


def test_all_sources_at_once(dsn: str, both: Path, books: Path) -> None:
    done = run(dsn, both)
    assert done.code == 0, done
    found = sources(dsn, "metricas_financieras")
    assert {month for month, of in found.items() if of == {"boletin"}} == {"202507"}
    assert {month for month, of in found.items() if of == {"serie"}} == {*found} - {"202507"}
    assert sources(dsn, "captacion").keys() == {"202406", "202407", "202505", "202506", "202507"}
    assert one(dsn, "SELECT count(*) FROM segmentos_cartera") == len(SEGMENTS) == 15
    keys = (
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
        " WHERE confdeltype = 'c' AND conrelid::regclass::text = ANY(%s)"
    )
    assert set(ask(dsn, keys, [[*TABLES]])) == {
        *((table, "instituciones") for table in TABLES),
        ("metricas_cartera_segmentada", "segmentos_cartera"),
    }

    latest = {code: rest for code, *rest in ask(dsn, LATEST)}
    book = bulletins.sheets(0, 202507, amounts.simulate(0))
    row = next(row for row in book["Pm2"] if row[1:2] == ["Invex"])
    assert latest[INVEX][0] == round(Decimal(row[6]), 2)
    assert latest[INVEX][2] == "boletin"
    assert {"5", "040171", NUEVO} <= latest.keys()
    assert one(dsn, "SELECT nombre_oficial FROM instituciones WHERE codigo_cnbv = %s", [NUEVO]) == NUEVO

    segments = ask(dsn, SEGMENTED)
    row = next(row for row in book["CCV"] if row[1:2] == ["Invex"])
    vivienda = next((total, imor) for code, total, imor in segments if code == "VIVIENDA")
    assert vivienda == (round(Decimal(row[4]), 2), round(Decimal(row[7]), 4))

    table = kpis(dsn)
    for bank in (INVEX, bulletins.RESTATED):
        of_icap = {month: table[month, bank]["fuente_icap"] for month in ("202503", "202504", "202505", "202506")}
        assert of_icap == {"202503": "libro", "202504": "icap_cnbv", "202505": "boletin", "202506": "boletin"}
    row = next(row for row in book["Art_121 "] if row[1:2] == ["Bankaool"])
    assert float(table["202506", bulletins.RESTATED]["icap_total"]) == pytest.approx(row[4] / 100, abs=1e-8)

    assert findings(dsn)["boletin_names_known"] == [False, "1 are published under their name"]
    assert findings(dsn)["boletin_sheets_read"][0]
    assert findings(dsn)["conceptos_labels"][0]
    of_cnbv = "SELECT file_name FROM etl_run_sources WHERE source IN ('boletin', 'icap_cnbv')"
    names = {name for (name,) in ask(dsn, of_cnbv)}
    assert names == {f"cnbv/{path.name}" for path in books.iterdir()}

    assert findings(dsn)["reconcile_boletin_serie_metrica"][0]
    assert not findings(dsn)["reconcile_libro_serie"][0]
    listed = "SELECT DISTINCT comparacion, codigo_cnbv FROM conciliacion WHERE run_id = 1"
    assert set(ask(dsn, listed)) == {
        *(("libro_serie", code) for code in ("5", "040171")),
        *((name, bulletins.RESTATED) for name in ("icap_icap_cnbv", "icap_boletin")),
    }

    before = everything(dsn)
    assert run(dsn, both, "--force").code == 0
    after = everything(dsn)
    assert {name for name in before if before[name] != after[name] and not name.startswith("etl_")} == {"conciliacion"}


def of_july(dsn: str, column: str) -> Any:
    query = (
        f"SELECT {column} FROM metricas_financieras m JOIN instituciones i ON i.id = m.institucion_id"  # noqa: S608
        " WHERE codigo_cnbv = %s AND fuente = 'boletin'"
    )
    return one(dsn, query, [INVEX])


def contents(dsn: str) -> dict[str, Any]:
    return {table: ask(dsn, f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}  # type: ignore[arg-type]  # noqa: S608


def test_a_restated_figure_is_recorded_and_a_blank_one_is_none(dsn: str, both: Path) -> None:
    assert run(dsn, both).code == 0
    old, kept = of_july(dsn, "activo_total"), of_july(dsn, "inversiones_financieras")
    book = bulletins.sheets(0, 202507, amounts.simulate(0))
    row = next(row for row in book["Pm2"] if row[1:2] == ["Invex"])
    row[6] += 1  # type: ignore[index, operator]
    row[12] = "n.d."  # type: ignore[index]
    write_workbook(both / "cnbv" / "BE BM 202507.xlsx", book)
    assert run(dsn, both).code == 0
    changes = "SELECT columna, valor_anterior, valor_nuevo FROM metricas_financieras_cambios"
    assert ask(dsn, changes) == [("activo_total", old, old + 1)]
    assert (of_july(dsn, "activo_total"), of_july(dsn, "inversiones_financieras")) == (old + 1, kept)
    # Without the bulletins their figures stay, even if removals are allowed.
    before = contents(dsn)
    for path in (both / "cnbv").glob("BE BM*"):
        path.unlink()
    assert run(dsn, both, "--allow-removals").code == 0
    assert contents(dsn) == before


def test_the_next_edition_of_the_series_takes_the_month_over(dsn: str, both: Path, editions: Path) -> None:
    book = bulletins.sheets(0, 202507, amounts.simulate(0))
    book["CCV"][6][3] = "en revisión"  # type: ignore[index]
    write_workbook(both / "cnbv" / "BE BM 202507.xlsx", book)
    assert run(dsn, both).code == 0
    # A refused sheet does not affect the others.
    assert findings(dsn)["boletin_sheets_read"] == [False, "1 sheets were set aside"]
    ((number, raw),) = ask(dsn, "SELECT row_number, raw FROM etl_rejects WHERE source = 'boletin'")
    cell = {"file": "BE BM 202507.xlsx", "sheet": "CCV", "row": 7, "column": "D", "value": "en revisión"}
    assert (number, raw) == (20250715, cell)
    months = (
        "SELECT DISTINCT to_char(fecha_corte, 'YYYYMM') FROM metricas_cartera_segmentada m"
        " JOIN segmentos_cartera s ON s.id = m.segmento_id WHERE m.fuente = 'boletin' AND s.codigo = %s"
    )
    assert ask(dsn, months, ["VIVIENDA"]) == []  # type: ignore[arg-type]
    assert ask(dsn, months, ["EMPRESAS"]) == [("202507",)]  # type: ignore[arg-type]
    put(editions, 2, both)
    assert run(dsn, both).code == 0
    assert sources(dsn, "metricas_financieras")["202507"] == {"serie", "boletin"}  # Banco Cuenca is in no series
    assert one(dsn, "SELECT count(*) FROM metricas_financieras WHERE fuente = 'boletin'") == 1


def test_a_label_that_disagrees_stops_the_run(dsn: str, both: Path) -> None:
    path = both / "cnbv" / "cat_conceptos_40.csv"
    was, now = (b'40100051,"%s en' % word for word in (b"Inversiones", b"Deudores"))
    path.write_bytes(path.read_bytes().replace(was, now))
    assert run(dsn, both).code == 65
    assert not findings(dsn)["conceptos_labels"][0]


@pytest.mark.slow
def test_reconcile_names_what_was_planted(both: Path) -> None:
    """One figure of the workbook is changed in its last digit; the sample has a restated ICAP and one more bank."""
    row = {"Institucion": "040012", "Cve_Periodo": "202503"}
    set_cell(both / CARTERA, "Créditos de Consumo Etapa 3", lambda old: old + 1e-6, **row)
    done = etl("reconcile", "--json", "--data-dir", both)
    assert done.code == 1
    found = done.json
    assert found["unexplained"] == len([row for row in found["differences"] if row["causa"] is None])
    names = {line["comparacion"] for line in found["summary"]}
    assert names == {
        *("libro_serie", "serie_130_133", "identidades_130", "identidades_133", "boletin_serie_metrica"),
        *("boletin_serie_segmento", "boletin_boletin", "icap_icap_cnbv", "icap_boletin"),
    }
    rows = [row for row in found["differences"] if row["codigo"] == "040012"]
    (planted,) = rows
    assert (planted["comparacion"], planted["mes"], planted["figura"]) == ("libro_serie", "2025-03-01", "co_e3")
    assert (planted["archivo_a"], planted["hoja_a"], planted["indicio"]) == (CARTERA, "Sheet1", "cifra")
    assert planted["sha256_a"] == hashlib.sha256((both / CARTERA).read_bytes()).hexdigest()
    assert planted["diferencia"] == pytest.approx(-1e-6, rel=1e-2)
    lines = csv.DictReader(etl("reconcile", "--csv", "--data-dir", both).out.splitlines())
    (line,) = (line for line in lines if line["codigo"] == "040012")
    assert float(line["valor_b"]) - float(line["valor_a"]) == pytest.approx(-1e-6, rel=1e-2)
    assert float(line["diferencia"]) == planted["diferencia"]
    others = {(row["comparacion"], row["codigo"]) for row in found["differences"]} - {("libro_serie", "040012")}
    assert others == {
        *(("libro_serie", code) for code in ("5", "040171")),
        *((name, bulletins.RESTATED) for name in ("icap_icap_cnbv", "icap_boletin")),
    }
