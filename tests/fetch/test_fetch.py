"""``fetch`` from a server with all kinds of faults: a good file is never replaced by a bad one."""

from __future__ import annotations

import errno
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from night import series

from bankadvisor_etl.errors import ConfigurationError, InputError
from bankadvisor_etl.fetch.addresses import parse_months, wanted_files
from bankadvisor_etl.fetch.download import MAX_REQUESTS
from bankadvisor_etl.fetch.errors import UnreachableError
from bankadvisor_etl.fetch.part import Part
from support.cli import etl

if TYPE_CHECKING:
    from collections.abc import Callable

    from night import Night

SERIE = "sh_datos_csv_40.zip"
ALL = ("serie", "catalogos", "boletines", "icap")


def code(night: Night, *what: str, **settings: Any) -> int:
    outcome = night.fetch(*what, **settings)
    try:
        outcome.raise_failure()
    except (UnreachableError, InputError) as error:
        return error.exit_code
    return 0


@pytest.mark.parametrize(("etag", "modified"), [("strong", True), ("weak", False), (None, True)])
def test_three_nights_download_nothing_twice(night: Night, etag: str | None, *, modified: bool) -> None:
    night.cnbv.etag = etag
    night.cnbv.modified = night.cnbv.modified if modified else None
    first = night.fetch(*ALL, months=("202509",))
    assert len(first.new) == 5
    sent = night.cnbv.sent
    for _ in range(2):
        again = night.fetch(*ALL, months=("202509",))
        assert (again.new, len(again.unchanged), again.failed) == ([], 5, {})
        assert night.requests == 6  # one of them finds that the chain is incomplete
    assert night.cnbv.sent == sent
    files = json.loads((night.data / "cnbv" / "MANIFEST.json").read_text())["files"]
    assert set(files) == set(night.cnbv.files)


def test_without_validators_only_the_tail_is_compared(night: Night) -> None:
    night.cnbv.etag = night.cnbv.modified = None
    assert code(night) == 0
    sent = night.cnbv.sent
    assert night.fetch().unchanged == [SERIE]
    assert night.cnbv.sent - sent <= 64 * 1024
    night.cnbv.files[SERIE] = series(2)
    assert night.fetch().new == [SERIE]
    assert night.held() == series(2)


def test_a_new_edition_replaces_the_old_one(night: Night) -> None:
    night.fetch()
    night.cnbv.files[SERIE] = series(2)
    assert night.fetch().new == [SERIE]
    assert night.held() == series(2)


def test_cut_downloads_are_resumed(night: Night) -> None:
    night.cnbv.cut_after = [50_000] * 3
    assert code(night) == 0
    assert night.held() == night.cnbv.files[SERIE]
    assert night.cnbv.sent == len(night.cnbv.files[SERIE])
    spans = [asked.get("range") for _, asked in night.cnbv.asked]
    assert spans[-3:] == ["bytes=50000-", "bytes=100000-", "bytes=150000-"]
    assert all(asked["accept-encoding"] == "identity" for _, asked in night.cnbv.asked)


def test_a_download_goes_on_the_next_night(night: Night) -> None:
    night.cnbv.cut_after = [50_000, 0, 0, 0, 0]
    assert code(night) == 69
    assert night.held() is None
    assert code(night) == 0
    assert night.cnbv.sent == len(night.cnbv.files[SERIE])


def test_a_weak_etag_never_resumes(night: Night) -> None:
    night.cnbv.etag = "weak"
    night.cnbv.cut_after = [50_000, 50_000]
    assert code(night) == 0
    assert not any("range" in asked for _, asked in night.cnbv.asked)
    assert night.held() == night.cnbv.files[SERIE]


@pytest.mark.parametrize("obeys", [True, False])
def test_a_file_that_changes_between_two_parts(night: Night, *, obeys: bool) -> None:
    night.cnbv.etag = "strong" if obeys else None
    night.cnbv.cut_after = [50_000]
    old = night.cnbv.files[SERIE]

    def change(seconds: float) -> None:
        night.slept.append(seconds)
        night.cnbv.files[SERIE] = series(2)

    night.slept = _Hook(change)  # type: ignore[assignment]
    assert code(night) == 0
    assert night.held() == series(2) != old


class _Hook(list[float]):
    def __init__(self, hook: Callable[[float], None]) -> None:
        self._hook = hook

    def append(self, seconds: float) -> None:
        hook, self._hook = self._hook, super().append
        hook(seconds)


