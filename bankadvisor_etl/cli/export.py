"""The verb ``export``."""

from __future__ import annotations

from pathlib import Path

import click

from bankadvisor_etl.cli.options import database, database_options
from bankadvisor_etl.tables import VIEWS

RELATIONS = ("monthly_kpis", *(view.name for view in VIEWS), "monthly_kpis_cambios", "instituciones", "etl_runs")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@database_options
@click.option(
    "--table",
    type=click.Choice(RELATIONS),
    default="monthly_kpis",
    show_default=True,
    help="What to write.",
)
@click.option("--bom", is_flag=True, help="Begin a CSV with a byte order mark, which Excel needs for accents.")
def export(file: Path, dsn: str | None, table: str, *, embedded: bool, bom: bool) -> None:
    """Write monthly_kpis to FILE, a .xlsx, .csv or .parquet.

    A workbook has dates, percentages, a frozen header and the dictionary as its second sheet; beside the others lies
    FILE.diccionario.csv. Figures are exact in CSV and doubles elsewhere. Example: bankadvisor-etl export --embedded
    --table ultimo_mes banca.xlsx
    """
    from bankadvisor_etl.looking.export import export as write  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        for path in write(chosen, table, file, bom=bom):
            click.echo(f"{path}  {path.stat().st_size:,} bytes")
