from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest

from bankadvisor_etl.errors import ChangedError, InputError
from bankadvisor_etl.formats.sheet import Sheet
from bankadvisor_etl.inputs.files import Stock, find_files, hash_all, hashed, list_files
from bankadvisor_etl.sources import BY_NAME, SOURCES, similar_files
from bankadvisor_etl.sources.source import Source
from support.contract import FILES, INPUTS
from support.refusals import refused

OFFICIAL = {
    "serie": "sh_datos_csv_40.zip",
    "conceptos": "cat_conceptos_40.csv",
    "entidades": "cat_instituciones_40.csv",
    "boletin": "BE BM YYYYMM.xlsx",
    "icap_cnbv": "040_15b_R1.xls",
}
OFFICIAL_PHASES = {"base": ["serie", "conceptos", "entidades"], "enhanced": ["boletin", "icap_cnbv"]}


def touched(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_the_sources_are_those_of_the_contract() -> None:
    assert {source.name: source.files[0] for source in SOURCES} == FILES | OFFICIAL
    assert [source.name for source in SOURCES if source.required] == ["cartera"]
    for phase, official in OFFICIAL_PHASES.items():
        names = [name for name, given in INPUTS.items() if given.phase == phase]
        assert [source.name for source in SOURCES if source.phase == phase] == names + official


def test_the_sheets_and_their_keys_are_those_of_the_contract() -> None:
    for name, given in INPUTS.items():
        content = BY_NAME[name].content
        if not isinstance(content, Sheet):
            assert given.sheet is None
            continue
        keys = {column.name: column.header for column in content.columns if column.key}
        assert (content.name, keys.get("codigo"), keys.get("mes")) == (given.sheet, given.code, given.month)


def test_every_file_is_found_by_its_name(tmp_path: Path) -> None:
    touched(tmp_path, *FILES.values(), "LEEME.txt")
    (tmp_path / "cnbv").mkdir()
    touched(tmp_path / "cnbv", *OFFICIAL.values())
    assert find_files(tmp_path) == [
        *((source, tmp_path / name) for source, name in FILES.items()),
        *((source, tmp_path / "cnbv" / name) for source, name in OFFICIAL.items()),
    ]


def test_the_workbook_is_required_where_there_is_no_series(tmp_path: Path) -> None:
    (tmp_path / "cnbv").mkdir()
    touched(tmp_path / "cnbv", "sh_datos_40.csv")
    assert find_files(tmp_path) == [("serie", tmp_path / "cnbv" / "sh_datos_40.csv")]


def test_optional_files_may_be_missing(tmp_path: Path) -> None:
    touched(tmp_path, "CNBV_Cartera_Bancos_V2.xlsx", "TDA.xlsx")
    assert [source for source, _ in find_files(tmp_path)] == ["cartera", "tda"]


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (["CNBV_Cartera_Bancos_V2.xlsx", "CNBV_Cartera_Bancos_V3.xlsx", "CNBV_Datos.xlsx"], 0),
        (["CNBV_Cartera_Bancos_V3.xlsx", "CNBV_Cartera_Bancos.xlsx", "CNBV_Datos.xlsx"], 0),
        (["CNBV_Cartera_Bancos_V3.xlsx", "CNBV_Cartera_Bancos_V4.xlsx"], 1),
        (["CNBV_Cartera_Bancos_V9.xlsx", "CNBV_Cartera_Bancos_V10.xlsx"], 1),
        (["CNBV_Cartera_Bancos_V3 (1).xlsx", "CNBV_Cartera_Bancos_V3.xlsx"], 1),
        (["cnbv_cartera_bancos_v2.XLSX", "CNBV_Cartera_Bancos_V3.xlsx"], 0),
        (["cnbv_cartera_bancos_v2.xlsx", "CNBV_Cartera_Bancos_V2.xlsx"], 1),
        (["CNBV_Datos.xlsx"], 0),
        (["cnbv_datos.xlsx"], 0),
        (["~$CNBV_Cartera_Bancos_V2.xlsx", "CNBV_Datos.xlsx"], 1),
    ],
)
def test_the_exact_name_comes_first_and_then_the_patterns(tmp_path: Path, there: list[str], taken: int) -> None:
    touched(tmp_path, *there)
    assert find_files(tmp_path) == [("cartera", tmp_path / there[taken])]


