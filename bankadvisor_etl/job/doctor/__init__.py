"""Examines what the service needs without changing anything: one diagnosis for each thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.job.doctor.database import examine_database
from bankadvisor_etl.job.doctor.inputs import examine_inputs
from bankadvisor_etl.job.doctor.machine import examine_account, examine_machine, examine_password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bankadvisor_etl.job.doctor.diagnosis import Diagnosis

__all__ = ["examine"]


def examine(data_dir: Path, dsn: str) -> Iterator[Diagnosis]:
    """Examine the account, the password, the files, the database and the machine, in this order."""
    yield examine_account()
    yield from examine_password()
    yield from examine_inputs(data_dir)
    yield from examine_database(dsn)
    yield from examine_machine(data_dir)
