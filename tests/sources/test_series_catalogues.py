"""CNBV's catalogues in every encoding that it has used, and refused ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bankadvisor_etl.errors import DataError, EtlError
from bankadvisor_etl.sources.series import catalogues
from bankadvisor_etl.transforms.from_series import CONCEPTS, RATIOS, WRITE_OFFS
from support.folders import find_real_data
from support.refusals import refused
from support.series import csv_file, read

if TYPE_CHECKING:
    from pathlib import Path

HEADER = '"sector","idtema","idconcepto","descripcion","nivel","indicador","orden"'
ROWS = ['40,1,40100048,"Efectivo, en garantía",3,0,5', '40,1,40100050,"Otros",3,0,7', '40,5,40200001,"Otros",1,1,581']
ENTITIES = [
    '"sector","entidad","nombre_entidad","grupo","nombre_grupo","orden"',
    '40,"5","Total Banca Múltiple",5,"x",1',
]
ENTITIES += ['40,"040138","Ualá",71,"Sin Clasificar",2']


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(end.join([HEADER, *ROWS, ""]).encode(encoding))
    assert catalogues.read_concepts(path) == [
        catalogues.Concept(40100048, "Efectivo, en garantía", 3, 5),
        catalogues.Concept(40100050, "Otros", 3, 7),
        catalogues.Concept(40200001, "Otros", 1, 581),
    ]
    path.write_bytes(end.join([*ENTITIES, ""]).encode(encoding))
    assert catalogues.read_entities(path) == {"5": "Total Banca Múltiple", "040138": "Ualá"}


BROKEN = {
    "empty": b"",
    "blank": b"\n \n",
    "header alone": HEADER.encode() + b"\n",
    "another header": "\n".join([HEADER.replace("nivel", "level"), *ROWS]).encode(),
    "the other catalogue": "\n".join(ENTITIES).encode(),
    "a concept twice": "\n".join([HEADER, *ROWS, ROWS[0]]).encode(),
    "a concept that is no number": "\n".join([HEADER, ROWS[0].replace("40100048", "x")]).encode(),
    "a level that is no number": "\n".join([HEADER, ROWS[0].replace(",3,", ",,")]).encode(),
    "cut in a row": "\n".join([HEADER, *ROWS]).encode()[:-12],
    "a cell more": "\n".join([HEADER, ROWS[0] + ",1"]).encode(),
    "NUL bytes": "\n".join([HEADER, *ROWS]).encode() + bytes(9),
    "UTF-16": "\n".join([HEADER, *ROWS]).encode("utf-16"),
    "a web page": b"<html>no</html>",
    "an archive": b"PK\3\4" + bytes(30),
    "too large": HEADER.encode() + b"\n" + b" " * (catalogues.MAX_SIZE + 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(tmp_path: Path, name: str) -> None:
    path = tmp_path / "cat_conceptos_40.csv"
    path.write_bytes(BROKEN[name])
    with pytest.raises(EtlError) as refusal:
        catalogues.read_concepts(path)
    assert refusal.value.exit_code in {65, 74}
    assert refusal.value.place.file == path.name


def test_an_entity_twice_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("\n".join([*ENTITIES, ENTITIES[-1]]))
    with refused(DataError, file="e.csv", row=4, column="entidad", value="040138"):
        catalogues.read_entities(path)
    with pytest.raises(EtlError):
        catalogues.read_entities(tmp_path / "none.csv")


def test_what_the_catalogues_lack_is_kept_and_named(tmp_path: Path) -> None:
    values = [(entity, 130, concept, 202506, 1.0) for entity in ("5", "040171") for concept in (40100050, 40109999)]
    found = read(csv_file(tmp_path / "s", *values))
    concepts = [catalogues.Concept(40100050, "Otros", 3, 7)]
    assert catalogues.unknown(found, concepts, {"5": "Total"}) == catalogues.Unknown(("040171",), (40109999,))
    assert catalogues.unknown(found, concepts, {"5": "Total"}) == catalogues.unknown(found, concepts, {"5": "Other"})
    assert found.count == 4


@pytest.mark.real
def test_the_real_catalogues_and_the_labels_of_our_concepts() -> None:
    folder = find_real_data().parent / "official"
    labels = {concept.id: concept.label for concept in catalogues.read_concepts(folder / catalogues.CONCEPTS_FILE)}
    assert len(labels) == 641
    names = catalogues.read_entities(folder / catalogues.ENTITIES_FILE)
    assert (len(names), names["5"], "040171" in names) == (69, "Total Banca Múltiple", False)
    segments = {
        "ae": "Actividad empresarial o comercial",
        "ef": "Entidades financieras",
        "vi": "Créditos a la vivienda",
    }
    segments |= {"eg": "Entidades gubernamentales", "co": "Créditos de consumo", "comercial": "Créditos comerciales"}
    for name, number in CONCEPTS.items():
        segment = name.removeprefix("res_").partition("_")[0]
        if segment in segments:
            assert labels[number] == segments[segment], name
    assert labels[CONCEPTS["total_e2"]].endswith("etapa 2")
    assert labels[RATIOS["imora_cnbv"]] == "Índice de morosidad ajustado (IMORA) cartera de crédito total"
    assert labels[WRITE_OFFS["quebrantos_comerciales"]] == "Créditos comerciales"
