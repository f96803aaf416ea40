"""``export`` and ``diccionario``, read back by openpyxl, PostgreSQL, polars and a terminal."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import polars as pl
import pytest

from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.tables import MONTHLY_KPIS, VIEWS
from support.cli import etl
from support.published import ask, copy_of, one

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 793


@pytest.fixture(scope="module")
def database(published_template: str) -> Iterator[str]:
    with copy_of(published_template) as dsn:
        yield dsn


def export(dsn: str, path: Path, *options: str) -> list[str]:
    done = etl("export", path, *options, BANKADVISOR_DSN=dsn)
    assert (done.code, done.err) == (0, "")
    assert not list(path.parent.glob(".*"))
    return [line.split("  ")[0] for line in done.out.splitlines()]


def rows_of(sheet: Any) -> list[dict[str, Any]]:
    header, *rows = sheet.iter_rows()
    names = [cell.value for cell in header]
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_excel_reads_types_formats_accents_and_the_dictionary(database: str, tmp_path: Path) -> None:
    target = tmp_path / "banca.xlsx"
    assert export(database, target) == [str(target)]
    book = openpyxl.load_workbook(target)
    assert book.sheetnames == ["monthly_kpis", "diccionario"]
    sheet = book["monthly_kpis"]
    rows = rows_of(sheet)
    assert len(rows) == ROWS
    assert list(rows[0]) == [column.name for column in MONTHLY_KPIS.columns]
    assert sheet.freeze_panes == "F2"  # the header, and the columns up to banco_norm
    assert sheet.auto_filter.ref.endswith(str(ROWS + 1))
    key = {"fecha": datetime(2025, 3, 1), "codigo_cnbv": "040059"}  # noqa: DTZ001 - Excel has no time zones
    (invex,) = (row for row in rows if all(row[name].value == value for name, value in key.items()))
    assert invex["codigo_cnbv"].data_type == "s"
    assert invex["fecha"].is_date
    assert invex["fecha"].number_format == "yyyy-mm-dd"
    assert invex["imor"].number_format == "0.00%"
    assert invex["market_share_pct"].number_format == '0.00" %"'
    assert invex["cartera_total"].number_format == "#,##0.00"
    stored = ask(
        database,
        "SELECT imor, icap_total, cartera_total, market_share_pct, etl_run_id FROM monthly_kpis"
        " WHERE codigo_cnbv = '040059' AND fecha = '2025-03-01'",
    )[0]
    shown = [invex[n].value for n in ("imor", "icap_total", "cartera_total", "market_share_pct", "etl_run_id")]
    assert shown == [pytest.approx(float(value), rel=1e-12) for value in stored]
    nulls = one(database, "SELECT count(*) FROM monthly_kpis WHERE tasa_mn IS NULL")
    assert sum(row["tasa_mn"].value is None for row in rows) == nulls > 0
    entries = {row["columna"].value: row for row in rows_of(book["diccionario"])}
    assert list(entries) == list(rows[0])
    assert entries["imor"]["descripcion"].value.startswith("Índice de morosidad")
    assert entries["imor"]["unidad"].value == "razón"
    assert entries["pct_etapa_1"]["alias_de"].value == "ct_etapa_1"
    assert book["diccionario"].freeze_panes == "B2"


def test_a_csv_has_the_digits_of_postgresql_and_a_bom_when_asked(database: str, tmp_path: Path) -> None:
    target, beside = tmp_path / "banca.csv", tmp_path / "banca.diccionario.csv"
    assert export(database, target) == [str(target), str(beside)]
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    assert len(rows) == ROWS
    stored = one(database, "SELECT imor::text FROM monthly_kpis WHERE codigo_cnbv = '040059' AND fecha = '2025-03-01'")
    assert [r["imor"] for r in rows if (r["codigo_cnbv"], r["fecha"]) == ("040059", "2025-03-01")] == [stored]
    plain = target.read_bytes()
    assert plain[:3] != b"\xef\xbb\xbf"
    export(database, target, "--bom")
    assert target.read_bytes() == b"\xef\xbb\xbf" + plain
    assert "razón" in beside.read_text(encoding="utf-8-sig")


def test_polars_reads_the_parquet(database: str, tmp_path: Path) -> None:
    target = tmp_path / "banca.parquet"
    export(database, target)
    frame = pl.read_parquet(target)
    assert frame.height == ROWS
    assert {frame.schema[name] for name in METRICS} == {pl.Float64()}
    assert frame.schema["fecha"] == pl.Date()
    assert frame.schema["alertas"] == pl.List(pl.String())
    assert frame["updated_at"].null_count() == 0
    total = one(database, "SELECT sum(cartera_total)::float8 FROM monthly_kpis")
    assert frame["cartera_total"].sum() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("table", [*(view.name for view in VIEWS), "monthly_kpis_cambios", "instituciones", "etl_runs"])
@pytest.mark.parametrize("suffix", ["xlsx", "parquet"])
def test_every_table_can_be_written(database: str, tmp_path: Path, table: str, suffix: str) -> None:
    target = tmp_path / f"x.{suffix}"
    export(database, target, "--table", table)
    rows = one(database, f"SELECT count(*) FROM {table}")  # type: ignore[arg-type]  # noqa: S608 - a constant
    if suffix == "xlsx":
        assert len(rows_of(openpyxl.load_workbook(target)[table])) == rows
    else:
        assert pl.read_parquet(target).height == rows


def test_what_cannot_be_written_is_refused_and_leaves_nothing(database: str, dsn: str, tmp_path: Path) -> None:
    for name in ("banca.xls", "banca", "no/such/folder.csv"):
        assert etl("export", tmp_path / name, BANKADVISOR_DSN=database).code == 78
    assert etl("export", tmp_path / "x.csv", BANKADVISOR_DSN=dsn).code == 78
    assert etl("export", tmp_path / "x.csv", "--table", "pg_class", BANKADVISOR_DSN=database).code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_dictionary_is_that_of_the_table(database: str) -> None:
    entries = {entry["columna"]: entry for entry in etl("diccionario", "--json").json}
    comments = dict(
        ask(
            database,
            "SELECT attname::text, col_description(attrelid, attnum) FROM pg_attribute"
            " WHERE attrelid = 'monthly_kpis'::regclass AND attnum > 0 ORDER BY attnum",
        )
    )
    assert list(entries) == list(comments)
    for name, entry in entries.items():
        for part in ("descripcion", "formula", "unidad", "fuente", "alias_de"):
            assert (entry[part] or "") in comments[name]
    assert entries["market_share_pct"]["unidad"] == "porcentaje"
    assert entries["imor"]["fuente"] == "sh_datos_csv_40.zip o CNBV_Cartera_Bancos_V2.xlsx"
    lines = list(csv.DictReader(io.StringIO(etl("diccionario", "--csv", "imor", "icor").out)))
    assert [line["columna"] for line in lines] == ["imor", "icor"]
    text = etl("diccionario", COLUMNS=80).out
    assert max(len(line) for line in text.splitlines()) <= 80
    assert all(f"\n{name}" in f"\n{text}" for name in entries)
    assert etl("diccionario", "no_such_column").code == 2


def test_dates_of_the_month_are_days(database: str) -> None:
    assert one(database, "SELECT max(fecha) FROM monthly_kpis_float") == date(2025, 7, 1)
