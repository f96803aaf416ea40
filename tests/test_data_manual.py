"""Documents for analysts: the README's questions have known answers, the manual's table of figures is up to date."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import psycopg
import pytest
import sqlalchemy

import bankadvisor_etl
from bankadvisor_etl.figures import FED_BY, METRICS
from bankadvisor_etl.looking import dictionary
from bankadvisor_etl.tables import VIEWS
from support.cli import etl
from support.published import ask, kpis, one
from support.small import ICAP, run, set_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

MANUAL = (Path(bankadvisor_etl.__file__).parent / "README.md").read_text(encoding="utf-8")
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


BY_HAND = [name for name in METRICS if name not in FED_BY["serie"]]
"""The columns that have values without CNBV's series; a column of nulls has no detectable type."""

QUESTIONS = re.findall(r"^    (SELECT .*)$", section(README, "Five questions"), re.MULTILINE)
AGAINST, LARGEST, SHARES, CHANGED, GREW = QUESTIONS


def answer(dsn: str, question: str) -> list[dict[str, Any]]:
    done = etl("query", "--json", question, BANKADVISOR_DSN=dsn)
    assert (done.code, done.err) == (0, "")
    rows: list[dict[str, Any]] = done.json
    return rows


def newest(dsn: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """The rows of ``ultimo_mes`` by code, from the table, and its month."""
    month = one(dsn, "SELECT to_char(max(fecha), 'YYYYMM') FROM ultimo_mes")
    rows = {code: row for (at, code), row in kpis(dsn).items() if at == month and code != "5"}
    return month, rows


def test_the_table_of_figures_is_that_of_the_dictionary() -> None:
    assert MANUAL.partition("<!-- diccionario -->\n")[2].strip() == dictionary.as_markdown()
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \|$", section(MANUAL, "Views"), re.MULTILINE) == [
        view.name for view in VIEWS
    ]


def test_the_answers_are_those_of_the_table(published: str) -> None:
    table = kpis(published)
    month, rows = newest(published)
    against = answer(published, AGAINST)
    assert len(against) == 12
    for row in against:
        at = f"{date.fromisoformat(row['fecha']):%Y%m}"
        gap = float(table[at, "040059"]["imor"] - table[at, "5"]["imor"])
        assert row["pb"] == pytest.approx(10_000 * gap, abs=0.051)
    by_size = sorted(rows.values(), key=lambda row: -(row["cartera_total"] or 0))
    assert [r["banco_norm"] for r in answer(published, LARGEST)] == [row["banco_norm"] for row in by_size[:10]]
    shares = answer(published, SHARES)
    assert shares[-1]["acumulado"] == pytest.approx(float(sum(row["market_share_pct"] for row in by_size[:5])))
    before = f"{int(month) - 100}"
    growth = {
        row["banco_norm"]: 100 * (float(row["cartera_total"] / table[before, code]["cartera_total"]) - 1)
        for code, row in rows.items()
        if (before, code) in table and table[before, code]["cartera_total"] and row["cartera_total"] is not None
    }
    grew = {row["banco_norm"]: row["crecimiento"] for row in answer(published, GREW) if row["crecimiento"] is not None}
    assert grew.keys() == growth.keys()
    assert all(grew[name] == pytest.approx(growth[name], abs=0.051) for name in growth)


def test_what_changed_is_what_was_changed(published: str, small: Path) -> None:
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    set_cell(small / ICAP, "CCB", lambda old: old * 2, Cve_Inst="040012", FECHA="2024-12-01")
    run(published, small)
    rows = answer(published, CHANGED)
    assert [(row["banco_norm"], row["columna"]) for row in rows] == [("BBVA", "icap_ccb"), ("INVEX", "icap_total")]
    assert rows[0]["cambio_pct"] == pytest.approx(100, abs=1e-3)


def test_the_answers_on_the_real_files_are_known(dsn: str, real_data: Path) -> None:
    assert etl("run", "--data-dir", real_data, BANKADVISOR_DSN=dsn).code == 0
    assert one(dsn, "SELECT max(fecha) FROM ultimo_mes") == date(2025, 6, 1)
    against = {row["fecha"]: row for row in answer(dsn, AGAINST)}
    assert against["2025-07-01"]["imor"] == pytest.approx(0.023495, abs=1e-6)
    assert against["2025-06-01"]["pb"] == pytest.approx(32, abs=0.5)
    largest = answer(dsn, LARGEST)
    assert [row["banco_norm"] for row in largest[:6]] == [
        *("BBVA", "BANORTE", "SANTANDER", "SCOTIABANK", "HSBC", "BANAMEX"),
    ]
    assert largest[0]["icap_total"] == pytest.approx(0.2007, abs=5e-5)
    shares = answer(dsn, SHARES)
    assert shares[0]["market_share_pct"] == pytest.approx(25.99, abs=0.01)
    assert shares[-1]["acumulado"] == pytest.approx(66.31, abs=0.05)
    assert answer(dsn, CHANGED) == []
    grew = {row["banco_norm"]: row["crecimiento"] for row in answer(dsn, GREW)}
    assert (grew["BBVA"], grew["INVEX"], grew["BANAMEX"]) == (11.6, 20.2, -26.2)


def test_pandas_and_polars_read_the_float_view_without_options(published: str) -> None:
    rows = one(published, "SELECT count(*) FROM monthly_kpis")
    total = float(one(published, "SELECT sum(cartera_total) FROM monthly_kpis"))
    query = "SELECT * FROM monthly_kpis_float"
    with psycopg.connect(published) as connection:
        frame = pl.read_database(query, connection)
    assert frame.height == rows
    assert {frame.schema[name] for name in BY_HAND} == {pl.Float64()}
    assert (frame.schema["fecha"], frame.schema["alertas"]) == (pl.Date(), pl.String())
    assert frame["cartera_total"].sum() == pytest.approx(total)
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(published))
    table = pd.read_sql(query, engine)
    engine.dispose()
    assert len(table) == rows
    assert kinds(table, BY_HAND) == {"float64"}
    assert table["cartera_total"].sum() == pytest.approx(total)
    assert ask(published, "SELECT count(*) FROM monthly_kpis") == [(rows,)]


def kinds(table: pd.DataFrame, columns: Sequence[str]) -> set[str]:
    return {str(table[name].dtype) for name in columns}
