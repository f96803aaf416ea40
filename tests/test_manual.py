"""The manual page and the completions: every verb and option is in them, and they work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bankadvisor_etl import errors
from bankadvisor_etl.cli import cli

MANUAL = Path(__file__).parents[1] / "systemd" / "manual.py"


def written(what: str) -> str:
    return subprocess.run([sys.executable, str(MANUAL), what], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def page() -> str:
    """The page as formatted by groff, without warnings."""
    command = ["groff", "-man", "-ww", "-Tutf8", "-P-c", "-rHY=0", "-rLL=200n"]
    done = subprocess.run(command, input=written("man"), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return re.sub(r".\x08", "", done.stdout)


def test_every_verb_and_option_is_in_the_page(page: str) -> None:
    sections = re.split(r"^   (?=\w)", page, flags=re.MULTILINE)
    by_verb: dict[str, str] = {}
    for section in sections:
        by_verb[section.split(" ")[0]] = by_verb.get(section.split(" ")[0], "") + section
    for name, verb in cli.every().items():
        assert (name in by_verb) is not verb.hidden
        options = [option for option in verb.params if isinstance(option, click.Option) and not verb.hidden]
        assert [o.opts[0] for o in options if o.opts[0] not in by_verb[name]] == []


def test_every_exit_code_is_in_the_page(page: str) -> None:
    section = page.partition("\nEXIT STATUS\n")[2].partition("\nFILES\n")[0]
    owned = {
        value.exit_code for value in vars(errors).values() if isinstance(value, type) and hasattr(value, "exit_code")
    }
    assert {int(code) for code in re.findall(r"^ +(\d+) ", section, re.MULTILINE)} == owned | {0, 2, 3}


def test_bash_completes_verbs_and_options() -> None:
    command = Path(sys.executable).with_name("bankadvisor-etl")
    script = written("bash")
    for words, expected in ((["he"], {"health"}), (["health", "--max-d"], {"--max-data-age"})):
        line = " ".join(f'"{word}"' for word in ["bankadvisor-etl", *words])
        ask = f'COMP_WORDS=({line}); COMP_CWORD={len(words)}; _bankadvisor_etl_completion "{command}"'
        done = subprocess.run(
            ["bash", "-c", f'{script}\n{ask}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
            capture_output=True,
            text=True,
            check=True,
        )
        assert (set(done.stdout.split()), done.stderr) == (expected, "")
