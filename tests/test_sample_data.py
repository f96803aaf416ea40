"""The sample has the real layouts and every trap: read back by openpyxl and csv, not by the package."""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

from bankadvisor_etl.errors import ConfigurationError, InputError
from bankadvisor_etl.sample_data import tasas, write_sample
from support.contract import FILES

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000
NAMES = {*FILES.values()}
SEGMENTS = (
    "Actividad Empresarial o Comercial",
    "Entidades Financieras",
    "Entidades Gubernamentales",
    "Créditos de Consumo",
    "Créditos a la Vivienda",
)
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def sample(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbooks of the sample, and fewer rates."""
    directory = tmp_path_factory.mktemp("sample")
    for path in sample_dir.glob("*.xlsx"):
        (directory / path.name).symlink_to(path)
    tasas.write(directory, 0, ROWS)
    return directory


@pytest.fixture(scope="module")
def cartera(sample: Path) -> Rows:
    return sheet(sample, "CNBV_Cartera_Bancos_V2.xlsx", "Sheet1")


@pytest.fixture(scope="module")
def figures(cartera: Rows) -> dict[tuple[str, int], dict[str, Any]]:
    return {(str(row[0]), row[1]): dict(zip(cartera[0], row, strict=True)) for row in cartera[1:]}


def sheet(directory: Path, file: str, name: str) -> Rows:
    workbook = load_workbook(directory / file, read_only=True, data_only=True)
    rows = list(workbook[name].iter_rows(values_only=True))
    workbook.close()
    return rows


def castigos_by_key(directory: Path) -> dict[tuple[str, int], dict[str, Any]]:
    header, *rows = sheet(directory, "CASTIGOS.xlsx", "CASTIGOS")
    return {(str(row[4]), row[3]): {h: v for h, v in zip(header, row, strict=True) if h} for row in rows}


def read_tasas(directory: Path) -> list[dict[str, str]]:
    with (directory / "CorporateLoan_CNBVDB.csv").open(encoding="latin-1", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.slow
def test_same_seed_same_bytes_other_seed_other_bytes(sample: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "made" / "here", tmp_path / "other"
    paths = write_sample(again, tasas_rows=ROWS)
    assert {path.name for path in paths} == NAMES
    assert {path.name for path in again.iterdir()} == NAMES | {"SAMPLE-DATA.txt"}
    write_sample(other, seed=1, tasas_rows=ROWS)
    same = {name for name in NAMES if (again / name).read_bytes() == (sample / name).read_bytes()}
    unmoved = {name for name in NAMES if (other / name).read_bytes() == (sample / name).read_bytes()}
    assert same == NAMES
    assert unmoved == {"Instituciones.xlsx"}  # a catalogue: nothing in it is random


def test_cartera_layout_and_floor(cartera: Rows, sample: Path) -> None:
    assert len(cartera[0]) == 40
    assert cartera[0][:6] == ("Institucion", "Cve_Periodo", "Año", "Mes", "Fecha", "Cartera Total Etapa 2")
    assert cartera[0][-1] == "Res Créditos a la Vivienda Etapa todas"
    assert len(cartera) - 1 == 6_085
    assert len({(str(row[0]), row[1]) for row in cartera[1:]}) == 6_085
    assert {row[1] for row in cartera[1:]} == {y * 100 + m for y in range(2017, 2026) for m in range(1, 13)} - set(
        range(202508, 202513)
    )
    assert cartera[1][1:5] == (201701, "2017", "01", datetime(2017, 1, 1))  # noqa: DTZ001
    assert sheet(sample, "CNBV_Cartera_Bancos_V2.xlsx", "Sheet2")[0][1:] == cartera[0][5:]


def test_cartera_codes_are_text_and_integers(cartera: Rows, figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    kinds = Counter((type(row[0]), row[0]) for row in cartera[1:])
    assert kinds[str, "5"] == 91
    assert kinds[int, 5] == 12
    assert kinds[str, "040059"] == kinds[str, "040012"] == 103
    assert kinds[str, "159"] == 91
    assert kinds[str, "040131"] == 75
    assert kinds[str, "040167"] == 6
    invex, consolidated = figures["040059", 202401], figures["159", 202401]
    assert consolidated["Cartera Total Etapa 1"] == pytest.approx(invex["Cartera Total Etapa 1"] * 1.03, abs=1e-4)


def test_cartera_totals_are_their_segments(figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    for row in figures.values():
        for stage in ("1", "2", "3", "VR"):
            parts = sum(row[f"{name} Etapa {stage}"] or 0 for name in SEGMENTS)
            assert (row[f"Cartera Total Etapa {stage}"] or 0) == pytest.approx(parts, abs=1e-6)
            commercial = sum(row[f"{name} Etapa {stage}"] or 0 for name in SEGMENTS[:3])
            assert (row[f"Créditos Comerciales Etapa {stage}"] or 0) == pytest.approx(commercial, abs=1e-6)


def test_cartera_todas_is_zero_before_ifrs9(figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    for (_, month), row in figures.items():
        stages = [row[f"Cartera Total Etapa {stage}"] or 0 for stage in ("1", "2", "3", "VR")]
        expected = sum(stages) if month >= 202201 else 0
        assert (row["Cartera de Crédito Total Etapa todas"] or 0) == pytest.approx(expected, abs=1e-6)
        assert month >= 202201 or stages[1] == stages[3] == 0
    assert figures["040012", 202201]["Cartera Total Etapa VR"] > 0
    assert figures["040059", 202112]["Cartera Total Etapa 3"] > 0


def test_cartera_system_is_the_sum_of_its_banks(figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    sums: dict[tuple[int, str], float] = defaultdict(float)
    for (code, month), row in figures.items():
        if code.startswith("04"):
            for header in list(row)[5:]:
                sums[month, header] += row[header] or 0
    gaps = [abs(figures["5", month][header] - total) for (month, header), total in sums.items()]
    assert len(gaps) == 103 * 35
    assert max(gaps) < 1e-6
    assert figures["21", 202407]["Cartera Total Etapa 1"] > figures["5", 202407]["Cartera Total Etapa 1"]


def test_cartera_reserves_are_negative_and_not_their_parts(
    figures: dict[tuple[str, int], dict[str, Any]],
) -> None:
    row = figures["040059", 202506]
    parts = sum(row[f"Res {name} Etapa todas"] for name in SEGMENTS)
    assert row["Reservas Etapa todas"] < parts - 1 < 0
    assert all((value or 0) <= 0 for r in figures.values() for name, value in r.items() if name.startswith("Res"))
    assert all((r[n] or 0) >= 0 for r in figures.values() for n in r if n.startswith(("Cartera", "Créd", "Act", "Ent")))


def test_cartera_nulls_zeros_and_warnings(figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    nulls = {key: sum(v is None for v in row.values()) for key, row in figures.items() if None in row.values()}
    assert len(nulls) == 13
    assert nulls["040126", 202302] == 26
    assert nulls["040165", 202312] == 35
    zeros = {key for key, row in figures.items() if not any(list(row.values())[5:])}
    assert {("040003", 201701), ("040148", 202507), ("040164", 202507), ("040131", 202301)} <= zeros
    bad, big = [], []
    for (code, month), row in figures.items():
        total = sum(row[f"Cartera Total Etapa {s}"] or 0 for s in ("1", "2", "3", "VR"))
        bad += [(code, month)] * ((row["Cartera Total Etapa 3"] or 0) > 0.15 * total)
        before = figures.get((code, month - 1 if month % 100 > 1 else month - 89), row)
        base = sum(before[f"Cartera Total Etapa {s}"] or 0 for s in ("1", "2", "3", "VR"))
        big += [(code, month)] * (base > 0 and abs(total / base - 1) > 0.5)
    assert {code for code, _ in bad} == {"040165"}
    closed = [("040102", 202109), ("040103", 202207), ("040126", 202303), ("040131", 202007)]
    assert sorted(big) == [*closed, ("61", 202412)]  # and the group that Citi México joins


def test_newest_month_is_no_copy(figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    now, before = (list(figures["040012", month].values())[5:] for month in (202507, 202506))
    assert now[14] != before[14]
    assert max(month for _, month in figures) == 202507


def test_instituciones_lacks_new_banks_and_holds_stale_names(sample: Path) -> None:
    header, *rows = sheet(sample, "Instituciones.xlsx", "Instituciones")
    names: dict[Any, Any] = dict(rows)
    assert header == ("CLAVE", "DESCRIPCION")
    assert len(rows) == len(names) == 55
    assert names["040059"] == "INVEX"
    assert names["159"] == "INVEX CONSOLIDADO"
    assert names["040060"] == "BANSÍ"
    assert names["040124"] == "DEUTSCHE BANK"
    assert not {"5", "040165", "040167", "040999"} & set(names)


def test_castigos_headers_pivots_and_swapped_dates(sample: Path) -> None:
    header, *rows = sheet(sample, "CASTIGOS.xlsx", "CASTIGOS")
    assert header[:6] == ("AÑO", "MES", "FECHA", "periodo", "institucion", "LIB_CASTIGOS_COMERC")
    assert header[17:] == ("QUITAS_OTROS", None, None, "SUMA")
    assert len(rows) == 1_687
    swapped = [row for row in rows if not isinstance(row[2], str)]
    assert {(row[3], row[2].day, row[2].month) for row in swapped} == {(202400 + m, m, 1) for m in (10, 11, 12)}
    assert rows[0][2] == "01/01/2022"
    assert {type(row[4]) for row in rows if str(row[4]) == "5"} == {int}
    pivot = sheet(sample, "CASTIGOS.xlsx", "ACUMULADO")
    assert pivot[3][:3] == ("institucion", "periodo", "Sum of LIB_CASTIGOS_COMERC")
    assert pivot[4][2] == castigos_by_key(sample)["5", 202507]["LIB_CASTIGOS_COMERC"]


def test_castigos_permuted_months_keep_the_commercial_columns(sample: Path) -> None:
    rows = castigos_by_key(sample)
    assert len({code for code, _ in rows}) == 40
    for month in (202501, 202503):
        row = rows["5", month]
        assert row["LIB_CASTIGOS_ACT_EMP"] > row["LIB_CASTIGOS_COMERC"] > 0
        assert row["LIB_CASTIGOS_COMERC"] == pytest.approx(row["LIB_CASTIGOS_CONSUMO"] + row["LIB_CASTIGOS_VIVIENDA"])
    for (_, month), row in rows.items():
        if month not in {202501, 202503}:
            parts = row["LIB_CASTIGOS_ACT_EMP"] + row["LIB_CASTIGOS_ENT_FIN"]
            assert row["LIB_CASTIGOS_COMERC"] == pytest.approx(parts, abs=1e-6)
    banks = sum(row["QUITAS_COMER"] for (code, month), row in rows.items() if month == 202503 and code != "5")
    assert rows["5", 202503]["QUITAS_COMER"] == pytest.approx(banks, abs=1e-6)


def test_castigos_comerciales_accumulate_until_202409(sample: Path) -> None:
    header, *rows = sheet(sample, "Castigos Comerciales.xlsx", "Sheet 1")
    assert header[:3] == ("Institucion1", "Fecha", "CASTIGOS ACMULUADOS COMERCIAL")
    monthly, seen = castigos_by_key(sample), Counter[tuple[str, int]]()
    for code, fecha, value, _ in rows:
        year, month = map(int, fecha.split("/")[:2]) if isinstance(fecha, str) else (fecha.year, fecha.month)
        key = str(code), year * 100 + month
        seen[key] += 1
        first = year * 100 + 1 if key[1] <= 202409 else key[1]
        flows = [monthly[key[0], p]["LIB_CASTIGOS_COMERC"] for p in range(first, key[1] + 1) if (key[0], p) in monthly]
        assert value is None if key not in monthly else value == pytest.approx(sum(flows), abs=1e-6)
    assert [key for key, times in seen.items() if times > 1] == [("040165", 202402)]
    assert set(seen) - set(monthly) == {("040160", 202200 + m) for m in range(1, 10)}
    assert {type(row[0]) for row in rows if str(row[0]) == "5"} == {str, int}
    assert {"2022/1/01", "2024/08/01", datetime(2023, 1, 1)} <= {row[1] for row in rows}  # noqa: DTZ001


def test_icap_traps(sample: Path) -> None:
    header, *rows = sheet(sample, "ICAP_Bancos.xlsx", "ICAP Bancos")
    assert header == ("Cve_Inst", "Banco", "FECHA", "ICAP Total", "CCB", "CCF")
    assert len(rows) == 5_663
    assert [row[2].strftime("%Y%m") for row in rows if row[0] is None] == ["202312", "202401"]
    assert {type(row[0]) for row in rows if str(row[0]) == "5"} == {str, int}
    assert (min(row[2] for row in rows).year, max(row[2] for row in rows).strftime("%Y%m")) == (
        2016,
        "202506",
    )
    dates = [row for row in rows if isinstance(row[4], datetime)]
    assert len(dates) == 48
    assert {row[2].strftime("%Y%m") for row in dates} == {"202209"}
    epoch = datetime(1899, 12, 31)  # noqa: DTZ001
    share = {round((row[4] - epoch).total_seconds() / 86_400 / row[3], 4) for row in dates if row[3] < 60}
    assert share == {0.97}
    rounded = [row[3] for row in rows if row[2].strftime("%Y%m") == "202404" and row[3] is not None]
    assert len(rounded) > 40
    assert all(value == round(value, 1) for value in rounded)
    assert max(row[3] for row in rows if row[3]) > 2_000
    assert sum(row[3] is None for row in rows) > 100


def test_icap_of_banks_that_lend_nothing(sample: Path, figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    rows = sheet(sample, "ICAP_Bancos.xlsx", "ICAP Bancos")[1:]
    assert any(row[0] == "040148" and row[3] > 100 and row[2].strftime("%Y%m") == "202506" for row in rows)
    assert not any(list(figures["040148", 202506].values())[5:])


def test_tda_traps(sample: Path) -> None:
    header, *rows = sheet(sample, "TDA.xlsx", "Sheet1")
    assert header[:6] == ("cve_periodo", "Año", "Mes", "Fecha", "cve_institucion", " TDA Cartera total")
    assert len(header) == 10
    assert rows[-4:] == [(None,) * 10] * 4
    rows = rows[:-4]
    assert len(rows) == 5_810
    assert {row[0] for row in rows if isinstance(row[0], str)} == {
        "202410",
        "202411",
        "202412",
        "202501",
        "202502",
    }
    assert max(int(row[0]) for row in rows if row[4] == "5") == 202212
    assert {row[3][3:5] for row in rows if int(row[0]) // 100 == 2022} == {"02"}
    assert {row[3][3:5] for row in rows if int(row[0]) // 100 == 2023} == {"01"}
    assert [row[0] for row in rows if isinstance(row[4], int)] == [202403]
    assert [row[0] for row in rows if row[5] is None] == [201605, 201604]
    invex = {int(row[0]): row[5] for row in rows if row[4] == "040059"}
    assert invex[202410] / invex[202409] == pytest.approx(0.29, abs=0.03)


def test_tasa_efectiva_ends_every_second_month(sample: Path) -> None:
    header, *rows = sheet(sample, "TE_Invex_Sistema.xlsx", "Tasa efectiva considerando prom")
    assert header[:3] == ("Fecha1", "Sistema", "Invex Consumo")
    assert [row[0].strftime("%Y-%m-%d") for row in rows[:3]] == ["2019-10-31", "2019-12-31", "2020-02-29"]
    assert len(rows) == 32
    assert all(25 < row[1] < 50 and 20 < row[2] < 55 for row in rows)


def test_tasas_rows_bytes_and_columns(sample: Path) -> None:
    data = (sample / "CorporateLoan_CNBVDB.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    rows = read_tasas(sample)
    assert len(rows) == ROWS == data.count(b"\n") - 1
    assert {len(row) for row in rows} == {25}
    assert 165 < len(data) / ROWS < 200
    assert {row["Currency type"] for row in rows} == {"Pesos"}
    currencies = Counter(row["Currency"] for row in rows)
    assert set(currencies) == {"Moneda nacional", "Moneda extranjera", "UDIS"}
    assert currencies["Moneda nacional"] == 710
    assert len({tuple(row.values()) for row in rows}) == ROWS


def test_tasas_values_and_faults(sample: Path, figures: dict[tuple[str, int], dict[str, Any]]) -> None:
    rows = read_tasas(sample)
    months = set()
    for row in rows:
        month, day, year = row["Monitoring Term"].split("/")
        months.add(int(year) % 100 * 100 + int(month) + 200_000)
        assert int(day) >= 28
        assert figures[row["Institution Code"].strip(), int(year) % 100 * 100 + int(month) + 200_000] is not None
        amount = row["Total Portfolio"]
        assert ("," in amount) == (len(amount) > 3)
        assert int(amount.replace(",", "")) > 0
    assert months == {month for _, month in figures}
    assert any(row["Institution Code"] != row["Institution Code"].strip() for row in rows)
    assert sum(len(row["Monitoring Term"].split("/")[2]) == 4 for row in rows) == ROWS // 40
    rates = [row["Average Rate"] for row in rows]
    assert (rates[400], rates.count("")) == ("", 1)
    assert 10 <= rates.count("0") <= 80
    assert all(0 <= float(rate) <= 100 for rate in rates if rate)


@pytest.mark.parametrize(("rows", "blank", "beyond"), [(0, 0, 0), (399, 0, 0), (5_000, 5, 1)])
def test_tasas_faults_stay_under_one_percent(tmp_path: Path, rows: int, blank: int, beyond: int) -> None:
    tasas.write(tmp_path, 0, rows)
    rates = [row["Average Rate"] for row in read_tasas(tmp_path)]
    assert len(rates) == rows
    assert (rates.count(""), rates.count("250.5")) == (blank, beyond)


@pytest.mark.slow
def test_what_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file: cannot be written: File exists"):
        write_sample(tmp_path / "file")
    (tmp_path / "CNBV_Cartera_Bancos_V2.xlsx").mkdir()
    with pytest.raises(InputError, match=r"Cartera_Bancos_V2\.xlsx: cannot be written: Is a directory"):
        write_sample(tmp_path, tasas_rows=10)


def test_without_xlsxwriter_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ConfigurationError, match=r"bankadvisor-etl\[sample\]"):
        write_sample(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_may_hold_real_files_is_left_alone(tmp_path: Path) -> None:
    real = tmp_path / "TDA.xlsx"
    real.write_bytes(b"the real one")
    with pytest.raises(ConfigurationError, match=r"TDA\.xlsx"):
        write_sample(tmp_path, tasas_rows=10)
    assert real.read_bytes() == b"the real one"
    assert [path.name for path in tmp_path.iterdir()] == ["TDA.xlsx"]
