"""The README's instructions, run as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psycopg

from bankadvisor_etl.checks.findings import Thresholds

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
OPERATORS = (ROOT / "systemd" / "README.md").read_text()
DATA = (ROOT / "bankadvisor_etl" / "README.md").read_text()


def test_the_crontab_line_works_in_the_bare_environment_of_cron(tmp_path: Path, data_dir: Path, dsn: str) -> None:
    clone = tmp_path / "bankadvisor-etl"
    command = clone / ".venv" / "bin" / "bankadvisor-etl"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bankadvisor_etl "$@"\n')
    command.chmod(0o755)
    (clone / "data").mkdir()
    (clone / "data" / "raw").symlink_to(data_dir)
    line = re.search(r"^ +0 2 \* \* \* (.*--cron.*)$", OPERATORS, re.MULTILINE)
    assert line is not None
    job = re.sub(r"BANKADVISOR_DSN='[^']*'", f"BANKADVISOR_DSN='{dsn}'", line[1])

    done = subprocess.run(
        [
            "env",
            "-i",
            f"HOME={tmp_path}",
            "LOGNAME=someone",
            "PATH=/usr/bin:/bin",
            "SHELL=/bin/sh",
            "/bin/sh",
            "-c",
            job,
        ],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    log = (tmp_path / "bankadvisor-etl.log").read_text()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), log
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ etl\.started run_id=1 triggered_by=cron$", log, re.MULTILINE)
    with psycopg.connect(dsn) as connection:
        runs = connection.execute("SELECT status, triggered_by, rows_processed_base FROM etl_runs").fetchall()
    assert runs == [("success", "cron", 4328)]


def test_it_is_short_and_its_first_screen_has_a_terminal_and_a_picture() -> None:
    lines = README.splitlines()
    assert len(lines) <= 150
    (picture,) = re.findall(r"^!\[[^\]]+\]\(([^)]+)\)$", "\n".join(lines[:30]), re.MULTILINE)
    assert (ROOT / picture).stat().st_size > 10_000
    assert sum(line.startswith("      ") for line in lines[:30]) >= 5


def test_the_table_of_thresholds_has_each_with_its_default() -> None:
    section = DATA.partition("| threshold |")[2].partition("\n\n")[0]
    documented: dict[str, float] = {}
    for names, defaults in re.findall(r"^\| (`[^|]*) \| ([\d., ]+) \|", section, re.MULTILINE):
        documented |= zip(re.findall(r"`(\w+)`", names), map(float, defaults.split(", ")), strict=True)
    assert documented == vars(Thresholds())
