"""The verb ``adopt``."""

from __future__ import annotations

import click

from bankadvisor_etl.cli.options import database, database_options


@click.command()
@database_options
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
def adopt(dsn: str | None, *, embedded: bool, dry_run: bool) -> None:
    """Take over a database of the system that this one replaces.

    The record of runs is kept and extended; tables of another shape move to the schema 'anterior' with everything
    that depends on them; views are recreated over the new tables. Nothing is dropped. It can be run again.
    Example: bankadvisor-etl adopt --dry-run
    """
    from bankadvisor_etl.warehouse.adoption import adopt as take_over  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        for step in take_over(chosen, dry_run=dry_run):
            click.echo(step)
