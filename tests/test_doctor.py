"""The doctor: no complaint on a healthy machine, and each planted fault by its subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bankadvisor_etl.job.doctor import machine as machine_part
from bankadvisor_etl.job.doctor.database import PRIVILEGES, examine_database
from bankadvisor_etl.job.doctor.inputs import examine_inputs
from bankadvisor_etl.job.doctor.machine import examine_machine, examine_password
from bankadvisor_etl.job.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bankadvisor_etl.job.doctor.diagnosis import Diagnosis

CARTERA = "CNBV_Cartera_Bancos_V2.xlsx"


def faults(diagnoses: Iterable[Diagnosis]) -> list[str]:
    """The subjects with a fault; each of them says what to do."""
    found = [diagnosis for diagnosis in diagnoses if not diagnosis.ok]
    assert all(diagnosis.remedy for diagnosis in found)
    return [diagnosis.subject for diagnosis in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / CARTERA).write_bytes(b"PK")
    return tmp_path


def test_a_folder_with_the_required_file_is_sound(folder: Path) -> None:
    assert faults(examine_inputs(folder)) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert faults(examine_inputs(tmp_path / "nowhere")) == ["folder"]


def test_a_required_file_that_is_missing(tmp_path: Path) -> None:
    assert faults(examine_inputs(tmp_path)) == ["cartera"]


def test_a_file_that_is_empty(folder: Path) -> None:
    (folder / "TDA.xlsx").touch()
    assert faults(examine_inputs(folder)) == ["tda"]


def test_a_database_that_is_unreachable() -> None:
    assert faults(examine_database("postgresql://nobody@127.0.0.1:1/nothing")) == ["connection"]


def test_an_empty_database_and_a_published_one_are_sound(dsn: str, published: str) -> None:
    assert faults(examine_database(dsn)) == []
    assert faults(examine_database(published)) == []


def test_a_password_file_that_others_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pgpass"
    monkeypatch.setenv("PGPASSFILE", str(path))
    assert faults(examine_password()) == []  # none is needed for peer authentication
    path.touch(0o600)
    assert faults(examine_password()) == []
    path.chmod(0o640)
    assert faults(examine_password()) == ["password"]


def test_a_timer_that_is_off_or_forgotten_at_boot(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for enabled, active, expected in ((True, True, []), (True, False, ["timer"]), (False, True, ["timer"])):
        state = Schedule(enabled=enabled, active=active, next_run=None, retry_pending=False)
        monkeypatch.setattr(machine_part, "schedule", lambda state=state: state)
        assert faults(examine_machine(folder)) == expected


def test_a_hook_that_cannot_be_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_part, "CONFIGURATION", folder)
    monkeypatch.setattr(machine_part, "schedule", lambda: None)
    hook = folder / "on-failure"
    hook.touch(0o644)
    assert faults(examine_machine(folder)) == ["on-failure"]
    hook.chmod(0o755)
    assert faults(examine_machine(folder)) == []


def test_a_disk_that_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_part, "schedule", lambda: None)
    monkeypatch.setattr(machine_part, "LEAST_SPACE", 2**62)
    assert faults(examine_machine(folder)) == ["space"]


def test_a_privilege_that_was_revoked_is_named(published: str) -> None:
    with psycopg.connect(published, autocommit=True) as owner:
        owner.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
        try:
            for table, privileges in PRIVILEGES.items():
                owner.execute(
                    sql.SQL("GRANT {} ON {} TO poor").format(
                        sql.SQL(privileges.replace(" ", ", ")), sql.Identifier(table)
                    )
                )
            poor = make_conninfo(published, user="poor", password="poor")  # noqa: S106 - of a role for this test
            assert faults(examine_database(poor)) == []
            owner.execute("REVOKE UPDATE ON monthly_kpis FROM poor")
            (lacking,) = [found for found in examine_database(poor) if not found.ok]
            assert (lacking.subject, "UPDATE ON monthly_kpis" in lacking.found) == ("grants", True)
        finally:
            owner.execute("DROP OWNED BY poor")
            owner.execute("DROP ROLE poor")
