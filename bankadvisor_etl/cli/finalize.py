"""The verb ``finalize``."""

from __future__ import annotations

import os

import click

from bankadvisor_etl.cli.options import database, database_options
from bankadvisor_etl.errors import EtlError, message_of


@click.command(hidden=True)
@database_options
def finalize(dsn: str | None, *, embedded: bool) -> None:
    """Close the running row of this systemd invocation, from $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS.

    The unit calls it after each run (ExecStopPost), even if the run was killed. A row that is already closed is left
    as it is. It never fails: an unreachable database is only reported.
    """
    from bankadvisor_etl.job.finalize import finalize_invocation  # noqa: PLC0415 - psycopg is not needed for --help
    from bankadvisor_etl.log import configure  # noqa: PLC0415

    log = configure("auto", "info")
    try:
        with database(dsn, embedded=embedded) as chosen:
            for run_id, cause in finalize_invocation(chosen, os.environ):
                log.warning("etl.finalized", run_id=run_id, cause=cause)
    except EtlError as error:
        log.warning("etl.finalize.skipped", reason=f"the row stays open; the next run closes it: {message_of(error)}")
