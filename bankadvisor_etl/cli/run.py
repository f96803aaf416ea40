"""The verb ``run``."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from bankadvisor_etl.cli.options import DATA_DIR, THRESHOLD, database, database_options
from bankadvisor_etl.errors import (
    ConfigurationError,
    EtlError,
    LockedError,
    Terminated,
    exit_code_of,
    message_of,
    place_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bankadvisor_etl.job.child import Child
    from bankadvisor_etl.terminal import Terminal

LONGEST_KEPT = 36_500
"""Days (a century); PostgreSQL's dates have a limit."""
PRIVATE = " --embedded"
"""The option that other commands also need to find what this one published."""


@click.command()
@DATA_DIR
@database_options
@click.option("--dry-run", is_flag=True, help="Do everything except publish.")
@click.option("--force", is_flag=True, help="Read the files although nothing changed.")
@click.option(
    "--allow-removals",
    is_flag=True,
    help="Withdraw published figures and bank-months that the files no longer have, and let the newest month go back.",
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="CHECK",
    help="Accept the findings of the check of this name for this run; this is recorded. Repeatable.",
)
@click.option(
    "--prefer",
    type=click.Choice(["serie", "libro"]),
    default="serie",
    show_default=True,
    help="The source of a loan book that both CNBV's series and the workbook have.",
)
@THRESHOLD
@click.option(
    "--keep-days",
    type=click.IntRange(1, LONGEST_KEPT),
    default=400,
    show_default=True,
    help="How long the rejects and checks of old runs are kept.",
)
@click.option("--cron", is_flag=True, help="Record that cron started this run.")
@click.option(
    "--log-format",
    type=click.Choice(["auto", "json", "plain"]),
    default="auto",
    show_default=True,
    help="auto prints sentences on a terminal and JSON elsewhere; plain prints a line per event.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error", "critical"], case_sensitive=False),
    default="info",
    show_default=True,
    help="The lowest level that is logged.",
)
def run(
    data_dir: Path,
    dsn: str | None,
    accepted: tuple[str, ...],
    thresholds: tuple[str, ...],
    keep_days: int,
    log_format: str,
    log_level: str,
    *,
    prefer: Literal["serie", "libro"],
    embedded: bool,
    dry_run: bool,
    force: bool,
    allow_removals: bool,
    cron: bool,
) -> None:
    """Read CNBV's files and publish what changed.

    Reads the files of --data-dir, computes the figures, audits them, and writes what differs to the table
    monthly_kpis, in one transaction. Every run leaves a row in etl_runs; unchanged files are not read again.

    Exit codes: 0 done, 65 the data is wrong, 69 the database is unreachable, 74 a file cannot be read, 75 another run
    is at work or a file changed while it was read, 78 a setting is missing, 143 stopped by SIGTERM.
    Example: bankadvisor-etl run --data-dir data/raw --embedded
    """
    from bankadvisor_etl.inputs.files import Stock  # noqa: PLC0415 - what only a run needs does not slow --help
    from bankadvisor_etl.job.child import Child  # noqa: PLC0415
    from bankadvisor_etl.job.request import Request  # noqa: PLC0415

    request = Request(
        data_dir=data_dir,
        dsn="",  # chosen below, where a failure is logged
        triggered_by=triggered_by(os.environ, cron=cron),
        dry_run=dry_run,
        force=force,
        allow_removals=allow_removals,
        accepted=accepted,
        thresholds=thresholds,
        keep_days=keep_days,
        prefer=prefer,
    )
    stock = Stock(data_dir)
    with Child(forked=True, to_hash=[] if request.insists else stock.short) as child:
        terminal = _terminal(log_format, child, PRIVATE if embedded else "")
        from bankadvisor_etl.job.nightly import run  # noqa: PLC0415
        from bankadvisor_etl.log import configure  # noqa: PLC0415 - imported while the child gets ready

        log: Any = configure(terminal or log_format, log_level)
        log.info("etl_runner.main.started", triggered_by=request.triggered_by)
        try:
            signal.signal(signal.SIGTERM, _terminate)  # before this there is nothing to close
            _refuse_settings(data_dir, thresholds)
            with database(dsn, embedded=embedded) as chosen:
                run(replace(request, dsn=chosen), child, stock, log)
                if terminal:
                    _conclude(terminal, chosen)
        except (Exception, Terminated, KeyboardInterrupt) as error:  # noqa: BLE001 - logged, a bug with its traceback
            _fail(log, error, told=terminal is not None)
    log.info("etl_runner.main.success")


def _refuse_settings(data_dir: Path, thresholds: tuple[str, ...]) -> None:
    """Refuse invalid settings before a run begins: a typo is not a failed run.

    Raises:
        ConfigurationError: there is no such folder, or no such threshold.
    """
    from bankadvisor_etl.checks.findings import Thresholds  # noqa: PLC0415 - imported by the run in any case

    Thresholds.parse(thresholds)
    if not data_dir.is_dir():
        raise ConfigurationError(
            f"the data folder {data_dir} does not exist or is not a folder; set --data-dir or BANKADVISOR_DATA_DIR"
        )


def triggered_by(environment: Mapping[str, str], *, cron: bool) -> str:
    """Who started this run: ``cron``, ``timer``, ``systemd`` or ``manual``."""
    if cron or environment.get("ETL_TRIGGER") == "cron":
        return "cron"
    if environment.get("TRIGGER_UNIT", "").endswith(".timer"):
        return "timer"
    return "systemd" if environment.get("INVOCATION_ID") and environment.get("SYSTEMD_EXEC_PID") else "manual"


def _terminate(_signal: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the first signal is being handled
    raise Terminated


def _fail(log: Any, error: BaseException, *, told: bool) -> NoReturn:
    code = exit_code_of(error)
    if isinstance(error, LockedError):
        log.info("etl_runner.main.skipped", exit_code=code)
    else:
        bug = not isinstance(error, EtlError | Terminated | KeyboardInterrupt)
        log.error(
            "etl_runner.main.failure",
            error=message_of(error),
            exit_code=code,
            exc_info=error if bug else None,
            **place_of(error),
        )
    if sys.stderr.isatty() and not told:
        click.echo(f"Error: {message_of(error)}", err=True)
    sys.exit(code)


def _terminal(log_format: str, child: Child, database: str) -> Terminal | None:
    """The output for a person at a terminal; None if the log goes to a file, the journal or a program."""
    if log_format != "auto" or not sys.stdout.isatty():
        return None
    from bankadvisor_etl.job.progress import progress  # noqa: PLC0415 - only at a terminal
    from bankadvisor_etl.terminal import Terminal  # noqa: PLC0415

    return Terminal(sys.stdout, lambda: progress(child.pid), database)


def _conclude(terminal: Terminal, dsn: str) -> None:
    from bankadvisor_etl.terminal import summary  # noqa: PLC0415 - only at a terminal
    from bankadvisor_etl.warehouse.queries import state_after  # noqa: PLC0415

    terminal.rest()
    click.echo(summary(state_after(dsn), terminal.database))
