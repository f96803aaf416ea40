"""The verb ``diccionario``."""

from __future__ import annotations

import shutil

import click

from bankadvisor_etl.cli.options import AS_CSV, AS_JSON
from bankadvisor_etl.cli.table import as_csv as to_csv
from bankadvisor_etl.cli.table import as_json as to_json


@click.command()
@click.argument("columns", metavar="[COLUMN]...", nargs=-1)
@AS_CSV
@AS_JSON
def diccionario(columns: tuple[str, ...], *, as_csv: bool, as_json: bool) -> None:
    """Print the meaning of every column of monthly_kpis, in Spanish.

    Unit, source and formula of each column, or of the given ones; a column kept for older readers is marked as an
    alias. No database is needed. Example: bankadvisor-etl diccionario imor icap_total
    """
    from bankadvisor_etl.looking import dictionary  # noqa: PLC0415 - what only this verb needs

    try:
        found = dictionary.entries(columns or None)
    except KeyError as error:
        raise click.UsageError(
            f"monthly_kpis has no column {error}; to list all columns: bankadvisor-etl diccionario"
        ) from error
    if as_json:
        click.echo(to_json(dictionary.HEADER, found))
    elif as_csv:
        click.echo(to_csv(dictionary.HEADER, found))
    else:
        width = min(shutil.get_terminal_size().columns, 100)
        click.echo(dictionary.as_text(found, width))
        if not columns:
            click.echo("\nVistas\n\n" + dictionary.views_as_text(width))
