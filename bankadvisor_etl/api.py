"""The package as a library: four functions that return results, raise the classes of ``errors``, and print nothing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.sources import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    import polars as pl

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.job.check import Report
    from bankadvisor_etl.job.compute import Result


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        run_id: its row in ``etl_runs``.
        status: ``success`` or ``dry_run``.
        rows: rows of ``monthly_kpis`` computed from the files.
        rows_inserted: how many of them are new.
        rows_updated: how many of them replaced a published one.
        figures_changed: published figures that now have another value; each is in ``monthly_kpis_cambios``.
        warnings: checks that failed without stopping the run; ``etl_run_checks`` has them.
        unchanged: whether the files were those of the last success, so that nothing was read.
    """

    run_id: int
    status: str
    rows: int
    rows_inserted: int
    rows_updated: int
    figures_changed: int
    warnings: int
    unchanged: bool


def run(
    data_dir: str | Path, dsn: str, *, dry_run: bool = False, force: bool = False, log: TextIO | None = None
) -> Outcome:
    """Read CNBV's files and publish what changed, as ``bankadvisor-etl run`` does.

    Args:
        data_dir: the folder of the files.
        dsn: the connection string of the database.
        dry_run: do everything except publish.
        force: read the files although none of them changed.
        log: the stream for the events, one JSON object per line; no log unless given.

    Raises:
        EtlError: see the subclasses; what is published is unchanged, and the failure is recorded.
    """
    from bankadvisor_etl import log as logs  # noqa: PLC0415 - read needs neither structlog nor psycopg
    from bankadvisor_etl.inputs.files import Stock  # noqa: PLC0415
    from bankadvisor_etl.job import nightly  # noqa: PLC0415
    from bankadvisor_etl.job.child import Child  # noqa: PLC0415
    from bankadvisor_etl.job.request import Request  # noqa: PLC0415

    request = Request(Path(data_dir), dsn, dry_run=dry_run, force=force)
    events = logs.configure("json", "info", log or io.StringIO())
    with Child() as child:
        ledger = nightly.run(request, child, Stock(request.data_dir), events)
    counts = ledger.counts
    return Outcome(
        ledger.run_id,
        ledger.status,
        counts.rows_processed_base,
        counts.rows_inserted,
        counts.rows_updated,
        ledger.figures_changed,
        counts.warnings,
        unchanged=ledger.phase == "unchanged",
    )


def check(data_dir: str | Path, thresholds: Sequence[str] = ()) -> Report:
    """Read every file and run every check that needs no database, as ``bankadvisor-etl check`` does.

    Args:
        data_dir: the folder of the files.
        thresholds: the limits that the checks apply, as ``NAME=VALUE``.

    Raises:
        InputError: the folder or the required file is missing.
        ConfigurationError: a threshold is invalid.
    """
    from bankadvisor_etl.job.check import check_files  # noqa: PLC0415

    return check_files(Path(data_dir), thresholds)


def read(source: str, path: str | Path) -> Extract:
    """Read one file, in this process, into its canonical frame.

    Args:
        source: the name of the source: ``cartera``, ``icap``, ``tda`` ...
        path: the file.

    Raises:
        ConfigurationError: there is no such source.
        InputError: the file cannot be read.
        DataError: its contents cannot be right.
    """
    if source not in BY_NAME:
        raise ConfigurationError(f"there is no source {source!r}", remedy=f"use one of {', '.join(BY_NAME)}")
    return BY_NAME[source].read(Path(path), careful=True)


def compute(
    extracts: Mapping[str, Extract], settings: Settings | None = None, published: pl.DataFrame | None = None
) -> Result:
    """Compute the figures and audit them, without files or a database.

    Args:
        extracts: the results of ``read``, by source; ``cartera`` is required.
        settings: the settings of the checks; the defaults unless given.
        published: what is published: ``codigo``, ``mes``, the figures and ``alertas``; None if nothing is.

    Returns:
        The figures (``result.evidence.kpis.frame``: ``codigo``, ``mes``, amounts in MDP, ratios, ``alertas``) and the
        ``findings`` of the checks.
    """
    from bankadvisor_etl.job.compute import compute  # noqa: PLC0415 - and polars with it

    return compute(extracts, settings or Settings(), published)
