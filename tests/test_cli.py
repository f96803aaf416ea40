"""The command line itself: its help, its speed, the origin of its settings."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from psycopg.conninfo import conninfo_to_dict

from bankadvisor_etl import __version__
from bankadvisor_etl.cli import cli
from bankadvisor_etl.cli.runs import show as runs_show
from support.cli import COMMAND, UNREACHABLE, environment, etl
from support.databases import temporary_folder
from support.published import last_run
from support.small import FLOORS, run, small_settings

README = Path(__file__).parents[1] / "README.md"
VERBS = (*cli.every(), "runs show")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_stands_in_the_readme(verb: str) -> None:
    done = etl(*verb.split(), "--help")
    assert done.code == 0
    usage, _, words = done.out.partition("\n\n")
    assert usage.startswith(f"Usage: python -m bankadvisor_etl {verb} ")
    assert len(words.split("Options:")[0].split()) >= 6
    assert re.search(rf"(`|bankadvisor-etl ){verb}\b", README.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", ["README.md", "bankadvisor_etl/README.md", "systemd/README.md"])
def test_the_commands_of_the_documents_are_understood(document: str) -> None:
    text = (README.parent / document).read_text(encoding="utf-8")
    code = re.findall(r"^ {4}.*\n|^```.*?^```", text, re.MULTILINE | re.DOTALL)
    typed = re.findall(r"^ *(?:sudo )?bankadvisor-etl +([a-z].*)$", "".join(code), re.MULTILINE)
    assert len(typed) >= 2
    for line in typed:
        verb, *arguments = shlex.split(line, comments=True)
        cli.every()[verb].make_context(verb, arguments)  # raises if an option or an argument is unknown


def test_every_option_has_help() -> None:
    commands = [*cli.every().values(), runs_show]
    options = [option for command in commands for option in command.params if isinstance(option, click.Option)]
    assert len(options) > 40
    assert [option.name for option in options if not option.help] == []


def test_the_verbs_are_those_of_the_contract() -> None:
    expected = {
        "run",
        "health",
        "runs",
        "changes",
        "check",
        "reconcile",
        "sample-data",
        "query",
        "adopt",
        "doctor",
        "fetch",
        "report",
        "export",
        "diccionario",
        "psql-url",
    }
    assert set(cli.every()) == expected | {"health-http", "finalize"}  # hidden: the units call them
    text = etl("--help").out
    listed = re.findall(r"^  ([a-z-]+)  ", text.partition("-h, --help")[2], re.MULTILINE)
    assert sorted(listed) == sorted(expected)
    assert "..." not in text.partition("-h, --help")[2]


def test_every_option_says_its_variable_and_every_verb_has_an_example() -> None:
    for name, command in {**cli.every(), "runs show": runs_show}.items():
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert all(option.show_envvar and option.envvar for option in options), name
    for name in set(cli.every()) - set(cli.hidden_verbs):
        words = " ".join((cli.every()[name].help or "").split())
        assert re.search(rf"Example: (sudo )?bankadvisor-etl {name}", words), name


def test_version() -> None:
    assert etl("--version").out == f"bankadvisor-etl, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["health"], ["runs"], ["finalize"]])
def test_what_only_looks_does_not_load_polars(published: str, arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "bankadvisor_etl", *arguments]
    settings = environment(BANKADVISOR_DSN=published, INVOCATION_ID="x")
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "click" in modules
    assert not modules & {"polars", "fastexcel", "numpy"}
    assert ("psycopg" in modules) == ("--help" not in arguments)


@pytest.mark.parametrize(
    ("options", "settings", "expected"),
    [
        ([], {}, "manual"),
        (["--cron"], {}, "cron"),
        ([], {"ETL_TRIGGER": "cron"}, "cron"),
        ([], {"ETL_TRIGGER": "other"}, "manual"),
        ([], {"TRIGGER_UNIT": "bankadvisor-etl.timer", "INVOCATION_ID": "a1", "SYSTEMD_EXEC_PID": "1"}, "timer"),
        ([], {"INVOCATION_ID": "a1", "SYSTEMD_EXEC_PID": "1"}, "systemd"),
        ([], {"TRIGGER_UNIT": "some.path", "INVOCATION_ID": "a1", "SYSTEMD_EXEC_PID": "1"}, "systemd"),
        (["--cron"], {"TRIGGER_UNIT": "bankadvisor-etl.timer", "INVOCATION_ID": "a1"}, "cron"),
    ],
)
def test_who_started_a_run(
    published: str, small: Path, options: list[str], settings: dict[str, str], expected: str
) -> None:
    done = run(published, small, *options, **settings)
    row = last_run(published)
    assert row["triggered_by"] == done.event("etl.started")["triggered_by"] == expected
    assert row["invocation_id"] == settings.get("INVOCATION_ID")


def _as_variables(dsn: str) -> dict[str, str]:
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    return {"PGDATABASE": parts.pop("dbname")} | {f"PG{name.upper()}": value for name, value in parts.items()}


def _as_url(dsn: str, scheme: str) -> str:
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    database = parts.pop("dbname")
    return f"{scheme}:///{database}?" + "&".join(f"{name}={value}" for name, value in parts.items())


def test_the_connection_that_is_set_first_is_taken(published: str) -> None:
    """The option, BANKADVISOR_DSN, DATABASE_URL, libpq's variables; later ones are not even tried."""
    wrong = {"BANKADVISOR_DSN": UNREACHABLE, "DATABASE_URL": UNREACHABLE, "PGHOST": "127.0.0.1", "PGPORT": "1"}
    answers = [etl("runs", "--json", "--dsn", published, **wrong)]
    answers.append(etl("runs", "--json", **wrong | {"BANKADVISOR_DSN": published}))
    del wrong["BANKADVISOR_DSN"]
    schemes = ("postgresql", "postgres", "postgresql+psycopg2", "postgresql+asyncpg")
    answers += [etl("runs", "--json", **wrong | {"DATABASE_URL": _as_url(published, name)}) for name in schemes]
    answers.append(etl("runs", "--json", **_as_variables(published)))
    assert [(done.code, len(json.loads(done.out or "[]"))) for done in answers] == [(0, 1)] * 7
    assert etl("runs", **wrong).code == 69


