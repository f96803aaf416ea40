"""The output for people: ``run`` at a terminal, and the verbs that only read, at 80 and 120 columns."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from structlog import DropEvent

from bankadvisor_etl import terminal
from bankadvisor_etl.job.progress import LONG, Progress, progress
from bankadvisor_etl.looking.checks import CHECKS, in_english, in_spanish
from bankadvisor_etl.looking.names import with_names
from support.cli import etl
from support.contract import FILES
from support.published import ask, last_run
from support.small import CARTERA, FLOORS, ICAP, run, set_cell, small_settings
from support.terminal import Shown, at_terminal

if TYPE_CHECKING:
    from pathlib import Path

WIDTHS = (80, 120)


def shown(dsn: str, folder: Path, width: int, *options: str) -> Shown:
    found = at_terminal(width, "run", "--data-dir", folder, *options, **small_settings(dsn))
    assert max(len(state) for state in found.states) < width  # the last column is free, so that no terminal wraps
    assert not any("\x1b" in line for line in found.lines)
    assert not any("etl." in line or "run_id=" in line for line in found.lines)
    return found


def word(found: Shown, word: str) -> list[str]:
    return [line for line in found.lines if line.startswith(f"  {word} ")]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_first_run(dsn: str, small: Path, width: int) -> None:
    found = shown(dsn, small, width)
    assert found.code == 0
    files = [line.split("  ")[2].strip() for line in word(found, "read")]
    assert sum(CARTERA in line for line in found.lines) == 1
    assert len(word(found, "read")) == len(FILES)
    assert files
    rows = [re.search(r"([\d,]+) rows", line) for line in word(found, "read")]
    assert [match.end() for match in rows if match] == [rows[0].end()] * len(FILES)  # type: ignore[union-attr]
    failed = ask(dsn, "SELECT check_name FROM etl_run_checks WHERE NOT passed")
    assert len(word(found, "warning")) == len(failed) == last_run(dsn)["warnings"]
    for (name,) in failed:
        assert any(f"[{name}]" in line for line in found.lines)
    assert len(word(found, "done")) == len(word(found, "newest")) == len(word(found, "next")) == 1
    assert "793" in word(found, "done")[0]
    assert word(found, "failed") == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_wait_on_a_long_file_has_a_bar_that_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "width", lambda: width)
    for done, bar in ((1, "....."), (LONG // 2, "#####....."), (LONG, "####")):
        line = terminal.waited("working", 1234.5, Progress("a_name_that_is_longer_than_there_is_room.zip", done, LONG))
        assert f"{bar}" in line
        assert f" {round(100 * done / LONG)}%" in line
        assert len(line) < width
    assert terminal.waited("working", 3.2, None) == "  working ... 3 s"


def test_the_bar_moves_and_is_wiped_by_the_line_that_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PATIENT", 0)
    monkeypatch.setattr(terminal, "TICK", 0.001)
    places = itertools.chain(range(0, LONG, LONG // 20), itertools.repeat(LONG))
    seen = threading.Event()

    def watch() -> Progress:
        if (place := next(places)) == LONG:
            seen.set()
        return Progress("long.zip", place, LONG)

    screen = io.StringIO()
    shows = terminal.Terminal(screen, watch)
    with suppress(DropEvent):
        shows(None, "info", {"event": "etl.phase.base.started", "level": "info"})
    assert seen.wait(10)
    shows.rest()
    states = screen.getvalue().split(terminal.WIPE)
    shares = [int(match[1]) for state in states if (match := re.search(r"(\d+)%", state))]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 20
    assert states[-1] == ""
    read = {"event": "etl.source.read", "level": "info", "file": "long.zip", "rows_read": 1, "rows_rejected": 0}
    assert str(shows(None, "info", {**read, "seconds": 1.0})).startswith(terminal.WIPE)


def test_how_far_a_process_has_read_a_long_file(tmp_path: Path) -> None:
    for name, size in (("short", LONG - 1), ("long", LONG), ("longer", LONG * 2)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    with (tmp_path / "short").open("rb", buffering=0) as short, (tmp_path / "long").open("rb", buffering=0) as file:
        short.seek(1000)
        assert progress(os.getpid()) is None  # the long file is at position 0
        file.seek(12_345)
        with (tmp_path / "longer").open("rb"):
            assert progress(os.getpid()) == Progress("long", 12_345, LONG)
    assert progress(os.getpid()) is None
    assert progress(2**22 + 1) is None  # Linux has no such process


@pytest.mark.parametrize("width", WIDTHS)
def test_an_unchanged_run(published: str, small: Path, width: int) -> None:
    found = shown(published, small, width)
    assert found.code == 0
    assert word(found, "read") == word(found, "warning") == word(found, "changed") == []
    assert "793" in word(found, "done")[0]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_restated_run_names_the_largest_change(published: str, small: Path, width: int) -> None:
    set_cell(small / CARTERA, "Reservas Etapa todas", lambda old: old * 1.5, Institucion="040059", Cve_Periodo="202503")
    set_cell(small / ICAP, "CCB", lambda old: old * 2, Cve_Inst="040012", FECHA="2024-12-01")
    found = shown(published, small, width)
    assert found.code == 0
    text = " ".join(found.lines)
    assert "6 published" in word(found, "changed")[0]
    largest = ask(
        published,
        "SELECT columna, banco_norm, to_char(fecha, 'YYYY-MM') FROM cambios_recientes"
        " ORDER BY abs(cambio_pct) DESC NULLS LAST LIMIT 1",
    )[0]
    assert re.search(r"{}\s+of\s+{}\s+in\s+{}".format(*largest), text)
    assert word(found, "warning") == []  # the same as in the last success


@pytest.mark.parametrize("width", WIDTHS)
def test_a_failure_is_told_once(published: str, small: Path, width: int) -> None:
    set_cell(small / CARTERA, "Cartera Total Etapa 1", lambda old: old + 1, Institucion="040059", Cve_Periodo="202503")
    found = shown(published, small, width)
    assert found.code == 65
    assert len(word(found, "failed")) == 1
    assert word(found, "done") == []
    text = " ".join(" ".join(found.lines).split())
    assert text.count("exit 65") == 1
    assert text.count("040059 INVEX 202503") >= 1
    assert "Error:" not in text
    assert "runs show 2" in text


def test_a_file_that_cannot_be_read_and_a_folder_that_is_not_there(published: str, small: Path) -> None:
    (small / ICAP).write_bytes(b"no workbook")
    found = shown(published, small, 80)
    assert found.code in {65, 74}
    assert " ".join(found.lines).count(ICAP) == 1
    found = shown(published, small / "nowhere", 80)
    assert (found.code, len(word(found, "failed"))) == (78, 1)


def test_plain_and_json_stay_what_they_are_at_a_terminal(published: str, small: Path) -> None:
    options = ("run", "--data-dir", small, "--log-format")
    plain = at_terminal(200, *options, "plain", **small_settings(published))
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ etl_runner\.main\.started triggered_by=manual", plain.lines[0])
    assert at_terminal(80, *options, "json", **small_settings(published)).lines[0].startswith('{"timestamp"')


def test_no_colour_where_none_is_wanted(published: str, small: Path) -> None:
    settings = small_settings(published)
    assert "\x1b[1m" in at_terminal(80, "run", "--data-dir", small, **settings).raw
    assert "\x1b[1m" not in at_terminal(80, "run", "--data-dir", small, NO_COLOR="1", **settings).raw


@pytest.mark.parametrize("width", WIDTHS)
def test_the_verbs_that_look_fit(published: str, small: Path, width: int) -> None:
    set_cell(small / CARTERA, "Reservas Etapa todas", lambda old: old * 1.5, Institucion="040059", Cve_Periodo="202503")
    run(published, small)
    (small / CARTERA).rename(small / "elsewhere")
    run(published, small)
    (small / "elsewhere").rename(small / CARTERA)
    verbs = [["runs"], ["runs", "show", "1"], ["runs", "show", "3"], ["changes"], ["check", "--data-dir", str(small)]]
    for verb in verbs:
        done = at_terminal(width, *verb, BANKADVISOR_DSN=published, BANKADVISOR_THRESHOLD=FLOORS)
        assert max(map(len, done.lines)) <= width, verb
        assert "0E-" not in done.raw
    text = "".join(at_terminal(width, "runs", BANKADVISOR_DSN=published).raw.split())
    assert CARTERA in text


def test_csv_and_json_of_every_verb_that_prints_data(published: str, small: Path) -> None:
    set_cell(small / CARTERA, "Reservas Etapa todas", lambda old: old * 1.5, Institucion="040059", Cve_Periodo="202503")
    run(published, small)
    settings = {"BANKADVISOR_DSN": published, "BANKADVISOR_THRESHOLD": FLOORS}
    for verb in (["runs"], ["changes"]):
        rows = list(csv.DictReader(io.StringIO(etl(*verb, "--csv", **settings).out)))
        objects = etl(*verb, "--json", **settings).json
        assert len(rows) == len(objects) > 1
        assert list(rows[0]) == list(objects[0])
        assert not any("E-" in (value or "") for row in rows for value in row.values())
    rows = list(csv.DictReader(io.StringIO(etl("check", "--data-dir", small, "--csv", **settings).out)))
    assert {row["check"] for row in rows if row["passed"] == "False"} == {
        "imor_high",
        "newest_month_recent",
        "icap_not_rounded",
    }


def test_names_stand_beside_codes() -> None:
    text = "040059 202503 imor=0.2; 040059 INVEX; 5 202503; 049999 202503"
    assert with_names(text) == "040059 INVEX 202503 imor=0.2; 040059 INVEX; 5 202503; 049999 202503"


def test_every_check_that_failed_has_words(published: str) -> None:
    for (name,) in ask(published, "SELECT check_name FROM etl_run_checks WHERE severity = 'warning'"):
        assert in_english(name) != name.replace("_", " "), name
        assert in_spanish(name) != in_spanish("no such check"), name
    assert len({words for pair in CHECKS.values() for words in pair}) == 2 * len(CHECKS)
