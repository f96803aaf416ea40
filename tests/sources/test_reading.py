"""The reader's worker processes: what they answer, and what is left when one of them dies."""

from __future__ import annotations

import io
import json
import os
import sys
import textwrap
import threading
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from bankadvisor_etl.errors import ChangedError, DataError, InputError
from bankadvisor_etl.inputs import reading, worker
from bankadvisor_etl.inputs.files import hash_files
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Misbehave = Callable[[str], None]

SECONDS = 30
"""Longer than any of these readings takes: a test that waits for ever says nothing."""

TDA_HEADER = ["cve_periodo", "cve_institucion", " TDA Cartera total", "Año"]


@pytest.fixture
def tda(tmp_path: Path) -> Path:
    rows = [TDA_HEADER, [202501, "040059", 2.5], [202501, "x", 1], [202502, 40059, None]]
    return write_workbook(tmp_path / "TDA.xlsx", {"Sheet1": rows})


@pytest.fixture
def icap(tmp_path: Path) -> Path:
    rows = [["Cve_Inst", "FECHA", "ICAP Total", "CCB", "CCF"], ["040059", date(2025, 1, 1), 1, 2, 3]]
    return write_workbook(tmp_path / "ICAP_Bancos.xlsx", {"ICAP Bancos": rows})


@pytest.fixture
def tasa(tmp_path: Path) -> Path:
    rows = [["Fecha1", "Sistema", "Invex Consumo"], [date(2025, 1, 31), 35.7, 27]]
    return write_workbook(tmp_path / "TE_Invex_Sistema.xlsx", {"x": rows})


@pytest.fixture
def misbehave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Misbehave:
    """Have every worker do something else than read icap, by a module that Python imports when it starts."""

    def do(what: str) -> None:
        code = """
            import os, signal, time
            from bankadvisor_etl.sources import Source
            read = Source.read
            def misread(self, path):
                if self.name == "icap":
                    {what}
                return read(self, path)
            Source.read = misread
        """
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(textwrap.dedent(code).format(what=what))
        monkeypatch.setenv("PYTHONPATH", f"{folder}:{os.environ.get('PYTHONPATH', '')}")

    return do


def test_what_a_source_reads_comes_back_whole(tda: Path, tasa: Path) -> None:
    read: list[str] = []
    with reading.reader(read.append) as reader:
        pending = reader.read(hash_files([("tda", tda), ("tasa_efectiva", tasa)]))
        rates, delinquency = (pending[name].result(SECONDS) for name in ("tasa_efectiva", "tda"))
    assert sorted(read) == ["tasa_efectiva", "tda"]
    assert rates.reading.frame.rows() == [(2, date(2025, 1, 1), 35.7, 27.0)]
    assert delinquency.reading.frame.rows() == [
        (2, "040059", date(2025, 1, 1), 2.5),
        (4, "040059", date(2025, 2, 1), None),
    ]
    assert delinquency.reading.rejects["row", "reason"].rows() == [
        (3, "column 'cve_institucion': 'x' is not an institution code")
    ]
    assert (delinquency.reading.rows_read, delinquency.reading.ignored) == (3, ("Año",))
    assert delinquency.file.name == "TDA.xlsx"
    assert 0 < delinquency.seconds < SECONDS


def test_the_errors_of_a_source_keep_their_class_and_words(tda: Path, icap: Path) -> None:
    write_workbook(tda, {"Sheet1": [["otra cosa"], [1]]})
    icap.write_bytes(b"no es un libro")
    with reading.reader() as reader:
        pending = reader.read(hash_files([("tda", tda), ("icap", icap)]))
        with pytest.raises(DataError, match=r"^TDA\.xlsx, sheet 'Sheet1': there is no column 'cve_institucion'"):
            pending["tda"].result(SECONDS)
        with pytest.raises(InputError, match=r"^ICAP_Bancos\.xlsx: not a workbook, or damaged"):
            pending["icap"].result(SECONDS)


@pytest.mark.parametrize(
    ("what", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "was stopped by SIGKILL"),
        ("raise MemoryError", "ended with exit code 70"),
    ],
)
def test_a_worker_that_dies_costs_its_own_file_and_no_other(
    misbehave: Misbehave, tda: Path, icap: Path, tasa: Path, what: str, how: str
) -> None:
    misbehave(what)
    with reading.reader() as reader:
        pending = reader.read(hash_files([("icap", icap), ("tda", tda), ("tasa_efectiva", tasa)]))
        with pytest.raises(
            InputError, match=rf"^ICAP_Bancos\.xlsx: the reader {how}: the file is damaged, or takes more"
        ):
            pending["icap"].result(SECONDS)
        assert pending["tda"].result(SECONDS).reading.rows_read == 3
        assert pending["tasa_efectiva"].result(SECONDS).reading.rows_read == 1


def test_a_file_alone_that_its_worker_dies_of(misbehave: Misbehave, icap: Path) -> None:
    misbehave("os.abort()")
    with reading.reader() as reader:
        pending = reader.read(hash_files([("icap", icap)]))
        with pytest.raises(InputError, match=r"^ICAP_Bancos\.xlsx: the reader was stopped by SIGABRT"):
            pending["icap"].result(SECONDS)


def test_a_panic_is_the_files_fault_and_the_worker_goes_on(misbehave: Misbehave, icap: Path, tda: Path) -> None:
    misbehave('raise KeyboardInterrupt("one\\ntwo")')
    with reading.reader() as reader:
        pending = reader.read(hash_files([("icap", icap), ("tda", tda)]))
        with pytest.raises(InputError, match=r"^ICAP_Bancos\.xlsx: the reader gave up: one; the file is damaged"):
            pending["icap"].result(SECONDS)
        assert pending["tda"].result(SECONDS).reading.rows_read == 3


