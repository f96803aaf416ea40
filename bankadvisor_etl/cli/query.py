"""The verb ``query``."""

from __future__ import annotations

import os
import sys

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
    """Run one query that cannot write, and print its result; - reads it from standard input.

    Example: bankadvisor-etl query "SELECT fecha, imor FROM monthly_kpis WHERE banco_norm = 'INVEX'"

    It runs in a read-only transaction, as pg_read_all_data if the session may take that role. Digits are as PostgreSQL
    prints them; in JSON, NaN and Infinity are null, and a second column "x" is called "x_2".
    """
    from bankadvisor_etl.warehouse import reader  # noqa: PLC0415 - psycopg is not needed for --help

    try:
        statement = (sys.stdin.buffer.read() if sql == "-" else os.fsencode(sql)).decode()
    except UnicodeDecodeError as error:
        raise click.UsageError("the query is not UTF-8") from error
    with database(dsn, embedded=embedded) as chosen:
        result = reader.query(chosen, statement)
    if result.caution:
        click.echo(f"Note: {result.caution}", err=True)
    if as_json:
        click.echo(to_json(result.header, result.values()))
    elif csv_:
        click.echo(as_csv(result.header, result.texts))
    else:
        click.echo(as_table(result.header, result.texts, [column.is_number for column in result.columns]))
