"""A run with CNBV's own series: the source of each figure, what is recorded, and what is never lost."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.sample_data import bulletin_figures, official
from bankadvisor_etl.sample_data.concepts import CONCEPTOS
from support.contract import OPTIONAL
from support.official import edit, put
from support.published import ask, changes, everything, figures, kpis, last_run, one
from support.small import CARTERA, CASTIGOS, TDA, run

if TYPE_CHECKING:
    from pathlib import Path

INVEX = "040059"
RECORDS = {"etl_runs", "etl_run_checks", "etl_run_sources", "etl_rejects"}


@pytest.fixture
def both(small: Path, editions: Path) -> Path:
    """The workbooks, and the first edition of CNBV's files, which ends in 202506."""
    put(editions, 1, small)
    return small


def sources(dsn: str) -> dict[str, Counter[str]]:
    """How many rows of each month come from which source."""
    found: dict[str, Counter[str]] = {}
    for month, source in ask(dsn, "SELECT to_char(fecha, 'YYYYMM'), fuente FROM monthly_kpis"):
        found.setdefault(month, Counter())[source] += 1
    return found


def findings(dsn: str) -> dict[str, tuple[Any, ...]]:
    query = (
        "SELECT check_name, severity, passed, accepted FROM etl_run_checks"
        " WHERE run_id = (SELECT max(id) FROM etl_runs)"
    )
    return {name: rest for name, *rest in ask(dsn, query)}


def without(concept: int, *, codes: tuple[str, ...] = (INVEX,), periods: tuple[str, ...] = ("202506",)) -> Any:
    """An edit that removes lines of a concept from the series."""

    def change(line: bytes) -> bytes:
        _, number, code, period, saldo, _ = line.decode().replace('"', "").split(",")
        gone = (int(number), saldo) == (concept, "130") and code in codes and period in periods
        return b"" if gone else line

    return change


def test_both_kinds_of_files(dsn: str, both: Path) -> None:
    done = run(dsn, both)
    assert done.code == 0, done
    months = sources(dsn)
    assert {month for month, found in months.items() if found["serie"]} == {*months} - {"202507"}
    assert months["202506"] == {"serie": 43, "libro": 2}  # two have an ICAP and no loan book
    assert months["202507"] == {"libro": 42}
    table = kpis(dsn)
    row = table["202506", INVEX]
    assert row["fuente_icap"] == "libro"
    assert 0 < row["imor_cnbv"] < row["imora_cnbv"]
    assert row["roa_12m"] is not None
    assert row["roe_12m"] is not None
    assert table["202507", INVEX]["imor_cnbv"] is None
    assert one(dsn, "SELECT count(*) FROM cnbv_conceptos") == len({*CONCEPTOS.values(), *bulletin_figures.LABELS})
    stored = dict(ask(dsn, "SELECT saldo, count(*) FROM cnbv_series GROUP BY 1"))
    read = one(dsn, "SELECT rows_read FROM etl_run_sources WHERE source = 'serie'")
    assert sum(stored.values()) == read
    names = {name for (name,) in ask(dsn, "SELECT file_name FROM etl_run_sources")}
    assert {"cnbv/sh_datos_csv_40.zip", "cnbv/cat_conceptos_40.csv", "cnbv/cat_instituciones_40.csv"} <= names
    assert findings(dsn)["serie_in_entidades"] == ["warning", False, False]
    again = run(dsn, both)
    assert again.event("etl.completed")["unchanged"]
    forced = run(dsn, both, "--force")
    assert forced.event("etl.series.loaded") | {"new": 0, "changed": 0, "restated": 0} == forced.event(
        "etl.series.loaded"
    )
    assert last_run(dsn)["rows_unchanged"] == len(table)


def test_the_consolidated_figures(dsn: str, both: Path) -> None:
    run(dsn, both)
    query = (
        "SELECT count(*), count(c.icap_total), count(c.imor_comercial), min(c.cartera_total / m.cartera_total), "
        "max(c.cartera_total / m.cartera_total) FROM kpis_consolidados c JOIN monthly_kpis m USING (fecha, codigo_cnbv)"
    )
    rows, icaps, adjusted, least, most = ask(dsn, query)[0]
    assert (
        rows
        == one(dsn, "SELECT count(*) FROM kpis_consolidados")
        == one(dsn, "SELECT count(*) FROM monthly_kpis WHERE fuente = 'serie'")
    )
    assert (icaps, adjusted) == (0, 0)
    assert round(least, 4) == round(most, 4) == Decimal("1.0300")


def test_the_series_alone(dsn: str, both: Path) -> None:
    for file in both.glob("*.*"):
        file.unlink()
    done = run(dsn, both)
    assert done.code == 0, done
    table = kpis(dsn)
    assert {row["fuente"] for row in table.values()} == {"serie"}
    row = table["202506", INVEX]
    assert row["tda_cartera_total"] > 0
    assert row["quebrantos_comerciales"] >= 0
    assert row["quebrantos_vs_cartera_cc"] is not None
    assert row["imor_comercial"] is None
    assert row["icap_total"] is None
    warned = {event["source"] for event in done.events if event["event"] == "etl.source.missing"}
    assert warned == {*OPTIONAL}


