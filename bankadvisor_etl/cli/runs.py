"""The verbs ``runs`` and ``runs show``."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from bankadvisor_etl.cli.options import AS_CSV, AS_JSON, database, database_options
from bankadvisor_etl.cli.table import as_csv as to_csv
from bankadvisor_etl.cli.table import as_json as to_json
from bankadvisor_etl.cli.table import as_table, dumps, screen

SHOWN = {
    "id": "id",
    "started_at": "started (UTC)",
    "status": "status",
    "duration_seconds": "seconds",
    "rows_processed_base": "rows",
    "rows_inserted": "new",
    "rows_updated": "changed",
    "rows_rejected": "aside",
    "warnings": "warnings",
}
"""The columns of the table, with their titles; ``--json`` and ``--csv`` have all columns."""


@click.group(invoke_without_command=True)
@database_options
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many.")
@click.option("--status", type=click.Choice(["running", "success", "failure", "dry_run"]), help="Only these.")
@AS_CSV
@AS_JSON
@click.pass_context
def runs(
    context: click.Context,
    dsn: str | None,
    limit: int,
    status: str | None,
    *,
    embedded: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Print the last runs, the newest first.

    The error is printed below a failed run. Example: bankadvisor-etl runs --status failure --limit 3
    """
    if context.invoked_subcommand is not None:
        return
    from bankadvisor_etl.warehouse import queries  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        header, rows = queries.last_runs(chosen, limit, status)
    if as_json:
        click.echo(to_json(header, rows))
    elif as_csv:
        click.echo(to_csv(header, rows))
    else:
        click.echo(_table(header, rows))


@runs.command()
@click.argument("run_id", type=int)
@database_options
@click.option("--rejects", type=click.IntRange(min=0), default=20, show_default=True, help="How many rejects to print.")
@AS_JSON
def show(run_id: int, dsn: str | None, rejects: int, *, embedded: bool, as_json: bool) -> None:
    """Print one run with its files, checks, rejects and changed figures.

    --json has every check and the rejected rows. Example: bankadvisor-etl runs show 5
    """
    from bankadvisor_etl.warehouse import queries  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        run = queries.one_run(chosen, run_id, rejects)
    click.echo(dumps(run) if as_json else _text(run))


def _table(header: list[str], rows: list[tuple[Any, ...]]) -> str:
    runs = [dict(zip(header, row, strict=True)) for row in rows]
    for run in runs:
        run["started_at"] = f"{run['started_at']:%Y-%m-%d %H:%M}"
        run["duration_seconds"] = None if run["duration_seconds"] is None else f"{run['duration_seconds']:.1f}"
    numbers = [name not in {"started_at", "status"} for name in SHOWN]
    head, rule, *lines = as_table(list(SHOWN.values()), [[run[name] for name in SHOWN] for run in runs], numbers).split(
        "\n"
    )
    shown = [head, rule]
    for run, line in zip(runs, lines, strict=True):
        shown.append(line)
        if run["error_message"]:
            shown.append(_wrapped(run["error_message"], "    "))
    return "\n".join(shown)


def _text(run: dict[str, Any]) -> str:
    details = {name: run.pop(name) for name in ("sources", "checks", "rejects", "changes")}
    own = [(name, value) for name, value in run.items() if value is not None]
    parts = ["\n".join(f"{name:<22}{_wrapped(str(value), ' ' * 22).lstrip()}" for name, value in own)]
    if run["invocation_id"]:
        parts.append(f"its log:  journalctl _SYSTEMD_INVOCATION_ID={run['invocation_id']}")
    for name, rows in details.items():
        if rows:
            parts.append(f"{name}\n{_DETAILS[name](rows)}")
    return "\n\n".join(parts)


def _sources(rows: list[dict[str, Any]]) -> str:
    header = ("source", "file", "rows", "aside", "seconds")
    cells = [(r["source"], r["file_name"], r["rows_read"], r["rows_rejected"], r["seconds"]) for r in rows]
    head, rule, *lines = as_table(header, cells, [False, False, True, True, True], screen()).split("\n")
    hashes = (f"    {row['sha256']}" for row in rows)
    return "\n".join([head, rule, *(part for both in zip(lines, hashes, strict=True) for part in both)])


def _checks(rows: list[dict[str, Any]]) -> str:
    """The failed checks, each with what was found, and the number that passed."""
    from bankadvisor_etl.looking.names import with_names  # noqa: PLC0415 - what only this verb needs

    lines = []
    for row in rows:
        if not row["passed"]:
            lines.append(f"{row['severity']:<9}{row['check_name']}")
            sample = row["detail"].get("sample") if isinstance(row["detail"], dict) else row["detail"]
            such = f", such as {'; '.join(map(str, sample[:3]))}" if sample else ""
            text = with_names(f"{row['observed']} (expected: {row['expected']}){such}")
            lines.append(_wrapped(text, " " * 9))
    return "\n".join([*lines, f"{sum(row['passed'] for row in rows)} of {len(rows)} passed"])


def _rejects(rows: list[dict[str, Any]]) -> str:
    header = ("source", "row", "reason")
    cells = [(row["source"], row["row_number"], row["reason"]) for row in rows]
    return as_table(header, cells, [False, True, False], screen())


def _changes(rows: list[dict[str, Any]]) -> str:
    return as_table(list(rows[0]), [list(row.values()) for row in rows], width=screen())


_DETAILS = {"sources": _sources, "checks": _checks, "rejects": _rejects, "changes": _changes}


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(text, screen(), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
