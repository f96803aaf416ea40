"""The command ``run`` on the regulator's own files, compared with the oracle cell by cell."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.sample_data import write_sample
from support import oracle
from support.cli import Result, etl
from support.comparison import differences
from support.contract import COUNT
from support.databases import fresh_database
from support.published import ask, figures, kpis, last_run, one
from support.small import CARTERA, ICAP, TASAS, set_cell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

ROWS = 5235
ANCHORS = [
    ("202507", "040059", "cartera_total", 47571.073654, 5e-7),
    ("202507", "040059", "cartera_total_etapa_3", 1117.700246, 5e-7),
    ("202507", "040059", "imor", 0.023495, 5e-7),
    ("202507", "040059", "icor", 2.441632, 5e-7),
    ("202507", "040059", "pe_total", 0.057367, 5e-7),
    ("202507", "040059", "market_share_pct", 0.620378, 5e-7),
    ("202507", "040012", "market_share_pct", 25.9907, 5e-5),
    ("202112", "5", "cartera_total", 5415660.81, 5e-3),
    ("202506", "5", "icap_total", 0.20000618, 5e-9),
    ("202209", "040002", "icap_ccb", 0.16083136, 5e-9),
]


@pytest.fixture(scope="module")
def folder(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real workbooks and a sample CSV of loans: the real one is 300 MB and not available everywhere."""
    root = tmp_path_factory.mktemp("real")
    folder = root / "raw"
    folder.mkdir()
    for path in real_data.iterdir():
        (folder / path.name).symlink_to(path)
    official = real_data.parent / "official"
    if official.is_dir():
        (root / "official").symlink_to(official)
    if not (folder / TASAS).exists():
        write_sample(root / "sample", seed=7, tasas_rows=60_000)
        shutil.move(root / "sample" / TASAS, folder / TASAS)
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[tuple[Any, str], dict[str, object]]:
    return oracle.monthly_kpis(folder)


@pytest.fixture(scope="module")
def real_run(server_dsn: str, real_data: Path) -> Iterator[tuple[str, Result]]:
    """A database with the regulator's unmodified files, without loans."""
    with fresh_database(server_dsn) as dsn:
        yield dsn, etl("run", "--data-dir", real_data, BANKADVISOR_DSN=dsn)


def test_every_cell_is_the_oracles(
    real_run: tuple[str, Result], real_data: Path, expected: dict[tuple[Any, str], dict[str, object]]
) -> None:
    dsn, done = real_run
    assert done.code == 0, done
    right = expected
    if not (real_data / TASAS).exists():
        right = {key: {n: v for n, v in row.items() if n not in {"tasa_mn", "tasa_me"}} for key, row in right.items()}
    cells, wrong = differences(kpis(dsn), right)
    assert wrong == []
    assert cells == ROWS * (COUNT + 1)


def test_the_rows_are_those_of_the_contract(real_run: tuple[str, Result]) -> None:
    dsn, _ = real_run
    row = last_run(dsn)
    assert (row["status"], row["rows_processed_base"], row["rows_inserted"]) == ("success", ROWS, ROWS)
    query = (
        "SELECT count(*), count(*) FILTER (WHERE codigo_cnbv <> '5'), count(*) FILTER (WHERE banco_norm = 'SISTEMA'),"
        " count(DISTINCT codigo_cnbv) FILTER (WHERE codigo_cnbv <> '5'), count(DISTINCT fecha) FROM monthly_kpis"
    )
    assert ask(dsn, query) == [(ROWS, 5132, 103, 55, 103)]
    assert row["rows_processed_icap"] == one(dsn, "SELECT count(icap_total) FROM monthly_kpis")
    assert row["rows_processed_tda"] == one(dsn, "SELECT count(tda_cartera_total) FROM monthly_kpis")


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda anchor: "-".join(anchor[:3]))
def test_known_figure(real_run: tuple[str, Result], anchor: tuple[str, str, str, float, float]) -> None:
    month, code, column, figure, tolerance = anchor
    assert float(kpis(real_run[0])[month, code][column]) == pytest.approx(figure, rel=0, abs=tolerance)


