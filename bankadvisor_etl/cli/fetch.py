"""The verb ``fetch``."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bankadvisor_etl.cli.options import DATA_DIR, LOG_FORMAT
from bankadvisor_etl.errors import ConfigurationError, EtlError, Terminated, exit_code_of, message_of

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@DATA_DIR
@click.option(
    "--what", metavar="LIST", help="serie, catalogos, boletines, icap, separated by commas; all unless given."
)
@click.option("--months", metavar="MONTHS", help="Bulletins to fetch, as 202501..202509; the last four unless given.")
@click.option("--dry-run", is_flag=True, help="Print what would be requested, without requesting it.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=600),
    default=15.0,
    show_default=True,
    help="Seconds without a byte until a server counts as hanging.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0, max=10),
    default=3,
    show_default=True,
    help="How often a file is tried again without progress.",
)
@LOG_FORMAT
def fetch(
    data_dir: Path,
    what: str | None,
    months: str | None,
    timeout: float,
    retries: int,
    log_format: str,
    *,
    dry_run: bool,
) -> None:
    """Download the regulator's own files into the folder cnbv of --data-dir.

    Requests from CNBV's servers what is new since last time, resumes interrupted downloads, and replaces a file only
    with a good one. BANKADVISOR_SERIES_URL, BANKADVISOR_ICAP_URL and BANKADVISOR_BULLETINS_URL set other folders.

    Exit codes: 0 done, also if nothing is new, 69 a server cannot be reached, 74 an answer is not the file or cannot
    be written, 75 another fetch is at work, 78 a setting is wrong, 143 stopped by SIGTERM.
    Example: bankadvisor-etl fetch --what boletines --months 202501..202509
    """
    from bankadvisor_etl.fetch.addresses import parse_months, recent_months, wanted_files  # noqa: PLC0415
    from bankadvisor_etl.log import configure  # noqa: PLC0415 - what only a fetch needs does not slow --help

    chosen = parse_months(months) if months else recent_months(datetime.now(UTC).date())
    wanted = wanted_files(_kinds(what), chosen, os.environ)
    job = _job()
    log: Any = configure(log_format, "info")
    if dry_run:
        job.plan(data_dir, wanted, log)
        return
    from bankadvisor_etl.fetch.progress import Progress  # noqa: PLC0415

    progress = Progress(sys.stderr, log)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        client = job.make_client(timeout, retries)
        outcome = job.fetch_files(data_dir, wanted, log, client=client, moved=progress.moved)
        outcome.raise_failure()
    except (EtlError, Terminated, KeyboardInterrupt) as error:
        progress.clear()
        failure = {"error": message_of(error), "exit_code": exit_code_of(error)}
        log.error("fetch.failed", **failure)  # noqa: TRY400 - expected, so without a traceback
        sys.exit(exit_code_of(error))
    progress.clear()


def _kinds(text: str | None) -> tuple[str, ...]:
    from bankadvisor_etl.fetch.addresses import WHAT  # noqa: PLC0415

    kinds = tuple(part.strip() for part in text.split(",")) if text else WHAT
    for kind in kinds:
        if kind not in WHAT:
            raise click.BadParameter(f"{kind!r} is not one of {', '.join(WHAT)}", param_hint="--what")
    return kinds


def _job() -> Any:
    try:
        from bankadvisor_etl.fetch import job  # noqa: PLC0415 - urllib3 is an optional dependency
    except ModuleNotFoundError as error:
        if error.name != "urllib3":
            raise
        raise ConfigurationError("fetch needs the extra: pip install 'bankadvisor-etl[fetch]'") from error
    return job


def _terminate(_signal: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the first signal is being handled
    raise Terminated