def test_typed_embedded_goes_before_every_variable(published: str, small: Path) -> None:
    """Sample rows must not reach the database that a variable names."""
    with temporary_folder() as folder:
        named = {"BANKADVISOR_DSN": published, "DATABASE_URL": published, "XDG_DATA_HOME": folder}
        named |= {"BANKADVISOR_THRESHOLD": FLOORS} | _as_variables(published)
        done = etl("run", "--embedded", "--data-dir", small, **named)
        assert done.code == 0, done
        assert last_run(published)["id"] == 1
        assert [row["id"] for row in etl("runs", "--embedded", "--json", **named).json] == [1]
        assert etl("runs", "--embedded", "show", "1", "--json", **named).json["rows_inserted"] == 793


def test_a_service_file_names_the_database(published: str, tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in conninfo_to_dict(published).items()]
    (tmp_path / "services").write_text("\n".join(["[banks]", *lines, ""]))
    done = etl("runs", "--json", PGSERVICE="banks", PGSERVICEFILE=tmp_path / "services")
    assert (done.code, len(done.json)) == (0, 1)


def test_the_folder_comes_from_the_option_the_environment_the_default(published: str, small: Path) -> None:
    settings = small_settings(published)
    elsewhere = small.parent / "elsewhere"
    assert etl("run", "--data-dir", small, BANKADVISOR_DATA_DIR=elsewhere, **settings).code == 0
    assert etl("run", BANKADVISOR_DATA_DIR=small, **settings).code == 0
    assert etl("run", "--data-dir", elsewhere, BANKADVISOR_DATA_DIR=small, **settings).code == 78
    assert etl("run", cwd=small.parent, **settings).code == 78
    assert last_run(published)["id"] == 3  # a typo in the folder does not begin a run
    (small.parent / "data").mkdir()
    small.rename(small.parent / "data" / "raw")
    assert etl("run", cwd=small.parent, **settings).code == 0


@pytest.mark.parametrize(
    ("settings", "status", "rows"),
    [
        ({"BANKADVISOR_DRY_RUN": "1"}, "dry_run", 793),
        ({"BANKADVISOR_DRY_RUN": "false"}, "success", 793),
        ({"BANKADVISOR_FORCE": "yes"}, "success", 793),
    ],
)
def test_flags_come_from_the_environment_too(
    published: str, small: Path, settings: dict[str, str], status: str, rows: int
) -> None:
    done = run(published, small, **settings)
    row = last_run(published)
    assert (row["status"], row["rows_unchanged"]) == (status, rows)
    assert ("etl.source.read" in done.out) == (settings.get("BANKADVISOR_DRY_RUN") != "false")


def test_a_threshold_by_option_goes_before_the_environment(published: str, small: Path) -> None:
    done = run(published, small, "--force", "--threshold", "floor_cartera=5000", "--threshold", "floor_icap=100")
    assert done.code == 65
    assert "rows_floor_cartera: 1,002 rows; expected at least 5,000 rows" in last_run(published)["error_message"]


def test_the_two_names_of_the_command_are_one() -> None:
    """The script of the wheel calls what ``python -m`` calls."""
    code = (
        "import tomllib, pathlib, importlib\n"
        "import bankadvisor_etl.__main__ as m\n"
        "module, _, name = 'bankadvisor_etl.cli:main'.partition(':')\n"
        "assert m.main is getattr(importlib.import_module(module), name)"
    )
    subprocess.run([COMMAND[0], "-c", code], env=environment(), check=True)
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'bankadvisor-etl = "bankadvisor_etl.cli:main"' in text
