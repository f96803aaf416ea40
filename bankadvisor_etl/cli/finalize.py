"""The verb ``finalize``."""

from __future__ import annotations

import os

import click

from bankadvisor_etl.cli.options import database, database_options
from bankadvisor_etl.errors import EtlError, message_of


@click.command()
@database_options
def finalize(dsn: str | None, *, embedded: bool) -> None:
    """Close the running row of this systemd invocation, from $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS.

    The unit calls it after each run (ExecStopPost), also after one that was killed. A run that closed its row itself
    is left alone. It never fails: a database that is away is said, and is no second failure.
    """
    from bankadvisor_etl.finalizing import finalize_invocation  # noqa: PLC0415 - psycopg is not needed for --help

    try:
        with database(dsn, embedded=embedded) as chosen:
            closed = finalize_invocation(chosen, os.environ)
    except EtlError as error:
        click.echo(f"finalize: the row stays open, the next run closes it: {message_of(error)}", err=True)
        return
    for run_id in closed:
        click.echo(f"finalize: closed run {run_id}", err=True)
