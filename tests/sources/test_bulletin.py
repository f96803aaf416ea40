"""The other sheets of a bulletin, its names, and whole workbooks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from bankadvisor_etl.errors import DataError, InputError
from bankadvisor_etl.sample_data import amounts, bulletins
from bankadvisor_etl.sample_data.xls import xls
from bankadvisor_etl.sources import bulletin
from bankadvisor_etl.sources.bulletin import cells_of
from bankadvisor_etl.sources.bulletin.names import aliases, institution
from bankadvisor_etl.sources.catalogue import shipped
from bankadvisor_etl.sources.segments import SEGMENTS
from support.grids import MONTHS, Rows, block, figure, grid, portfolio, text
from support.refusals import refused
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BANKS = ("Sistema  */", "BBVA México")
PM2 = (
    "Activo total",
    "Inversiones financieras",
    "Cartera total",
    "Captación total",
    "Capital contable",
    "Resultado neto",
)
MAY = date(2026, 5, 1)


def sheet(headers: Sequence[str | None], wide: int = 1, above: Sequence[Any] = ()) -> Rows:
    """A sheet of blocks with ``wide`` columns per date; 99 between the dates."""
    made = [block(header or "", MONTHS, wide) for header in headers]
    return [
        [None, "Título"],
        *([[None, None, *above]] if above else []),
        [None, None, *(cell or None for header, _ in made for cell in header)],
        [None, None, *(cell for _, dates in made for cell in dates)],
        *(
            [
                None,
                name,
                *(
                    cell
                    for at in range(len(headers))
                    for month in range(3)
                    for cell in (figure(bank, at, month), *[99.0] * (wide - 1))
                ),
            ]
            for bank, name in enumerate(BANKS)
        ),
    ]


def values(frame: pl.DataFrame, code: str, month: date = MAY) -> dict[tuple[str | None, str], float]:
    of_bank = frame.filter((pl.col("codigo") == code) & (pl.col("mes") == month))
    return {(group, column): value for group, column, value in of_bank["grupo", "columna", "valor"].rows()}


def test_pm2_has_percentages_between() -> None:
    frame = cells_of("Pm2", grid(sheet(PM2, 2), "Pm2"))
    names = (
        "activo_total",
        "inversiones_financieras",
        "cartera_total",
        "captacion_total",
        "capital_contable",
        "resultado_neto",
    )
    assert values(frame, "040012") == {(None, name): figure(1, at, 2) for at, name in enumerate(names)}
    assert frame.height == 2 * 6 * 3
    assert 99.0 not in frame["valor"]


def test_pm2_without_one_of_its_blocks_is_refused() -> None:
    with refused(DataError, file="BE BM 202605.xlsx", sheet="Pm2", row=3):
        cells_of("Pm2", grid(sheet(PM2[:5], 2), "Pm2"))


@pytest.mark.parametrize(
    "headers", [("ROA (%)", "ROE (%)"), ("ROA 12 meses 3/", "ROE 12 meses"), ("IMOR", "ROE", "ROA")]
)
def test_returns(headers: tuple[str, ...]) -> None:
    frame = cells_of("Indicadores", grid(sheet(headers), "Indicadores"))
    places = {header[:3]: at for at, header in enumerate(headers)}
    expected = {(None, "roa_12m"): figure(0, places["ROA"], 2), (None, "roe_12m"): figure(0, places["ROE"], 2)}
    assert values(frame, "5") == expected


PRODUCTS = ("Captación total 2/", "Depósitos de exigibilidad\ninmediata", "Préstamos interbancarios")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_products_in_any_order(order: tuple[int, ...]) -> None:
    frame = cells_of("CaptRec", grid(sheet([PRODUCTS[at] for at in order]), "CaptRec"))
    names = ("Captación total", "Depósitos de exigibilidad inmediata", "Préstamos interbancarios")
    assert values(frame, "040012") == {(names[product], "saldo"): figure(1, at, 2) for at, product in enumerate(order)}


def test_a_product_in_the_place_of_another_is_not_taken_for_it() -> None:
    frame = cells_of(
        "CaptRec", grid(sheet(("Captación total", "Cuenta global 1/", "Cédulas   hipotecarias 4/")), "CaptRec")
    )
    assert {group for group, _ in values(frame, "5")} == {"Captación total", "Cuenta global", "Cédulas hipotecarias"}


def test_products_under_two_rows_of_headers() -> None:
    above = [*PRODUCTS[:1], None, None, "Depósitos a plazo"]
    frame = cells_of(
        "CaptRec", grid(sheet((None, "Del público en general", "Mercado de dinero"), above=above), "CaptRec")
    )
    assert values(frame, "5") == {
        ("Captación total", "saldo"): figure(0, 0, 2),
        ("Del público en general", "saldo"): figure(0, 1, 2),
        ("Mercado de dinero", "saldo"): figure(0, 2, 2),
    }


def test_a_product_twice_is_refused() -> None:
    with refused(DataError, file="BE BM 202605.xlsx", sheet="CaptRec", row=2, column="F", value="Cédulas 1/"):
        cells_of("CaptRec", grid(sheet(("Cédulas", "Cédulas 1/", "Captación total")), "CaptRec"))


def test_a_sheet_of_two_blocks() -> None:
    frame = cells_of("CCG EyM", grid(portfolio(("Cartera total (MDP)", "IMOR (%)")), "CCG EyM"))
    assert values(frame, "5").keys() == {("GUB_ESTADOS_MUN", "cartera_total"), ("GUB_ESTADOS_MUN", "imor")}
    with refused(DataError, file="BE BM 202605.xlsx", sheet="CCE", row=4):
        cells_of("CCE", grid(portfolio(("Cartera total (MDP)", "IMOR (%)")), "CCE"))


def capital(date_text: str, headers: Sequence[str] = ("CCB\n%", "CCF\n(%)", "ICAP 2/")) -> Rows:
    return [
        [None, "ÍNDICE DE CAPITALIZACIÓN"],
        [None, date_text],
        [None, "Institución", *headers],
        [None, "BBVA", 15.5, 14.5, 18.5],
        [None, "Invex", "n.d.", 10.5, None],
    ]


@pytest.mark.parametrize(
    "date_text",
    [
        "CIFRAS AL 30 DE ABRIL DE 20261/",
        "Cifras al 30 de abril de 2026",
        "CIFRAS AL 30 DE ABRIL DE 2026 12/",
        "AL 30 DE ABRIL\nDEL 2026*/",
    ],
)
def test_the_year_of_capital_ends_before_the_mark(date_text: str) -> None:
    frame = cells_of("Art_121", grid(capital(date_text), "Art_121 "))
    april = date(2026, 4, 1)
    assert values(frame, "040012", april) == {
        (None, "icap_ccb"): 15.5,
        (None, "icap_ccf"): 14.5,
        (None, "icap_total"): 18.5,
    }
    assert values(frame, "040059", april) == {
        (None, "icap_ccb"): None,
        (None, "icap_ccf"): 10.5,
        (None, "icap_total"): None,
    }


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (capital("CIFRAS PRELIMINARES"), {}),
        (capital("AL 30 DE ABRYL DE 2026"), {"row": 2, "column": "B", "value": "AL 30 DE ABRYL DE 2026"}),
        (capital("AL 30 DE ABRIL DE 202612"), {}),
        (
            [*capital("AL 30 DE ABRIL DE 2026"), [None, "al 31 de mayo de 2026"]],
            {"row": 6, "column": "B", "value": "al 31 de mayo de 2026"},
        ),
        (capital("AL 30 DE ABRIL DE 2026", ("CCB", "CCF", "Otro")), {}),
        (capital("AL 30 DE ABRIL DE 2026", ("CCB", "CCF", "CCB", "ICAP")), {"row": 3, "column": "E", "value": "CCB"}),
    ],
)
def test_capital_is_refused(rows: Rows, place: dict[str, Any]) -> None:
    with refused(DataError, file="BE BM 202605.xlsx", sheet="Art_121 ", **place):
        cells_of("Art_121", grid(rows, "Art_121 "))


def test_every_name_of_the_catalogue_is_an_alias_of_its_bank() -> None:
    for code, short, official in shipped().rows():
        assert institution(short).code == code
        assert institution(f"{official.upper()} 3/").code == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *((name, "040128") for name in ("Autofin", "Kapital", "Kapital Bank", "KAPITAL BANK */")),
        *((name, "040154") for name in ("Covalto", "Banco Covalto", "Finterra")),
        *((name, "040138") for name in ("Ualá", "Uala", "Banco Ualá", "ABC Capital")),
        *((name, "040149") for name in ("Forjadores", "Banfeliz")),
        *((name, "040169") for name in ("Openbank", "Openbank México")),
        *((name, "040136") for name in ("Inter Banco", "Intercam Banco", "InterBanco")),
        ("BanCoppel", "040137"),
        ("Banco Plata", "040171"),
        ("Banco S3", "040160"),
        ("Banco S31/", "040160"),
        ("Banco S3 12/", "040160"),
        ("J. P. Morgan", "040110"),
        ("J.P. Morgan", "040110"),
        ("Banco J.P. Morgan", "040117"),
        ("HSBC", "040021"),
        ("HSBC Bank", "040119"),
        ("Sistema  */", "5"),
        ("Invexx", None),
        ("Banco Invex", None),
        ("Invex Consolidado", None),
        ("G-7", None),
    ],
)
def test_names(name: str, code: str | None) -> None:
    assert institution(name).code == code


def test_no_name_has_two_codes() -> None:
    assert len(set(aliases().values())) == shipped().height + 1  # Banco Plata


@pytest.fixture(scope="module")
def book() -> dict[str, Any]:
    return bulletins.sheets(0, 202507, amounts.simulate(0))


def as_text(name: str, rows: Any) -> Any:
    return grid([[text(cell) for cell in row] for row in rows], name)


def test_the_sample_is_read_whole(tmp_path: Path, book: dict[str, Any]) -> None:
    (path,) = bulletins.write(tmp_path, 0, [202507])
    read = bulletin.read(path)
    assert (read.file, read.month, read.refused, read.missing) == ("BE BM 202507.xlsx", date(2025, 7, 1), (), ())
    assert read.unknown == ["Banco Cuenca"]
    assert set(read.cells["grupo"].drop_nulls()) >= {segment.code for segment in SEGMENTS}
    row = next(row for row in book["CCT"] if row[1:2] == ["BBVA"])
    july = values(read.cells.filter(pl.col("hoja") == "CCT"), "040012", date(2025, 7, 1))
    assert july[None, "cartera_total"] == pytest.approx(row[4], abs=1e-9)
    assert july[None, "imor"] == pytest.approx(row[7], abs=1e-9)
    capital_of_june = values(read.cells.filter(pl.col("tema") == "capital"), "040012", date(2025, 6, 1))
    assert capital_of_june.keys() == {(None, "icap_ccb"), (None, "icap_ccf"), (None, "icap_total")}


def test_an_xls_reads_as_the_xlsx(tmp_path: Path, book: dict[str, Any]) -> None:
    names = ("CCT", "Pm2", "Art_121 ")
    (new,) = bulletins.write(tmp_path, 0, [202507])
    old = tmp_path / "BE_BM_202507.xls"
    old.write_bytes(xls({name: book[name] for name in names}))
    wanted = bulletin.read(new).cells.filter(pl.col("hoja").is_in(["CCT", "Pm2", "Art_121"]))
    read = bulletin.read(old)
    assert len(read.missing) == 17
    # There, a date is a serial and a number has all its digits.
    assert read.cells.drop("valor").equals(wanted.drop("valor"))
    assert (read.cells["valor"] - wanted["valor"]).abs().max() < 1e-8


def test_a_refused_sheet_leaves_the_others(tmp_path: Path) -> None:
    good, bad = portfolio(), portfolio()
    bad[4][2] = "en revisión"
    path = write_workbook(
        tmp_path / "BE BM 202605.xlsx", {"Índice": [["x"]], " CCE ": bad, "CCT": good, "cct ": good, "CCV": good}
    )
    read = bulletin.read(path)
    assert [error.place.known() for error in read.refused] == [
        {"file": "BE BM 202605.xlsx", "sheet": "CCT"},
        {"file": "BE BM 202605.xlsx", "sheet": " CCE ", "row": 5, "column": "C", "value": "en revisión"},
    ]
    assert set(read.cells["hoja"]) == {"CCV"}
    assert len(read.missing) == 20 - 3


def test_cells_are_named_as_excel_does_wherever_the_sheet_begins(tmp_path: Path) -> None:
    bad = portfolio()
    bad[4][2] = "en revisión"
    path = write_workbook(tmp_path / "BE BM 202605.xlsx", {"CCE": bad}, at="D10")
    with refused(DataError, file="BE BM 202605.xlsx", sheet="CCE", row=14, column="F", value="en revisión"):
        bulletin.read(path)


def test_an_error_cell_is_no_blank(tmp_path: Path) -> None:
    bad = portfolio()
    bad[4][2] = "#REF!"
    path = write_workbook(tmp_path / "BE BM 202605.xlsx", {"CCE": bad})
    with refused(DataError, file="BE BM 202605.xlsx", sheet="CCE", row=5, column="C", value="#REF!"):
        bulletin.read(path)


def test_a_workbook_of_something_else(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "BE BM 202605.xlsx", {"Hoja1": [["x"]]})
    with refused(InputError, file="BE BM 202605.xlsx"):
        bulletin.read(path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"PK\x03\x04 cut", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_no_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "BE BM 202605.xlsx"
    path.write_bytes(content)
    with refused(InputError, file="BE BM 202605.xlsx"):
        bulletin.read(path)
