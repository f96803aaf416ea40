"""The verb ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bankadvisor_etl.cli.options import database, database_options

BESIDE = ("monthly_kpis_cambios", "instituciones", "etl_runs")
"""What can be written besides the published tables and views."""


class Relation(click.ParamType[str]):
    """The name of a table or view; the list of names is built only when one is given, not when any verb starts."""

    name = "table"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a name that is not one of the tables and views."""
        from bankadvisor_etl.tables import TABLES, VIEWS  # noqa: PLC0415

        names = (*(table.name for table in TABLES), *(view.name for view in VIEWS), *BESIDE)
        if value not in names:
            self.fail(f"{value!r} is not one of {', '.join(names)}", param, ctx)
        return str(value)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@database_options
@click.option(
    "--table",
    type=Relation(),
    default="monthly_kpis",
    show_default=True,
    help="What to write: monthly_kpis, a view of it, monthly_kpis_cambios, instituciones or etl_runs.",
)
@click.option("--bom", is_flag=True, help="Begin a CSV with a byte order mark, which Excel needs for accents.")
def export(file: Path, dsn: str | None, table: str, *, embedded: bool, bom: bool) -> None:
    """Write monthly_kpis to FILE, a .xlsx, .csv or .parquet.

    A workbook has dates, percentages, a frozen header and the dictionary as its second sheet; with the other formats
    the dictionary is FILE.diccionario.csv. Figures are exact in CSV and doubles elsewhere.
    Example: bankadvisor-etl export --embedded --table ultimo_mes banca.xlsx
    """
    from bankadvisor_etl.looking.export import export as write  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        for path in write(chosen, table, file, bom=bom):
            click.echo(f"{path}  {path.stat().st_size:,} bytes")
