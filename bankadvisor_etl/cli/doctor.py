"""The verb ``doctor``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from bankadvisor_etl.cli.options import DATA_DIR, database, database_options
from bankadvisor_etl.errors import EtlError, message_of

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@DATA_DIR
@database_options
def doctor(data_dir: Path, dsn: str | None, *, embedded: bool) -> None:
    """Examine what a run needs: files, database, timer; one line each.

    Nothing is changed. If root uses the installed command, it runs as the service's user.
    Exit codes: 0 a run can work, 1 something prevents it: its line says what to do.
    Example: sudo bankadvisor-etl doctor
    """
    from bankadvisor_etl.job.doctor import examine  # noqa: PLC0415 - psycopg is not needed for --help
    from bankadvisor_etl.job.doctor.diagnosis import bad  # noqa: PLC0415
    from bankadvisor_etl.job.doctor.inputs import examine_inputs  # noqa: PLC0415
    from bankadvisor_etl.job.doctor.machine import CONFIGURATION, examine_machine  # noqa: PLC0415

    sound = True
    try:
        with database(dsn, embedded=embedded) as chosen:
            for diagnosis in examine(data_dir, chosen):
                click.echo(diagnosis)
                sound = sound and diagnosis.ok
    except EtlError as error:
        # No database is named, or the private one does not start; the other lines are useful all the same.
        sound = False
        for diagnosis in (
            bad("settings", message_of(error), f"edit {CONFIGURATION}/bankadvisor-etl.env"),
            *examine_inputs(data_dir),
            *examine_machine(data_dir),
        ):
            click.echo(diagnosis)
    sys.exit(0 if sound else 1)
