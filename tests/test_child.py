"""The process that computes: its answers, and what is known when it dies."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import textwrap
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.errors import DataError, InputError, OutOfMemoryError, Place, ReaderError
from bankadvisor_etl.inputs.files import list_files
from bankadvisor_etl.job import child as children
from bankadvisor_etl.job import worker
from bankadvisor_etl.job.child import Child, Job
from bankadvisor_etl.job.inbox import Inbox
from bankadvisor_etl.job.messages import Message, as_content, as_error, receive, send
from bankadvisor_etl.job.results import results
from bankadvisor_etl.job.series import Arriving
from support.cli import COMMAND, environment
from support.official import put
from support.workbooks import write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bankadvisor_etl.errors import EtlError

    Misbehave = Callable[[str], None]

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
def misbehave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Misbehave:
    """Make every child do something else instead of reading icap, by a module that Python imports at startup."""

    def do(what: str) -> None:
        code = """
            import os, signal, sys, time
            from bankadvisor_etl.sources.source import Source
            read = Source.read
            def misread(self, path, *, careful=False):
                if self.name == "icap":
                    {what}
                return read(self, path, careful=careful)
            Source.read = misread
        """
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(textwrap.dedent(code).format(what=what))
        monkeypatch.setenv("PYTHONPATH", f"{folder}:{os.environ.get('PYTHONPATH', '')}")

    return do


def answers(**paths: Path) -> dict[str, Message]:
    """What a child answers for each file, by source."""
    job = Job(list_files(paths.items()), run_id=7)
    with Child() as child:
        child.ask(job)
        return {job.files[message.content["file"]].source: message for message in results(child, job)}


def error_of(message: Message) -> EtlError:
    assert message.kind == "error"
    return as_error(message.content)


def test_what_a_source_reads_is_answered_with_its_rejects(tda: Path, icap: Path) -> None:
    found = answers(tda=tda, icap=icap)
    content = found["tda"].content
    assert {name: content[name] for name in ("rows_read", "rows_rejected", "ignored")} == {
        "rows_read": 3,
        "rows_rejected": 1,
        "ignored": ["Año"],
    }
    assert found["tda"].blocks[0].decode().startswith("7,tda,3,")
    assert (found["icap"].content["rows_read"], found["icap"].blocks) == (1, (b"",))


def test_the_errors_of_a_source_keep_their_class_and_place(tda: Path, icap: Path) -> None:
    write_workbook(tda, {"Sheet1": [["otra cosa"], [1]]})
    icap.write_bytes(b"no es un libro")
    found = {source: error_of(message) for source, message in answers(tda=tda, icap=icap).items()}
    assert type(found["tda"]) is DataError
    assert found["tda"].place == Place("TDA.xlsx", "Sheet1", column="cve_institucion")
    assert type(found["icap"]) is InputError
    assert found["icap"].place == Place("ICAP_Bancos.xlsx")


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", OutOfMemoryError),
        ("raise MemoryError", OutOfMemoryError),
        ('sys.stderr.write("memory allocation of 8 bytes failed"); os.abort()', OutOfMemoryError),
        ("os.abort()", InputError),
        ("os._exit(3)", InputError),
        ('raise KeyboardInterrupt("one\\ntwo")', InputError),
    ],
)
def test_a_child_that_dies_costs_its_own_file_and_no_other(
    misbehave: Misbehave, tda: Path, icap: Path, what: str, kind: type[EtlError]
) -> None:
    misbehave(what)
    found = answers(icap=icap, tda=tda)
    assert type(error_of(found["icap"])) is kind
    assert error_of(found["icap"]).place == Place("ICAP_Bancos.xlsx")
    assert found["tda"].content["rows_read"] == 3


def test_a_file_that_takes_too_long_is_an_input_error(
    monkeypatch: pytest.MonkeyPatch, misbehave: Misbehave, icap: Path
) -> None:
    misbehave("time.sleep(60)")
    monkeypatch.setattr(children, "SECONDS", 5)
    assert type(error_of(answers(icap=icap)["icap"])) is InputError


def test_a_file_that_needs_too_much_memory_is_told_from_a_damaged_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [
        ["Cve_Inst", "FECHA", "ICAP Total", "CCB", "CCF"],
        *([f"{n}", date(2025, 1, 1), 1, 2, 3] for n in range(2000)),
    ]
    icap = write_workbook(tmp_path / "ICAP_Bancos.xlsx", {"ICAP Bancos": rows})
    monkeypatch.setattr(children, "MEMORY", 2**20)
    assert type(error_of(answers(icap=icap)["icap"])) is OutOfMemoryError


def test_a_death_that_no_file_is_to_blame_for_is_followed_by_another_try(
    misbehave: Misbehave, tmp_path: Path, tda: Path, icap: Path
) -> None:
    mark = tmp_path / "died"
    misbehave(f'os.path.exists("{mark}") or (open("{mark}", "w").close(), os.abort())')
    found = answers(icap=icap, tda=tda)
    assert (found["icap"].content["rows_read"], found["tda"].content["rows_read"]) == (1, 3)


def test_the_successor_of_a_child_that_died_is_told_what_is_stored_too(
    tmp_path: Path, icap: Path, editions: Path, misbehave: Misbehave
) -> None:
    mark = tmp_path / "died"
    misbehave(f'os.path.exists("{mark}") or (open("{mark}", "w").close(), os.abort())')
    files = list_files({"icap": icap, "serie": put(editions, 1, tmp_path)}.items())
    job = Job(files, Settings(), store_series=True)
    with Child() as child:
        child.ask(job)
        inbox = Inbox(child, job)
        read = {file.source: inbox.extract(file).content["rows_read"] for file in files}
        arriving = Arriving(inbox.series(), child.tell, b"")
        parts = (arriving.keys_to_compare(), arriving.differences(), arriving.rewritten_keys(), arriving.rows())
        sizes = [sum(map(len, blocks)) for blocks in parts]
        assert inbox.figures().content["rows"]["base"] > 0
    assert (mark.exists(), read["icap"], read["serie"] > 0) == (True, 1, True)
    assert (sizes[:3], sizes[3] > 0) == ([0, 0, 0], True)


def test_a_child_that_cannot_start_blames_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tda: Path) -> None:
    broken = tmp_path / "site" / "polars"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('the library is cut')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(ReaderError) as caught:
        answers(tda=tda)
    assert caught.value.place == Place()
    assert caught.value.exit_code == 74


def test_figures_are_computed_only_where_they_are_asked_for(sample_dir: Path) -> None:
    files = [(name, sample_dir / file) for name, file in (("cartera", "CNBV_Cartera_Bancos_V2.xlsx"),)]
    for settings, kinds in ((None, ["extract"]), (Settings(), ["extract", "figures", "findings"])):
        job = Job(list_files(files), settings)
        with Child() as child:
            child.ask(job)
            assert [message.kind for message in results(child, job)] == kinds


def test_on_leaving_the_process_is_gone() -> None:
    with Child() as child:
        os.kill(child.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_a_worker_without_a_request_is_ready_and_ends() -> None:
    stream = io.BytesIO()
    worker.serve(io.BytesIO(), stream)
    stream.seek(0)
    assert receive(stream) == Message("ready", {}, ())
    assert receive(stream) is None


def test_a_child_that_is_a_fork_hashes_first(tda: Path, icap: Path) -> None:
    code = """
        import os, signal, sys
        from pathlib import Path
        from bankadvisor_etl.inputs.files import list_files
        from bankadvisor_etl.job.child import Child, Job
        paths = {"tda": Path(sys.argv[1]), "icap": Path(sys.argv[2])}
        with Child(forked=True, to_hash=[paths["tda"]]) as child:
            child.ask(Job(list_files(paths.items())))
            print(child.hashed()[sys.argv[1]], sorted(answer.content["file"] for answer in child.answers()))
        with Child(to_hash=[paths["tda"]]) as child:
            print(child.hashed())
        os.mkfifo(paths["icap"].with_name("fifo"))  # nobody writes to it, so the child waits until it is killed
        with Child(forked=True, to_hash=[paths["tda"], paths["icap"].with_name("fifo")]) as child:
            os.kill(child.pid, signal.SIGKILL)
            print(child.hashed())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), tda, icap], env=environment(), capture_output=True, check=True
    )
    assert done.stdout.decode().splitlines() == [f"{hashlib.sha256(tda.read_bytes()).hexdigest()} [0, 1]", "{}", "{}"]