@pytest.mark.parametrize("there", [[], ["cartera.xlsx"], ["CNBV_Cartera.xlsx", "TDA.xlsx"]])
def test_the_required_file_is_asked_for_by_name(tmp_path: Path, there: list[str]) -> None:
    touched(tmp_path, *there)
    with refused(InputError, file="CNBV_Cartera_Bancos_V2.xlsx"):
        find_files(tmp_path)


@pytest.mark.parametrize("name", ["TDA.XLSX", "tda.xlsx", "Tda.Xlsx"])
def test_case_is_no_matter(tmp_path: Path, name: str) -> None:
    touched(tmp_path, "CNBV_Cartera_Bancos_V2.xlsx", name, "icap_bancos.xlsx", "Icap_Bancos.xlsx")
    assert dict(find_files(tmp_path))["tda"] == tmp_path / name
    assert similar_files(tmp_path).keys() == {*FILES, *OFFICIAL} - {"cartera", "tda", "icap"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("TDA (1).xlsx", "tda"),
        ("Copia de TDA.xlsx", "tda"),
        ("TDA.xls", "tda"),
        ("TDA_2025.xlsx", "tda"),
        ("ICAP Bancos.xlsx", "icap"),
        ("ICAP_Banco.xlsx", "icap"),
        ("CASTIGOS - copia.xlsx", "castigos"),
        ("CorporateLoan_CNBVDB.csv.part", "tasas"),
        ("notdata.xlsx", None),
        ("LEEME.txt", None),
    ],
)
def test_a_name_that_is_nearly_right_is_pointed_out(tmp_path: Path, name: str, source: str | None) -> None:
    touched(tmp_path, "CNBV_Cartera_Bancos_V2.xlsx", name)
    assert {missing: names for missing, names in similar_files(tmp_path).items() if names} == (
        {source: (name,)} if source else {}
    )


def test_the_file_of_one_source_is_not_pointed_out_as_that_of_another(tmp_path: Path) -> None:
    touched(tmp_path, "CNBV_Cartera_Bancos_V2.xlsx", "Castigos Comerciales.xlsx")
    assert similar_files(tmp_path)["castigos"] == ()


def test_the_error_of_a_missing_file_names_the_one_that_may_be_meant(tmp_path: Path) -> None:
    touched(tmp_path, "Copia de CNBV_Cartera_Bancos_V2.xlsx")
    with pytest.raises(InputError, match=r"'Copia de CNBV_Cartera_Bancos_V2\.xlsx'"):
        find_files(tmp_path)


def test_a_folder_of_that_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "CNBV_Cartera_Bancos_V2.xlsx").mkdir()
    with refused(InputError, file="CNBV_Cartera_Bancos_V2.xlsx"):
        find_files(tmp_path)


def test_a_missing_folder_names_the_setting(tmp_path: Path) -> None:
    with refused(InputError):
        find_files(tmp_path / "nada")


def test_files_are_hashed_and_weighed(tmp_path: Path) -> None:
    contents = {"tda": b"hola", "icap": b"", "tasas": b"x" * 3_000_000}
    for source, content in contents.items():
        (tmp_path / source).write_bytes(content)
    found = list_files((source, tmp_path / source) for source in contents)
    assert [file.source for file in found] == list(contents)
    for file in hashed(found):
        assert file.name == file.source
        assert file.sha256 == hashlib.sha256(contents[file.source]).hexdigest()
        assert file.bytes == len(contents[file.source])
        file.assert_unchanged()