def test_all_errors_pass_and_the_true_warnings_are_raised(real_run: tuple[str, Result]) -> None:
    dsn, done = real_run
    failed = ask(dsn, "SELECT check_name, severity, observed FROM etl_run_checks WHERE NOT passed")
    assert {severity for _, severity, _ in failed} == {"warning"}
    names = {name for name, _, _ in failed}
    assert {"newest_month_differs", "newest_month_recent", "icap_not_rounded", "imor_high"} <= names
    assert {e["check"] for e in done.events if e["event"] == "etl.check.failed"} == names
    repeated = [month for (month, _), row in kpis(dsn).items() if "mes_repetido" in row["alertas"]]
    assert repeated == ["202507"] * 48


def test_names_are_the_current_ones(real_run: tuple[str, Result]) -> None:
    names = dict(ask(real_run[0], "SELECT DISTINCT codigo_cnbv, banco_norm FROM monthly_kpis"))
    current = {"040154": "COVALTO", "040138": "UALA", "040128": "KAPITAL", "040124": "CITI MEXICO", "5": "SISTEMA"}
    assert {code: names[code] for code in current} == current
    assert len(set(names.values())) == len(names) == 56


def test_a_second_run_changes_nothing(real_run: tuple[str, Result], real_data: Path) -> None:
    dsn, _ = real_run
    before = figures(dsn)
    for options in ([], ["--force"]):
        assert etl("run", "--data-dir", real_data, *options, BANKADVISOR_DSN=dsn).code == 0
        row = last_run(dsn)
        assert (row["rows_inserted"], row["rows_updated"], row["rows_unchanged"]) == (0, 0, ROWS)
    assert figures(dsn) == before


def test_the_rates_of_a_loans_file_are_the_oracles(
    dsn: str, folder: Path, expected: dict[tuple[Any, str], dict[str, object]]
) -> None:
    """Codes with spaces, blank rates, rates of zero and of 250, two date formats; the loans belong to real banks."""
    assert etl("run", "--data-dir", folder, BANKADVISOR_DSN=dsn).code == 0
    table = kpis(dsn)
    cells, wrong = differences(table, expected)
    assert wrong == []
    assert cells == ROWS * (COUNT + 1)
    rated = [row for row in table.values() if row["tasa_mn"] is not None]
    assert len(rated) > 3000
    assert sum(row["tasa_me"] is not None for row in table.values()) > 2000
    assert last_run(dsn)["rows_processed_tasas"] == one(dsn, "SELECT count(tasa_mn) + count(tasa_me) FROM monthly_kpis")


def test_a_restated_month_of_a_real_workbook(dsn: str, folder: Path, tmp_path: Path) -> None:
    """One cell of INVEX's reserves and one ICAP: ``changes`` shows them, their ratios, and the month after."""
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in folder.iterdir():
        if path.name in {CARTERA, ICAP}:
            raw.joinpath(path.name).write_bytes(path.read_bytes())
        else:
            raw.joinpath(path.name).symlink_to(path.resolve())
    assert etl("run", "--data-dir", raw, BANKADVISOR_DSN=dsn).code == 0
    set_cell(raw / CARTERA, "Reservas Etapa todas", lambda old: old * 1.1, Institucion="040059", Cve_Periodo="202412")
    assert etl("run", "--data-dir", raw, BANKADVISOR_DSN=dsn).code == 0
    row = last_run(dsn)
    assert (row["rows_inserted"], row["rows_updated"], row["rows_unchanged"]) == (0, 2, ROWS - 2)
    shown = json.loads(etl("changes", "--json", BANKADVISOR_DSN=dsn).out)
    moved = {(change["fecha"][:7], change["banco_norm"], change["columna"]) for change in shown}
    assert moved == {
        ("2024-12", "INVEX", "reservas_etapa_todas"),
        ("2024-12", "INVEX", "reservas_variacion_mm"),
        ("2024-12", "INVEX", "icor"),
        ("2024-12", "INVEX", "pe_total"),
        ("2025-01", "INVEX", "reservas_variacion_mm"),
    }
    percent = {change["columna"]: change["cambio_pct"] for change in shown if change["fecha"] == "2024-12-01"}
    assert percent["icor"] == pytest.approx(10, abs=1e-3)
    assert percent["reservas_etapa_todas"] == pytest.approx(-10, abs=1e-3)
