"""Closes the row of a run that could not close it itself: killed, out of memory or timed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.warehouse import runs, schema
from bankadvisor_etl.warehouse.connection import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNAL_OFFSET = 128
SIGNALS = {"KILL": 9, "TERM": 15, "ABRT": 6, "SEGV": 11, "INT": 2}


def cause_of(environment: Mapping[str, str]) -> str:
    """How the service ended, as systemd reports it."""
    result, code = environment.get("SERVICE_RESULT", ""), environment.get("EXIT_CODE", "")
    status = environment.get("EXIT_STATUS", "")
    if result == "timeout":
        return f"timed out, killed by signal {status}" if code in {"killed", "dumped"} else "timed out"
    if code in {"killed", "dumped"}:
        return f"killed by signal {status} ({result})"
    return f"ended with exit status {status or 'unknown'} ({result or 'unknown'}) without closing its row"


def exit_code(environment: Mapping[str, str]) -> int | None:
    """The exit code as a shell would report it."""
    status = environment.get("EXIT_STATUS", "")
    if status.isdigit():
        return int(status)
    number = SIGNALS.get(status)
    return SIGNAL_OFFSET + number if number else None


def finalize_invocation(dsn: str, environment: Mapping[str, str]) -> list[tuple[int, str]]:
    """Close rows that say ``running`` and carry this invocation's id, and return their ids, with the cause of each.

    Raises:
        ConfigurationError: systemd did not set INVOCATION_ID.
        DatabaseError: the database is unreachable.
    """
    invocation = environment.get("INVOCATION_ID")
    if not invocation:
        raise ConfigurationError("INVOCATION_ID is not set: finalize is for the unit's ExecStopPost")
    with connect(dsn) as connection, transaction(connection) as cursor:
        if not schema.existing(cursor, ["etl_schema"]):
            return []
        closed = cursor.execute(
            sql.SQL(
                "UPDATE etl_runs SET status = 'failure', error_message = %(error)s, exit_code = %(code)s, {}"
                " WHERE status = 'running' AND invocation_id = %(invocation)s RETURNING id"
            ).format(runs.ENDS_NOW),
            {
                "error": cause_of(environment),
                "code": exit_code(environment),
                "invocation": invocation,
                "elapsed": None,
            },
        )
        return [(run_id, cause_of(environment)) for (run_id,) in closed]