def test_a_file_that_needs_too_much_memory_is_an_input_error(monkeypatch: pytest.MonkeyPatch, icap: Path) -> None:
    monkeypatch.setattr(reading, "WORKER_MEMORY", 2**23)
    with reading.reader() as reader:
        pending = reader.read(hash_files([("icap", icap)]))
        with pytest.raises(InputError, match=r"^ICAP_Bancos\.xlsx: the reader .* more than 8 MiB or"):
            pending["icap"].result(SECONDS)


def test_a_file_that_takes_too_long_is_an_input_error(
    monkeypatch: pytest.MonkeyPatch, misbehave: Misbehave, icap: Path
) -> None:
    misbehave("time.sleep(60)")
    monkeypatch.setattr(reading, "WORKER_SECONDS", 0.5)
    with reading.reader() as reader:
        pending = reader.read(hash_files([("icap", icap)]))
        with pytest.raises(InputError, match=r"^ICAP_Bancos\.xlsx: the reader was stopped by SIGKILL: .* 0\.5 seconds"):
            pending["icap"].result(SECONDS)


def test_on_leaving_what_is_still_being_read_is_stopped(misbehave: Misbehave, icap: Path, tda: Path) -> None:
    misbehave("time.sleep(60)")
    read = threading.Event()
    with reading.reader(lambda _: read.set()) as reader:
        pending = reader.read(hash_files([("icap", icap), ("tda", tda)]))
        assert read.wait(SECONDS)
    assert pending["tda"].result(0).reading.rows_read == 3
    assert isinstance(pending["icap"].exception(0), InputError)


@pytest.mark.parametrize("how", ["rewritten", "replaced", "touched", "removed"])
def test_a_file_that_changes_while_it_is_read_is_an_input_error(tda: Path, tasa: Path, how: str) -> None:
    def change(_source: str) -> None:
        if how == "rewritten":
            tda.write_bytes(tasa.read_bytes() * 2)
        elif how == "replaced":
            tasa.replace(tda)
        elif how == "touched":
            os.utime(tda, ns=(0, 0))
        else:
            tda.unlink()

    with reading.reader(change) as reader:
        pending = reader.read(hash_files([("tda", tda)]))
        with pytest.raises(InputError if how == "removed" else ChangedError) as caught:
            pending["tda"].result(SECONDS)
    changed = "TDA.xlsx: the file changed while it was being read; run again when it is complete"
    gone = "TDA.xlsx: cannot be read: No such file or directory"
    assert str(caught.value) == (gone if how == "removed" else changed)


def test_the_worker_answers_each_file_with_two_streams_or_an_error(
    monkeypatch: pytest.MonkeyPatch, tda: Path, tmp_path: Path
) -> None:
    limits: list[int] = []
    monkeypatch.setattr(worker.resource, "setrlimit", lambda _what, limit: limits.append(limit[0]))
    missing = tmp_path / "ICAP_Bancos.xlsx"
    job = json.dumps({"memory": 2**30, "files": {"tda": str(tda), "icap": str(missing)}})
    answers = io.BytesIO()
    worker.serve(io.BytesIO(job.encode() + b"\n"), answers)
    answers.seek(0)
    found = {}
    while line := answers.readline():
        head = json.loads(line)
        streams = [pl.read_ipc_stream(answers.read(size)) for size in head.pop("sizes", ())]
        found[head.pop("source")] = (head, streams)
    assert limits == [2**30]
    head, (frame, rejects) = found["tda"]
    assert (head["rows_read"], head["ignored"], frame["tda"].to_list()) == (3, ["Año"], [2.5, None])
    assert rejects["row"].to_list() == [3]
    message = f"ICAP_Bancos.xlsx: the file is not in {tmp_path}"
    assert found["icap"] == ({"error": "InputError", "message": message}, [])


def test_a_worker_without_a_request_ends() -> None:
    answers = io.BytesIO()
    worker.serve(io.BytesIO(), answers)
    assert answers.getvalue() == b""


HALF = """#!{python}
import os, signal, sys
sys.stdin.buffer.readline()
sys.stdout.buffer.write({answer!r})
sys.stdout.buffer.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def half_an_answer(cut: int) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame({"a": range(1000), "b": ["x" * 50] * 1000}).write_ipc_stream(stream)
    whole = stream.getvalue()
    head = {"source": "tda", "rows_read": 3, "ignored": [], "seconds": 0.1, "sizes": [len(whole), 10]}
    answer = json.dumps(head).encode() + b"\n" + whole
    return answer[: len(answer) * cut // 100]


@pytest.mark.parametrize("cut", [0, 5, 50, 99])
def test_half_an_answer_is_a_worker_that_died(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tda: Path, cut: int
) -> None:
    program = tmp_path / "python"
    program.write_text(HALF.format(python=sys.executable, answer=half_an_answer(cut)))
    program.chmod(0o755)
    monkeypatch.setattr(reading.sys, "executable", str(program))
    with reading.reader() as reader:
        pending = reader.read(hash_files([("tda", tda)]))
        with pytest.raises(InputError, match=r"^TDA\.xlsx: the reader was stopped by SIGKILL"):
            pending["tda"].result(10)


def test_a_reader_that_is_given_nothing_stops() -> None:
    with reading.reader() as reader:
        process = reader._worker.process  # noqa: SLF001 - whether the process is gone shows nowhere else
        assert process.poll() is None
    assert process.returncode == -9
