"""Keeps sample figures and real ones apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.sources import SAMPLE
from bankadvisor_etl.warehouse import published
from bankadvisor_etl.warehouse.connection import translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    import structlog

    from bankadvisor_etl.inputs.files import File


def apart(
    files: Sequence[File], last: dict[str, Any] | None, cursor: psycopg.Cursor[Any], log: structlog.stdlib.BoundLogger
) -> dict[str, Any] | None:
    """Return the last success that this run can be compared with; real figures replace all sample figures.

    Raises:
        ConfigurationError: the folder holds sample figures and the database real ones.
    """
    invented = any(file.source == SAMPLE.name for file in files)
    if last is None or invented == any(record["source"] == SAMPLE.name for record in last["files"].values()):
        return last
    if invented:
        raise ConfigurationError(
            f"the folder holds sample figures ({SAMPLE.files[0]}) and the database real ones; nothing was published",
            remedy="set --data-dir to the folder of CNBV's files, or use another database for the sample",
        )
    with translated():
        rows = published.withdraw_all(cursor)
    log.warning("etl.sample.withdrawn", rows=rows)
    return None