def test_a_message_arrives_as_it_was_sent_or_not_at_all() -> None:
    stream = io.BytesIO()
    message = Message("extract", {"file": 1, "ignored": ["Año"]}, (b"a\nb", b"", b"\0" * 1000))
    send(stream, message)
    whole = stream.getvalue()
    assert receive(io.BytesIO(whole)) == message
    for cut in (0, 5, len(whole) // 2, len(whole) - 1):
        assert receive(io.BytesIO(whole[:cut])) is None


def test_an_error_arrives_as_it_was_sent() -> None:
    error = DataError("is not a number", Place("TDA.xlsx", "Sheet1", 3, "TDA", "x"), "correct it")
    again = as_error(as_content(error))
    assert type(again) is DataError
    assert (str(again), again.what, again.place, again.remedy) == (str(error), error.what, error.place, error.remedy)


def test_the_process_that_keeps_the_record_never_imports_polars() -> None:
    modules = "bankadvisor_etl.job.nightly, bankadvisor_etl.job.check, bankadvisor_etl.cli, bankadvisor_etl.log"
    code = f"import sys, {modules}; print(sorted({{'polars', 'fastexcel', 'numpy'}} & sys.modules.keys()))"
    done = subprocess.run([COMMAND[0], "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_child_is_forked_only_from_a_process_with_one_thread_and_without_polars() -> None:
    code = """
        import sys, threading
        from bankadvisor_etl.job import child, spawn
        used = []
        spawn.execute = lambda errors: used.append("exec") or spawn.fork(errors, ())
        with child.Child(forked=True): used.append("fork")
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        with child.Child(forked=True): pass
        print(used)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "['fork', 'exec']\n"


def test_a_child_has_no_way_into_the_database(
    monkeypatch: pytest.MonkeyPatch, misbehave: Misbehave, tmp_path: Path, icap: Path
) -> None:
    for name in ("DATABASE_URL", "BANKADVISOR_DSN", "PGPASSWORD", "PGPASSFILE", "PGHOST", "PGSERVICE"):
        monkeypatch.setenv(name, "secret")
    misbehave(f'open("{tmp_path / "seen"}", "w").write("".join(os.environ.values()))')
    assert answers(icap=icap)["icap"].kind == "extract"
    assert "secret" not in (tmp_path / "seen").read_text()
