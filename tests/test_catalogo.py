from __future__ import annotations

import csv
import unicodedata
from typing import TYPE_CHECKING

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankadvisor_etl.sources import catalogue

if TYPE_CHECKING:
    from pathlib import Path

FIXED = {
    "5": "SISTEMA",
    "040059": "INVEX",
    "040012": "BBVA",
    "040002": "BANAMEX",
    "040072": "BANORTE",
    "040014": "SANTANDER",
    "040021": "HSBC",
    "040062": "AFIRME",
    "040042": "MIFEL",
    "040060": "BANSI",
    "040132": "MULTIVA",
    "040145": "BANCO BASE",
    "040152": "BANCREA",
    "040156": "SABADELL",
    "040113": "VE POR MAS",
    "040112": "MONEX",
    "040154": "COVALTO",
    "040138": "UALA",
    "040128": "KAPITAL",
    "040124": "CITI MEXICO",
}
"""The names of the contract; the last four replace stale ones."""


def names(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame["codigo", "banco_norm"].iter_rows())


def instituciones(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"codigo": pl.String, "nombre": pl.String}, orient="row")


def codes(*rows: str) -> pl.DataFrame:
    return pl.DataFrame({"codigo": rows, "x": range(len(rows))})


def plain(name: str) -> str:
    letters = unicodedata.normalize("NFD", name.partition("(")[0].strip().upper())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@pytest.mark.parametrize(("code", "name"), FIXED.items())
def test_fixed_names(code: str, name: str) -> None:
    assert names(catalogue.shipped())[code] == name


def test_the_catalogue_holds_each_bank_once_under_a_name_of_its_own() -> None:
    frame = catalogue.shipped()
    assert frame.columns == ["codigo", "banco_norm", "nombre_oficial"]
    assert frame["codigo"].n_unique() == frame["banco_norm"].n_unique() == frame.height
    assert frame.null_count().row(0) == (0, 0, 0)
    assert [code for code in frame["codigo"] if not (code == "5" or (len(code) == 6 and code.startswith("04")))] == []
    assert [name for name in frame["banco_norm"] if plain(name) != name] == []


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Bansí", "BANSI"),
        ("  Ve por  Más ", "VE POR MAS"),
        ("Kapital (Antes Autofin)", "KAPITAL"),
        ("Banfeliz(Antes Forjadores)", "BANFELIZ"),
        ("J.P. Morgan", "J.P. MORGAN"),
        ("Comercial Pequeño", "COMERCIAL PEQUENO"),
    ],
)
def test_short_name(name: str, short: str) -> None:
    assert catalogue.short_name(name) == short


@settings(max_examples=60, deadline=None, database=None)
@given(st.text(st.characters(max_codepoint=0x24F), max_size=20))
def test_a_short_name_is_its_own_short_name(name: str) -> None:
    assert catalogue.short_name(catalogue.short_name(name)) == catalogue.short_name(name)


def test_without_the_workbook_the_catalogue_is_the_shipped_one() -> None:
    assert catalogue.catalogue(None).equals(catalogue.shipped())


def test_a_new_bank_gets_its_name_from_the_workbook() -> None:
    rows = [("040999", "Banco Ñandú (antes Avestruz)"), ("040059", "INVEX GRUPO"), ("199", "ÑANDÚ CONSOLIDADO")]
    frame = catalogue.catalogue(instituciones(*rows))
    found = names(frame)
    assert frame.height == catalogue.shipped().height + 1
    assert (found["040999"], found["040059"]) == ("BANCO NANDU", "INVEX")
    assert frame.filter(codigo="040999")["nombre_oficial"].item() == "Banco Ñandú (antes Avestruz)"
    assert "199" not in found


def test_a_name_that_a_bank_has_already_is_not_given_again() -> None:
    frame = catalogue.catalogue(instituciones(("040999", "Invex"), ("040998", "UALÁ (antes otra)")))
    assert frame.equals(catalogue.shipped())
    assert catalogue.named(codes("040999", "040059"), frame)["banco_norm"].to_list() == ["040999", "INVEX"]


def test_two_new_banks_of_one_name_keep_their_codes() -> None:
    frame = catalogue.catalogue(instituciones(("040998", "Banco Nuevo"), ("040999", "BANCO NUEVO"), ("040997", "Otro")))
    found = catalogue.named(codes("040997", "040998", "040999"), frame)["banco_norm"].to_list()
    assert found == ["OTRO", "040998", "040999"]


def test_an_unknown_bank_is_published_under_its_code_and_reported() -> None:
    frame = codes("040999", "5", "040059", "040999", "040012", "040998")
    named = catalogue.named(frame, catalogue.shipped())
    assert named["banco_norm"].to_list() == ["040999", "SISTEMA", "INVEX", "040999", "BBVA", "040998"]
    assert named["x"].to_list() == [0, 1, 2, 3, 4, 5]
    assert catalogue.unknown(frame, catalogue.shipped()) == ["040998", "040999"]


@pytest.mark.real
def test_the_catalogue_is_that_of_the_official_files(real_data: Path) -> None:
    """The Latin-1 list takes precedence over the workbook; both are read here without the package."""
    expected = {}
    book = openpyxl.load_workbook(real_data / "Instituciones.xlsx", read_only=True)
    for code, name in list(book["Instituciones"].iter_rows(values_only=True))[1:]:
        expected[str(code)] = str(name)
    book.close()
    official = real_data.parent / "official" / "cat_instituciones_40.csv"
    with official.open(encoding="latin-1", newline="") as file:
        expected |= {row["entidad"]: row["nombre_entidad"] for row in csv.DictReader(file)}
    expected = {code: name for code, name in expected.items() if code == "5" or code.startswith("04")}
    assert dict(catalogue.shipped()["codigo", "nombre_oficial"].iter_rows()) == expected
    assert names(catalogue.shipped()) == {code: plain(name) for code, name in expected.items()} | FIXED
