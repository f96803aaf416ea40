from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bankadvisor_etl.errors import InputError
from bankadvisor_etl.formats.csv import check_csv
from support.refusals import refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.csv"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b'Code,"Rate ", Total\r\n1,2,3\r\n',
        b"Code,Rate ,Total\n1,2,3",
        b"\xef\xbb\xbfCode,Rate,Total\n1,2,3\n\n",
        b'Code,Rate,Total\n"M\xe9xico, D.F.",2,"393,968"\n',
    ],
)
def test_headers_are_unquoted_and_trimmed(path: Path, content: bytes) -> None:
    assert check_csv(written(path, content)) == ["Code", "Rate", "Total"]


def test_a_long_file_is_judged_by_its_ends(path: Path) -> None:
    assert check_csv(written(path, b"a,b,c\n" + b"1,2,3\n" * 200_000)) == ["a", "b", "c"]


@pytest.mark.parametrize("content", [b"", b" \r\n\r\n"])
def test_an_empty_file_is_refused(path: Path, content: bytes) -> None:
    with refused(InputError, file="x.csv"):
        check_csv(written(path, content))


def test_utf16_is_refused(path: Path) -> None:
    with refused(InputError, file="x.csv", row=1):
        check_csv(written(path, "a,b\r\n1,2\r\n".encode("utf-16")))


def test_nul_bytes_at_the_end_are_refused(path: Path) -> None:
    with refused(InputError, file="x.csv", row=100_002):
        check_csv(written(path, b"a,b\n" + b"1,2\n" * 100_000 + b"\0" * 4096))


@pytest.mark.parametrize("content", [b"<html>\n<body>\n", b"a;b;c\n1;2;3\n", b"a\tb\n1\t2\n"])
def test_what_is_not_comma_separated_is_refused(path: Path, content: bytes) -> None:
    with refused(InputError, file="x.csv", row=1, value=content.decode().split("\n")[0]):
        check_csv(written(path, content))


@pytest.mark.parametrize("last", [b"4,5", b"4", b'4,"5,6'])
def test_a_cut_file_is_refused(path: Path, last: bytes) -> None:
    with refused(InputError, file="x.csv"):
        check_csv(written(path, b"a,b,c\n1,2,3\n" + last))


def test_a_missing_file_is_an_input_error(path: Path) -> None:
    with refused(InputError, file="x.csv"):
        check_csv(path)
