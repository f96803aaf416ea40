"""Broken, damaged and hostile files: each run ends with one clear error, and what is published does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import broken
import pytest
from trial import MEMORY, PATIENCE, run

from support.published import ask, figures, one, runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trial import Outcome

TABLE = broken.table()
FIRST_OF_KIND = {attack.kind: attack for attack in reversed(TABLE)}.values()


@pytest.mark.parametrize("attack", TABLE, ids=str)
def test_attack(
    attack: broken.Broken,
    target: Path,
    target_dir: Path,
    hit: str,
    held: Callable[[str, str, Outcome], None],
) -> None:
    before = figures(hit)
    attack.do(target / attack.file)
    try:
        outcome = run(target, hit)
    finally:
        _open(target)
    assert outcome.code == attack.code, outcome.end
    first, second = runs(hit)
    status = "failure" if attack.code else "success"  # an optional file with too many faults is set aside
    assert (first["status"], second["status"], second["exit_code"]) == ("success", status, attack.code)
    if attack.code:
        said = second["error_message"]
        assert "\n" not in said
    else:
        query = "SELECT check_name || array_to_string(keys, '') FROM etl_run_checks WHERE run_id = 2 AND NOT passed"
        said = "".join(words for (words,) in ask(hit, query))
        assert one(hit, "SELECT count(*) FROM etl_run_sources WHERE run_id = 2 AND NOT used") == 1
    assert not [words for words in attack.says if words not in said], said
    assert not [word for word in ("Traceback", "panicked", "killed after") if word in outcome.output], outcome.output
    assert outcome.seconds < PATIENCE
    assert 0 < outcome.peak < MEMORY
    assert figures(hit) == before
    assert ask(hit, "SELECT DISTINCT etl_run_id FROM monthly_kpis") == [(1,)]
    assert one(hit, "SELECT count(*) FROM monthly_kpis_cambios") == 0
    assert one(hit, "SELECT count(*) FROM etl_rejects WHERE run_id = 2 AND raw IS NOT NULL") >= attack.kept
    if attack in FIRST_OF_KIND:
        assert run(target_dir, hit, "--force").code == 0
        assert figures(hit) == before
    held(attack.kind, attack.name, outcome)


def test_the_table_is_long_and_names_each_attack_once() -> None:
    assert len(TABLE) >= 40
    assert len({str(attack) for attack in TABLE}) == len(TABLE)


def _open(folder: Path) -> None:
    """Let the folder be removed again."""
    if folder.is_dir():
        folder.chmod(0o755)