def test_a_server_that_cuts_forever_is_given_up(night: Night) -> None:
    night.cnbv.cut_after = [1000] * 200
    assert code(night) == 69
    assert len(night.cnbv.asked) <= MAX_REQUESTS


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (404, 74),
        (403, 74),
        (200, 74),
        (500, 69),
        (lambda handler: handler.plain(302, b"", Location="https://localhost:1/x"), 74),
        (lambda handler: handler.plain(200, b"PK\x03\x04" + bytes(900)), 74),
        (lambda handler: handler.plain(200, series()[:-5000]), 74),
        (lambda handler: handler.plain(200, series(), Content_Encoding="gzip"), 74),
        (lambda handler: handler.plain(429, b"", Retry_After="3600"), 69),
    ],
)
def test_a_bad_answer_replaces_nothing(night: Night, answer: Any, expected: int) -> None:
    night.fetch()
    good = night.held()
    night.cnbv.files[SERIE] = series(2)
    night.cnbv.answers = [answer] * 30
    before = len(night.cnbv.asked)
    assert code(night) == expected
    assert len(night.cnbv.asked) - before <= 4
    assert night.held() == good
    night.cnbv.answers = []
    assert code(night) == 0
    assert night.held() == series(2)


def test_retry_after_is_honoured(night: Night) -> None:
    night.cnbv.answers = [lambda handler: handler.plain(429, b"", Retry_After="7")] * 2
    assert code(night) == 0
    assert night.slept == [7, 7]


def test_a_server_that_hangs_costs_its_retries_once(night: Night) -> None:
    night.cnbv.answers = [lambda _handler: time.sleep(1)] * 40
    began = time.monotonic()
    assert code(night, *ALL, months=("202509",), timeout=0.2) == 69
    assert night.requests <= 5
    assert time.monotonic() - began < 10


def test_more_than_was_promised(night: Night) -> None:
    def endless(handler: Any) -> None:
        handler.send_response_only(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        block = night.cnbv.files["cat_conceptos_40.csv"].ljust(65_536, b"x")
        for _ in range(300):
            handler.wfile.write(b"10000\r\n" + block + b"\r\n")

    night.cnbv.answers = [endless]
    outcome = night.fetch("catalogos")
    assert list(outcome.failed) == ["cat_conceptos_40.csv"]
    assert night.held("cat_conceptos_40.csv") is None


def test_a_disk_that_fills(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.fetch()
    good = night.held()
    night.cnbv.files[SERIE] = series(2)

    def full(_part: Part, _file: object, _block: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Part, "_write", full)
        assert code(night) == 74
    assert night.held() == good
    assert not list((night.data / "cnbv").glob(".*.part*"))
    assert code(night) == 0


def test_bulletins_are_tried_by_each_name_in_order(night: Night) -> None:
    night.cnbv.files["BE_BM _202406.xlsx"] = night.cnbv.files["BE BM 202509.xlsx"]
    night.cnbv.status["BE_BM_202406.xlsx"] = 200  # a page
    assert night.fetch("boletines", months=("202406", "202612")).new == ["boletin 202406"]
    names = [name for name, _ in night.cnbv.asked]
    patterns = ["BE BM {}.xlsx", "BE_BM_{}.xlsx", "BE_BM_{}.xlsm", "BE_BM_{}.xls", "BE_BM_ {}.xlsx", "BE_BM _{}.xlsx"]
    assert names == [pattern.format(month) for month in ("202406", "202612") for pattern in patterns]
    night.cnbv.asked.clear()
    night.fetch("boletines", months=("202406",))
    assert [name for name, _ in night.cnbv.asked] == ["BE_BM _202406.xlsx"]


def test_the_verb(night: Night) -> None:
    settings = night.environment | {"SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]}
    planned = etl("fetch", "--dry-run", "--data-dir", night.data, "--months", "202509", **settings)
    assert (planned.code, len(planned.events), night.cnbv.asked) == (0, 10, [])
    done = etl("fetch", "--data-dir", night.data, "--months", "202509", **settings)
    assert done.code == 0, done
    assert len(done.event("fetch.completed")["new"]) == 5
    night.cnbv.status[SERIE] = 403
    failed = etl("fetch", "--what", "serie", "--data-dir", night.data, **settings)
    assert (failed.code, failed.event("fetch.failed")["exit_code"]) == (74, 74)
    assert etl("fetch", "--what", "other", "--data-dir", night.data).code == 2
    assert etl("fetch", "--data-dir", night.data, BANKADVISOR_SERIES_URL="http://127.0.0.1/").code == 78


def test_months() -> None:
    assert parse_months("202411..202502") == ("202411", "202412", "202501", "202502")
    assert parse_months("202501,202503") == ("202501", "202503")
    for wrong in ("202513", "2025", "202502..202501", "200001..209912", ""):
        with pytest.raises(ConfigurationError):
            parse_months(wrong)
    assert len(wanted_files(ALL, ("202501",), {})) == 5