def test_hashes_that_another_process_computed_are_taken_and_the_others_computed(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("tda", "icap", "castigos")}
    for name, path in paths.items():
        path.write_bytes(name.encode())
    files = list_files(paths.items())
    known = hash_all([paths["tda"], tmp_path / "gone"])
    assert known == {str(paths["tda"]): hashlib.sha256(b"tda").hexdigest()}
    known[str(paths["icap"])] = "told"
    assert [file.sha256 for file in hashed(files, known)] == [
        known[str(paths["tda"])],
        "told",
        hashlib.sha256(b"castigos").hexdigest(),
    ]


def test_long_files_are_not_hashed_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bankadvisor_etl.inputs.files.LONG", 4)
    for name, size in (("CNBV_Cartera_Bancos_V2.xlsx", 4), ("TDA.xlsx", 5)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert [path.name for path in Stock(tmp_path).short] == ["CNBV_Cartera_Bancos_V2.xlsx"]


def test_what_is_wrong_with_the_files_is_raised_when_they_are_asked_for(tmp_path: Path) -> None:
    stock = Stock(tmp_path)
    assert stock.short == []
    with refused(InputError, file="CNBV_Cartera_Bancos_V2.xlsx"):
        stock.files()


def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path: Path) -> None:
    with refused(InputError, file="TDA.xlsx"):
        list_files([("tda", tmp_path / "TDA.xlsx")])
    (tmp_path / "TDA.xlsx").mkdir()
    with refused(InputError, file="TDA.xlsx"):
        list_files([("tda", tmp_path / "TDA.xlsx")])
    (tmp_path / "ICAP_Bancos.xlsx").touch()
    files = list_files([("icap", tmp_path / "ICAP_Bancos.xlsx")])
    (tmp_path / "ICAP_Bancos.xlsx").unlink()
    with refused(InputError, file="ICAP_Bancos.xlsx"):
        hashed(files)


@pytest.mark.parametrize("how", ["touched", "appended", "replaced", "removed"])
def test_a_file_that_changed_since_is_an_input_error(tmp_path: Path, how: str) -> None:
    path, other = tmp_path / "TDA.xlsx", tmp_path / "other"
    path.write_bytes(b"hola")
    other.write_bytes(b"aloh")
    stamp = path.stat().st_mtime_ns
    os.utime(other, ns=(stamp, stamp))
    (file,) = hashed(list_files([("tda", path)]))
    assert len(file.sha256) == 64
    if how == "touched":
        os.utime(path, ns=(stamp, stamp + 1))
    elif how == "appended":
        path.write_bytes(b"hola!")
    elif how == "replaced":  # the same size and time, another file
        other.replace(path)
    else:
        path.unlink()
    with refused(InputError if how == "removed" else ChangedError, file="TDA.xlsx"):
        file.assert_unchanged()


def test_a_folder_that_this_user_cannot_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path, *FILES.values())
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path or mode == os.F_OK)  # root reads everything
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        find_files(tmp_path)


def test_a_source_of_many_files_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = Source("many", ("BE BM ??????.xlsx", "BE_BM_ ??????.xlsx"), "enhanced", None, folder="cnbv", many=True)
    monkeypatch.setitem(BY_NAME, many.name, many)
    (tmp_path / "cnbv").mkdir()
    names = ["BE BM 202411.xlsx", "BE BM 202412.xlsx", "BE_BM_ 202308.xlsx"]
    for name in [*names, "BE BM.xlsx", "otro.xlsx"]:
        (tmp_path / "cnbv" / name).touch()
    (tmp_path / names[0]).touch()
    paths = many.find_all(tmp_path)
    assert [path.relative_to(tmp_path) for path in paths] == [Path("cnbv", name) for name in names]
    assert many.find(tmp_path) == paths[0]
    assert [file.name for file in list_files((many.name, path) for path in paths)] == [f"cnbv/{name}" for name in names]
