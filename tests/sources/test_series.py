"""CNBV's series, read into arrays: what is accepted, what is refused, and the place in the error."""

from __future__ import annotations

import random
import struct
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bankadvisor_etl.errors import DataError, EtlError, InputError
from bankadvisor_etl.sources import series
from bankadvisor_etl.sources.series import archive
from bankadvisor_etl.sources.series.archive import HEADER, MEMBER
from bankadvisor_etl.sources.series.arrays import fingerprint
from support.refusals import refused
from support.series import csv_file, lines, read, zip_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = [("040002", 130, 40100001, period, f"{period}.5") for period in (200012, 200101, 200103)]
ROWS = lines(GOOD)
TEXT = HEADER + b"\n" + ROWS
LAST = ROWS.splitlines(keepends=True)[-1]


def arrays(path: Path) -> dict[tuple[int, int, int], tuple[int, list[float | None]]]:
    """First column and values by key."""
    found = read(path)
    return {
        key: (int(found.starts[at]), [None if np.isnan(v) else float(v) for v in found.of_key(at)])
        for at, key in enumerate(found.keys)
    }


@pytest.mark.parametrize("text", [TEXT, b"\xef\xbb\xbf" + TEXT, TEXT.replace(b"\n", b"\r\n"), TEXT + b"\n\n"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_layouts_that_are_one_series(tmp_path: Path, text: bytes, packed: bool) -> None:  # noqa: FBT001
    path = tmp_path / "s"
    if packed:
        zip_file(path, text)
    else:
        path.write_bytes(text)
    assert arrays(path) == {(40002, 130, 40100001): (0, [200012.5, 200101.5, None, 200103.5])}


def test_a_blank_line_in_the_middle_keeps_the_numbers_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "s"
    other = lines([("5", 130, 40100001, 200101, 1.0)])
    path.write_bytes(HEADER + b"\n" + other + b"\n" + ROWS)
    assert read(path).count == len(GOOD) + 1
    for wrong in (other, other.replace(b"200101", b"200013")):
        path.write_bytes(HEADER + b"\n" + other + b"\n\n" + ROWS + wrong)
        with pytest.raises(DataError) as refusal:
            read(path)
        assert refusal.value.place.row == 8


def test_both_saldos_any_order_and_canonical_codes(tmp_path: Path) -> None:
    values = [
        (entity, saldo, concept, period, float(period))
        for entity in ("5", "59", "040002", "040171")
        for saldo in (130, 133)
        for concept in (40100001, 40999999, 99999999)
        for period in (200112, 200201, 202206)
    ]
    shuffled = random.Random(1).sample(values, len(values))  # noqa: S311
    found = arrays(csv_file(tmp_path / "s", *shuffled))
    assert list(found) == sorted({(int(e), s, c) for e, s, c, _, _ in values})
    assert {first for first, _ in found.values()} == {12}
    assert {len(a) for _, a in found.values()} == {247}
    assert {(a[0], a[1], a[-1], a.count(None)) for _, a in found.values()} == {(200112.0, 200201.0, 202206.0, 244)}


def test_numbers_are_read_to_their_last_digit(tmp_path: Path) -> None:
    random_bits = random.Random(2)  # noqa: S311
    texts = ["62516525208.00001", "15586146481.999998", "0.1", "-8177970672.999999", "5e-324", "1.7976931348623157e308"]
    while len(texts) < 3_000:
        (number,) = struct.unpack("<d", random_bits.randbytes(8))
        if np.isfinite(number):
            texts.append(repr(number))
    path = csv_file(
        tmp_path / "s", *((f"{1 + at % 2}", 130, 40100001 + at // 2, 202506, text) for at, text in enumerate(texts))
    )
    found = read(path)
    values = {key: found.of_key(at)[0] for at, key in enumerate(found.keys)}
    assert [values[1 + at % 2, 130, 40100001 + at // 2] for at in range(len(texts))] == [float(text) for text in texts]


def test_minus_zero_is_zero(tmp_path: Path) -> None:
    minus, plus = (
        read(csv_file(tmp_path / name, ("5", 130, 40100001, 202506, text))).of_key(0)
        for name, text in (("a", "-0.0"), ("b", "0.0"))
    )
    assert fingerprint(minus.data) == fingerprint(plus.data)


def test_blocks_do_not_cut_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [("040002", 133, 40100001 + at % 7, 200101 + at // 7 % 12, float(at)) for at in range(84)]
    path = zip_file(tmp_path / "s.zip", HEADER + b"\n" + lines(values))
    whole = arrays(path)
    for size in (100, 101, 127, 1000):
        monkeypatch.setattr(archive, "BLOCK", size)
        assert arrays(path) == whole
        assert b"".join(archive.blocks(path)) == lines(values)


@pytest.mark.parametrize("method", archive.METHODS)
@pytest.mark.parametrize(("packed", "piece"), [(1, 1), (1, 7), (7, 1), (50, 3), (2**18, 64)])
def test_pieces_of_any_size_are_the_same_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: int, packed: int, piece: int
) -> None:
    values = [("040002", 133, 40100001, 200101 + at, 0.0) for at in range(12)]
    path = zip_file(tmp_path / "s.zip", HEADER + b"\n" + lines(values), method=method)
    monkeypatch.setattr(archive, "PACKED", packed)
    monkeypatch.setattr(archive, "PIECE", piece)
    assert b"".join(archive.blocks(path)) == lines(values)
    cut = path.read_bytes()
    at = cut.index(b"PK\1\2")  # the directory has the length of the member: declare more than there is
    size = int.from_bytes(cut[at + 20 : at + 24], "little")
    path.write_bytes(cut[: at + 20] + (size - 5).to_bytes(4, "little") + cut[at + 24 :])
    with pytest.raises(InputError):
        list(archive.blocks(path))


def test_nothing_is_unpacked_to_disk(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "s.zip", TEXT)
    read(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.zip"]


def _row(**cells: str) -> bytes:
    values = {"sector": "40", "concept": "40100001", "entity": '"040002"', "month": '"200104"', "saldo": "130"}
    values |= {"value": "1.5"} | cells
    return HEADER + b"\n" + ROWS + ",".join(values.values()).encode() + b"\n"


REFUSED: dict[str, tuple[bytes, type[EtlError], dict[str, object]]] = {
    "value is text": (_row(value="n.d."), DataError, {"row": 5, "column": "valor"}),
    "value is blank": (_row(value=""), DataError, {"row": 5, "column": "valor"}),
    "value is not finite": (_row(value="inf"), DataError, {"row": 5, "column": "valor"}),
    "value is NaN": (_row(value="NaN"), DataError, {"row": 5, "column": "valor"}),
    "value overflows": (_row(value="1e400"), DataError, {"row": 5, "column": "valor"}),
    "value with a thousands comma": (_row(value="1,000.0"), DataError, {"row": 5}),
    "value with a decimal comma in quotes": (_row(value='"1,5"'), DataError, {"row": 5}),
    "month 13": (_row(month='"202513"'), DataError, {"row": 5, "column": "periodo"}),
    "month 00": (_row(month='"202500"'), DataError, {"row": 5, "column": "periodo"}),
    "month before 200012": (_row(month='"200011"'), DataError, {"row": 5, "column": "periodo"}),
    "month to come": (_row(month='"210001"'), DataError, {"row": 5, "column": "periodo"}),
    "month of eight digits": (_row(month='"20250101"'), DataError, {"row": 5, "column": "periodo"}),
    "month is a name": (_row(month='"ene-25"'), DataError, {"row": 5, "column": "periodo"}),
    "month is blank": (_row(month='""'), DataError, {"row": 5, "column": "periodo"}),
    "entity is a name": (_row(entity='"Banamex"'), DataError, {"row": 5, "column": "entidad"}),
    "entity is blank": (_row(entity='""'), DataError, {"row": 5, "column": "entidad"}),
    "entity of seven digits": (_row(entity='"9040002"'), DataError, {"row": 5, "column": "entidad"}),
    "concept is negative": (_row(concept="-40100001"), DataError, {"row": 5, "column": "idconcepto"}),
    "concept is too large": (_row(concept="4010000100"), DataError, {"row": 5, "column": "idconcepto"}),
    "concept is a fraction": (_row(concept="40100001.5"), DataError, {"row": 5, "column": "idconcepto"}),
    "another sector": (_row(sector="68"), DataError, {"row": 5, "column": "sector"}),
    "another saldo": (_row(saldo="131"), DataError, {"row": 5, "column": "saldo"}),
    "a cell less": (HEADER + b"\n" + ROWS + b'40,40100001,"040002","200104",130\n', DataError, {"row": 5}),
    "a cell more": (_row(value="1.5,2"), DataError, {"row": 5}),
    "a quotation mark lost": (_row(entity='"040002'), DataError, {"row": 5}),
    "a key twice": (TEXT + LAST, DataError, {"row": 5}),
    "a key twice, far apart": (TEXT + lines([("5", 130, 1, 200101, 1.0)] * 1) + LAST, DataError, {"row": 6}),
    "a key twice, spelled otherwise": (TEXT + LAST.replace(b'"040002"', b"40002"), DataError, {"row": 5}),
    "the header twice": (TEXT + HEADER + b"\n", DataError, {"row": 5}),
    "no header": (ROWS, DataError, {"row": 1}),
    "another header": (TEXT.replace(b'"valor"', b'"importe"', 1), DataError, {"row": 1}),
    "header in another order": (
        TEXT.replace(b'"sector","idconcepto"', b'"idconcepto","sector"', 1),
        DataError,
        {"row": 1},
    ),
    "header without quotes": (TEXT.replace(HEADER, HEADER.replace(b'"', b"")), DataError, {"row": 1}),
    "semicolons": (TEXT.replace(b",", b";"), DataError, {"row": 1}),
    "the header alone": (HEADER + b"\n", DataError, {}),
    "empty": (b"", DataError, {"row": 1}),
    "NUL bytes in the middle": (_row(value="1\0.5"), DataError, {"row": 5}),
    "a block of NUL bytes": (TEXT + bytes(4096) + b"\n", DataError, {"row": 5}),
    "UTF-16": (TEXT.decode().encode("utf-16"), DataError, {"row": 1}),
    "a web page": (b"<html><body>404</body></html>\n", DataError, {"row": 1}),
    "one line without end": (TEXT + b"40," * 10_000_000, EtlError, {}),
}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_rows(tmp_path: Path, name: str, packed: bool) -> None:  # noqa: FBT001
    text, kind, where = REFUSED[name]
    path = tmp_path / "s"
    if packed:
        zip_file(path, text, method=zipfile.ZIP_STORED)
    else:
        path.write_bytes(text)
    with pytest.raises(kind) as refusal:
        read(path)
    place = refusal.value.place.known()
    assert {**where, "file": "s"}.items() <= place.items()
    assert refusal.value.exit_code in {65, 74}


def test_the_fault_is_found_in_a_large_block(tmp_path: Path) -> None:
    values = [(f"{at % 50}", 130, 40100001 + at // 50 % 50, 200101 + at // 2500 % 12, 0.5) for at in range(30_000)]
    values += [("5", 130, 40100001, 202501, value) for value in ("1.5e3", "n.d.")]  # type: ignore[misc]
    with refused(DataError, file="s", row=30_003, column="valor", value="n.d."):
        read(csv_file(tmp_path / "s", *values))


def test_a_csv_that_ends_early(tmp_path: Path) -> None:
    """Half a number is also a number: without an end of line the last one may be incomplete."""
    path = tmp_path / MEMBER
    for cut in (1, 3, len(LAST) - 2):
        path.write_bytes(TEXT[:-cut])
        with pytest.raises(EtlError) as refusal:
            read(path)
        assert refusal.value.exit_code in {65, 74}


def _two_members(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(MEMBER, TEXT)
        packed.writestr("LEEME.txt", "x")


def _same_member_twice(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(MEMBER, TEXT)
        with pytest.warns(UserWarning, match="Duplicate"):
            packed.writestr(MEMBER, TEXT)


def _bomb(path: Path) -> None:
    zip_file(path, HEADER + b"\n" + ROWS + b"0" * 5_000_000)


def _declares(path: Path, size: int) -> None:
    """Another size in the central directory and in the local header."""
    content = bytearray(zip_file(path, TEXT).read_bytes())
    entry = content.rfind(b"PK\1\2")
    content[entry + 24 : entry + 28] = content[22:26] = struct.pack("<I", size)
    path.write_bytes(bytes(content))


def _flag(path: Path, offset: int, value: int) -> None:
    content = bytearray(zip_file(path, TEXT).read_bytes())
    entry = content.rfind(b"PK\1\2")
    content[entry + 8 + offset] = content[6 + offset] = value
    path.write_bytes(bytes(content))


def _flip(path: Path) -> None:
    content = bytearray(zip_file(path, TEXT, method=zipfile.ZIP_STORED).read_bytes())
    place = content.index(b"200101.5")
    content[place] ^= 1
    path.write_bytes(bytes(content))


def _damaged(path: Path) -> None:
    content = bytearray(zip_file(path, TEXT * 1).read_bytes())
    content[80:100] = bytes(20)
    path.write_bytes(bytes(content))


def _cut(path: Path, keep: float) -> None:
    content = zip_file(path, TEXT).read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


ARCHIVES: dict[str, Callable[[Path], object]] = {
    "no member": lambda path: zipfile.ZipFile(path, "w").close(),
    "another name": lambda path: zip_file(path, TEXT, "sh_datos_41.csv"),
    "in a folder": lambda path: zip_file(path, TEXT, "BM/" + MEMBER),
    "out of the folder": lambda path: zip_file(path, TEXT, "../" + MEMBER),
    "two members": _two_members,
    "the member twice": _same_member_twice,
    "a bomb": _bomb,
    "declares 3 GiB": lambda path: _declares(path, 3 * 2**30),
    "declares less": lambda path: _declares(path, len(TEXT) - len(LAST)),
    "declares more": lambda path: _declares(path, len(TEXT) + 100),
    "encrypted": lambda path: _flag(path, 0, 1),
    "bzip2": lambda path: zip_file(path, TEXT, method=zipfile.ZIP_BZIP2),
    "LZMA": lambda path: zip_file(path, TEXT, method=zipfile.ZIP_LZMA),
    "an unknown method": lambda path: _flag(path, 2, 99),
    "a bit flipped": _flip,
    "bytes lost inside": _damaged,
    "cut in half": lambda path: _cut(path, 0.5),
    "without its last bytes": lambda path: _cut(path, 0.97),
    "its first bytes alone": lambda path: path.write_bytes(b"PK\3\4"),
    "a web page": lambda path: path.write_bytes(b"<html>not found</html>"),
    "empty": lambda path: path.write_bytes(b""),
    "a folder": lambda path: path.mkdir(),
    "missing": lambda path: path.unlink(missing_ok=True),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_refused_archives(tmp_path: Path, name: str) -> None:
    path = tmp_path / "sh_datos_csv_40.zip"
    ARCHIVES[name](path)
    with pytest.raises(InputError) as refusal:
        read(path)
    assert refusal.value.place.file == path.name


def test_more_series_than_any_file_has(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "s", *((f"{40000 + at:06}", 130, 40100001, 202506, 1.0) for at in range(300)))
    with pytest.raises(DataError):
        read(path)
    path = csv_file(tmp_path / "s", *(("5", 130, 40100001 + at, 202506, 1.0) for at in range(2_100)))
    with pytest.raises(DataError):
        read(path)


def test_the_newest_month_is_the_present_one(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "s", ("5", 130, 40100001, 202506, 1.0))
    assert series.read(path, date(2025, 6, 1)).newest == 2025 * 12 + 5
    with refused(DataError, file="s", row=2, column="periodo", value="202506"):
        series.read(path, date(2025, 5, 31))
