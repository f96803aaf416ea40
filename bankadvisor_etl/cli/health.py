"""The verb ``health``."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bankadvisor_etl.cli.options import database, database_options
from bankadvisor_etl.cli.table import dumps
from bankadvisor_etl.errors import ConfigurationError, DatabaseError, message_of

if TYPE_CHECKING:
    from bankadvisor_etl.job.health import Health

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """A time span such as ``36h``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a number and its unit."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d+)([smhd])", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a number followed by s, m, h or d, such as 36h", param, ctx)
        try:
            return timedelta(**{UNITS[match[2]]: int(match[1])})
        except OverflowError:
            self.fail(f"{value!r} is too long for a time span", param, ctx)


@click.command()
@database_options
@click.option(
    "--max-age",
    type=Duration(),
    default="36h",
    show_default=True,
    help="Maximum age of the last success; twice that is critical.",
)
@click.option(
    "--max-data-age",
    type=click.IntRange(0, 1200),
    metavar="MONTHS",
    help="Maximum age of the newest published month, in months; older is a warning.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["json", "text", "nagios", "prometheus"]),
    default="json",
    show_default=True,
    help="nagios prints the line of a check, prometheus a file for node_exporter's textfile folder.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead, atomically.",
)
def health(
    dsn: str | None,
    max_age: timedelta,
    max_data_age: int | None,
    style: str,
    output: Path | None,
    *,
    embedded: bool,
) -> None:
    """Print the last run and whether the job is healthy.

    Only a recent success is. Exit codes: 0 ok, 1 warning (a stale success, a pending retry, a timer that is off),
    2 critical (a run that failed, is stuck or was killed; a success twice too old; a database that does not answer),
    3 unknown (no run yet). Example: bankadvisor-etl health --format nagios --max-data-age 4
    """
    from bankadvisor_etl.job.health import EXIT_CODES  # noqa: PLC0415 - psycopg is not needed for --help

    state = _state(dsn, max_age, max_data_age, embedded=embedded)
    styles = {"json": to_json, "text": _text, "nagios": _nagios, "prometheus": _prometheus}
    text = styles[style](state, max_age)
    if output is None:
        try:
            click.echo(text)
        except OSError:  # unknown peer
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(EXIT_CODES["unknown"])
    else:
        _replace(output, text)
    sys.exit(EXIT_CODES[state.status])


def _state(dsn: str | None, max_age: timedelta, max_data_age: int | None, *, embedded: bool) -> Health:
    """The state, even if the private database does not start: a monitor expects one line and a code of 0 to 3."""
    from bankadvisor_etl.job.health import CRITICAL, Health, ask  # noqa: PLC0415 - psycopg is not needed for --help

    try:
        with database(dsn, embedded=embedded) as chosen:
            return ask(chosen, max_age, max_data_age)
    except DatabaseError as error:
        return Health(CRITICAL, message_of(error), datetime.now(UTC))


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text + "\n")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigurationError(f"--output {path} cannot be written: {error.strerror}") from error


def to_json(state: Health, _max_age: timedelta) -> str:
    """The state as a JSON object with the names of the replaced system."""
    run = state.last_run or {}
    success = state.last_success
    etl = {
        "last_run_id": run.get("id"),
        "last_run_started": run.get("started_at"),
        "last_run_completed": run.get("completed_at"),
        "last_run_status": run.get("status", "never_run" if state.status == "unknown" else None),
        "last_run_duration_seconds": run.get("duration_seconds"),
        "last_run_rows": run.get("rows_processed_base"),
        "last_run_error": run.get("error_message"),
        "last_success_id": success["id"] if success else None,
        "last_success_completed": success["completed_at"] if success else None,
        "next_run": state.next_run,
    }
    data = {
        "newest_month": state.data.newest_month,
        "age_months": state.data.age_months,
        "last_change_run_id": state.data.changed_by,
        "figures_changed": state.data.figures_changed,
        "new_warnings": list(state.data.new_warnings),
    }
    return dumps({"status": state.status, "message": state.message, "etl": etl, "data": data})


def _text(state: Health, _max_age: timedelta) -> str:
    lines = [f"{state.status}: {state.message}"]
    if run := state.last_run:
        seconds = f", {run['duration_seconds']:.1f} s" if run["duration_seconds"] is not None else ""
        lines.append(f"last run      {run['id']}, {run['status']}, {run['started_at']:%Y-%m-%d %H:%M} UTC{seconds}")
        lines.append(
            f"rows          {run['rows_processed_base']:,}" if run["rows_processed_base"] else "rows          none"
        )
    if success := state.last_success:
        lines.append(f"last success  {success['id']}, {success['completed_at']:%Y-%m-%d %H:%M} UTC")
    if month := state.data.newest_month:
        lines.append(f"newest month  {month:%Y-%m}, {state.data.age_months} months old")
    if state.data.figures_changed:
        lines.append(f"last changes  {state.data.figures_changed:,} figures, run {state.data.changed_by}")
    if state.data.new_warnings:
        lines.append(f"new warnings  {', '.join(state.data.new_warnings)}")
    if state.next_run:
        lines.append(f"next run      {state.next_run:%Y-%m-%d %H:%M} UTC")
    return "\n".join(lines)


def _nagios(state: Health, max_age: timedelta) -> str:
    run = state.last_run or {}
    limit = int(max_age.total_seconds())
    # A monitor must not get a negative age: it would be below every limit.
    age = None if state.age is None or state.age < timedelta(0) else int(state.age.total_seconds())
    data: dict[str, Any] = {"age": f"{age}s;{limit};{2 * limit}" if age is not None else None}
    data["duration"] = f"{run['duration_seconds']:.2f}s" if run.get("duration_seconds") is not None else None
    data["rows"] = run.get("rows_processed_base")
    data["data_months"] = state.data.age_months
    values = " ".join(f"{name}={value}" for name, value in data.items() if value is not None)
    # A vertical bar would begin the performance data.
    message = " ".join(state.message.replace("|", "/").split())
    return f"BANKADVISOR_ETL {state.status.upper()} - {message}" + (f" | {values}" if values else "")


def _prometheus(state: Health, _max_age: timedelta) -> str:
    run, success = state.last_run or {}, state.last_success or {}
    metrics = {
        "up": ("Whether the job is healthy: 1 ok, 0 not", int(state.status == "ok")),
        "last_run_success": (
            "Whether the last run succeeded",
            int(run.get("status") == "success") if run else None,
        ),
        "last_run_timestamp_seconds": ("When the last run began", _unix(run.get("started_at"))),
        "last_run_duration_seconds": ("How long the last run took", run.get("duration_seconds")),
        "last_run_rows": ("Rows of monthly_kpis that the last run computed", run.get("rows_processed_base")),
        "last_run_warnings": ("Checks of the last run that did not pass", run.get("warnings")),
        "data_age_months": ("Months since the newest published month", state.data.age_months),
        "last_change_figures": ("Figures changed by the last run that changed any", state.data.figures_changed),
        "new_warnings": (
            "Checks of the last run that did not pass and are new",
            len(state.data.new_warnings) if run else None,
        ),
        "last_success_timestamp_seconds": (
            "When the last success ended",
            _unix(success.get("completed_at")),
        ),
    }
    lines = []
    for name, (words, value) in metrics.items():
        if value is not None:
            metric = f"bankadvisor_etl_{name}"
            lines += [f"# HELP {metric} {words}.", f"# TYPE {metric} gauge", f"{metric} {value}"]
    return "\n".join(lines)


def _unix(moment: Any) -> float | None:
    return moment.timestamp() if moment else None