def test_the_files_that_people_carry_go_before_where_they_have_a_value(dsn: str, both: Path) -> None:
    run(dsn, both)
    first = kpis(dsn)
    (both / TDA).unlink()
    (both / CASTIGOS).unlink()
    assert run(dsn, both, "--accept", "restated_far_tda").code == 0
    series = {
        (code, concept): value
        for code, concept, value in ask(
            dsn, "SELECT entidad, idconcepto, valor FROM cnbv_series_mes('2025-06-01') WHERE saldo = 130"
        )
    }
    row = kpis(dsn)["202506", INVEX]
    assert float(row["tda_cartera_total"]) == pytest.approx(series[INVEX, CONCEPTOS["tda_cartera_total"]], abs=1e-8)
    assert float(row["quebrantos_comerciales"]) == pytest.approx(
        series[INVEX, CONCEPTOS["quebrantos_comerciales"]] / 1e6, abs=1e-6
    )
    assert first["202506", INVEX]["tda_cartera_total"] != row["tda_cartera_total"]
    assert first["202506", INVEX]["imor_comercial"] == row["imor_comercial"]


def test_the_next_edition_restates(dsn: str, both: Path, editions: Path) -> None:
    run(dsn, both)
    put(editions, 2, both)
    done = run(dsn, both)
    assert done.code == 0, done
    loaded = done.event("etl.series.loaded")
    assert (loaded["restated"], loaded["withdrawn"]) == (official.RESTATED, 0)
    recorded = ask(
        dsn, "SELECT saldo, idconcepto, to_char(mes, 'YYYYMM'), valor_nuevo - valor_anterior FROM cnbv_series_cambios"
    )
    assert Counter(recorded) == {(130, CONCEPTOS["res_ae"], "202506", -1_000_000.0): official.RESTATED}
    assert {key[2] for key in changes(dsn, 2) if key[0] == "202506"} == {"pe_empresarial"}
    assert sources(dsn)["202507"] == {"serie": 43}
    moved = done.event("etl.source.moved")
    assert moved["rows"] == 42
    assert {event["check"] for event in done.events if event["event"] == "etl.check.failed"} <= {
        "few_restated",
        "reconcile_libro_serie",
    }


def test_the_book_moves_to_the_series_and_back(dsn: str, small: Path, editions: Path) -> None:
    assert run(dsn, small).code == 0
    by_hand = figures(dsn)
    put(editions, 1, small)
    done = run(dsn, small)
    assert done.code == 0, done
    moved = done.event("etl.source.moved")
    assert moved["rows"] == sum(found["serie"] for found in sources(dsn).values()) - 5
    assert moved["figures"] > 0
    preferred = run(dsn, small, "--prefer", "libro")
    assert preferred.event("etl.source.moved")["rows"] == moved["rows"]
    table = kpis(dsn)
    assert {row["fuente"] for (_, code), row in table.items() if code != official.SIN_CATALOGO} == {"libro"}
    assert table["202506", official.SIN_CATALOGO]["fuente"] == "serie"
    assert figures(dsn) != by_hand  # the series' own columns, and a bank that is not in the workbook
    assert run(dsn, small, "--prefer", "libro").event("etl.completed")["unchanged"]
    assert run(dsn, small).event("etl.source.moved")["rows"] == moved["rows"]


def test_a_withdrawn_value_is_no_zero(dsn: str, both: Path) -> None:
    run(dsn, both)
    before = kpis(dsn)
    edit(both / "cnbv" / official.ARCHIVE, without(CONCEPTOS["co_e1"]))
    done = run(dsn, both)
    assert done.code == 0, done
    after = kpis(dsn)
    row = after["202506", INVEX]
    assert row["cartera_consumo_total"] == before["202506", INVEX]["cartera_consumo_total"] > 0
    assert "cifra_conservada" in row["alertas"]
    assert changes(dsn, 2) == {}
    assert findings(dsn)["serie_valores_conservados"] == ["warning", False, False]
    assert ask(dsn, "SELECT entidad, idconcepto, valor_nuevo FROM cnbv_series_cambios") == [
        (INVEX, CONCEPTOS["co_e1"], None)
    ]
    assert run(dsn, both, "--force").code == 0
    assert kpis(dsn) == after


def test_many_withdrawn_values_refuse_the_file(dsn: str, both: Path) -> None:
    run(dsn, both)
    before = everything(dsn)
    edit(both / "cnbv" / official.ARCHIVE, lambda line: b"" if b'"202506"' in line else line)
    done = run(dsn, both)
    assert done.code == 65
    assert findings(dsn)["serie_valores_retirados"] == ["error", False, False]
    after = everything(dsn)
    assert {name for name in after if after[name] != before[name]} <= RECORDS
    accepted = run(dsn, both, "--accept", "serie_valores_retirados")
    assert accepted.code == 0, accepted
    assert findings(dsn)["serie_valores_retirados"] == ["error", False, True]
    assert one(dsn, "SELECT count(*) FROM cnbv_series_mes('2025-06-01')") > 0
    assert kpis(dsn)["202506", INVEX]["fuente"] == "serie"


def test_a_series_that_is_gone_keeps_what_it_fed(dsn: str, both: Path) -> None:
    run(dsn, both)
    before = kpis(dsn)
    (both / "cnbv" / official.ARCHIVE).unlink()
    done = run(dsn, both)
    assert done.code == 0, done
    after = kpis(dsn)
    assert after.keys() == before.keys()
    assert {key: row["imor_cnbv"] for key, row in after.items()} == {
        key: row["imor_cnbv"] for key, row in before.items()
    }
    assert findings(dsn)["file_serie"] == ["warning", False, False]


def test_neither_a_workbook_nor_a_series(dsn: str, small: Path) -> None:
    (small / CARTERA).unlink()
    done = run(dsn, small)
    assert done.code == 74
    assert done.event("etl.failed")["file"] == CARTERA


def test_a_broken_series_publishes_nothing(published: str, both: Path) -> None:
    before = everything(published)
    archive = both / "cnbv" / official.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:-1000])
    done = run(published, both)
    assert done.code in {74, 75}
    assert done.event("etl.failed")["file"] == official.ARCHIVE
    after = everything(published)
    assert {name for name in after if after[name] != before[name]} <= RECORDS
