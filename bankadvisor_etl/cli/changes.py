"""The verb ``changes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bankadvisor_etl.cli.options import AS_JSON, database, database_options
from bankadvisor_etl.cli.table import as_json as to_json
from bankadvisor_etl.cli.table import as_table

if TYPE_CHECKING:
    from datetime import datetime


@click.command()
@database_options
@click.option("--run", "run_id", type=int, help="Only what this run changed.")
@click.option("--banco", help="Only this bank, by its banco_norm.")
@click.option("--desde", type=click.DateTime(["%Y-%m-%d", "%Y-%m", "%Y%m"]), help="Only months from this one on.")
@AS_JSON
def changes(
    dsn: str | None,
    run_id: int | None,
    banco: str | None,
    desde: datetime | None,
    *,
    embedded: bool,
    as_json: bool,
) -> None:
    """Print published figures that a later run changed: the regulator restates.

    cambio_pct is the change in percent of the old figure.
    """
    from bankadvisor_etl.warehouse import queries  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        header, rows = queries.changes(chosen, run_id, banco, desde.date() if desde else None)
    click.echo(to_json(header, rows) if as_json else as_table(header, rows))
