"""A run whose log cannot be written does its work, and verbs that cannot print fail without a traceback."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from support.cli import COMMAND, environment
from support.published import last_run
from support.small import small_settings

if TYPE_CHECKING:
    from pathlib import Path

COMMAND_LINE = " ".join(COMMAND)


def _shell(command: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "streams", [">/dev/full", ">&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full", "| true", "| head -c 1"]
)
@pytest.mark.parametrize("fault", ["", "no file"])
def test_a_run_without_a_log(published: str, small: Path, streams: str, fault: str) -> None:
    if fault:
        (small / "CNBV_Cartera_Bancos_V2.xlsx").unlink()
    done = _shell(f"{COMMAND_LINE} run --force --data-dir {small} {streams}", **small_settings(published))
    row = last_run(published)
    code = 74 if fault else 0
    assert (done.returncode, row["id"], row["exit_code"]) == (code, 2, code)
    assert row["status"] == ("failure" if fault else "success")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("verb", ["runs", "query 'SELECT 1'", "changes", "runs show 1"])
def test_what_cannot_be_printed_is_no_success(published: str, verb: str) -> None:
    done = _shell(f"{COMMAND_LINE} {verb} >/dev/full", BANKADVISOR_DSN=published)
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert _shell(f"{COMMAND_LINE} {verb} >&-", BANKADVISOR_DSN=published).returncode == 0
