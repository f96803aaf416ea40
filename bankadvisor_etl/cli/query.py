"""The verb ``query``."""

from __future__ import annotations

import click

from bankadvisor_etl.cli.options import AS_JSON, database, database_options
from bankadvisor_etl.cli.table import as_csv, as_table
from bankadvisor_etl.cli.table import as_json as to_json


@click.command()
@click.argument("sql")
@database_options
@click.option("--csv", "csv_", is_flag=True, help="Print comma-separated values instead of a table.")
@AS_JSON
def query(sql: str, dsn: str | None, *, embedded: bool, csv_: bool, as_json: bool) -> None:
    """Run one query that cannot write, and print its result.

    For looking without psql: bankadvisor-etl query "SELECT fecha, imor FROM monthly_kpis WHERE banco_norm = 'INVEX'"
    """
    from bankadvisor_etl.warehouse import queries  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        header, rows = queries.query(chosen, sql)
    click.echo((to_json if as_json else as_csv if csv_ else as_table)(header, rows))
