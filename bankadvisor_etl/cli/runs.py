"""The verbs ``runs`` and ``runs show``."""

from __future__ import annotations

from typing import Any

import click

from bankadvisor_etl.cli.options import AS_JSON, database, database_options
from bankadvisor_etl.cli.table import as_json as to_json
from bankadvisor_etl.cli.table import as_table, dumps

ERROR_WIDTH = 60


@click.group(invoke_without_command=True)
@database_options
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many.")
@click.option("--status", type=click.Choice(["running", "success", "failure", "dry_run"]), help="Only these.")
@AS_JSON
@click.pass_context
def runs(
    context: click.Context, dsn: str | None, limit: int, status: str | None, *, embedded: bool, as_json: bool
) -> None:
    """Print the last runs, the newest first."""
    if context.invoked_subcommand is not None:
        return
    from bankadvisor_etl.warehouse import queries  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        header, rows = queries.last_runs(chosen, limit, status)
    if as_json:
        click.echo(to_json(header, rows))
    else:
        click.echo(as_table(header, [[*row[:-1], (row[-1] or "")[:ERROR_WIDTH]] for row in rows]))


@runs.command()
@click.argument("run_id", type=int)
@database_options
@click.option("--rejects", type=click.IntRange(min=0), default=20, show_default=True, help="How many rejects.")
@AS_JSON
def show(run_id: int, dsn: str | None, rejects: int, *, embedded: bool, as_json: bool) -> None:
    """Print one run with its files, checks, rejects and changed figures."""
    from bankadvisor_etl.warehouse import queries  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        run = queries.one_run(chosen, run_id, rejects)
    click.echo(dumps(run) if as_json else _text(run))


def _text(run: dict[str, Any]) -> str:
    details = {name: run.pop(name) for name in ("sources", "checks", "rejects", "changes")}
    parts = ["\n".join(f"{name:<22}{value}" for name, value in run.items() if value is not None)]
    if run["invocation_id"]:
        parts.append(f"its log:  journalctl _SYSTEMD_INVOCATION_ID={run['invocation_id']}")
    parts += [
        f"{name}\n{as_table(list(rows[0]), [list(row.values()) for row in rows])}"
        for name, rows in details.items()
        if rows
    ]
    return "\n\n".join(parts)
