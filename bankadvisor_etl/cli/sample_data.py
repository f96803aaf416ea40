"""The verb ``sample-data``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("sample-data")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--tasas-rows",
    type=click.IntRange(min=1),
    default=5_000,
    show_default=True,
    help="Rows of the rates file; CNBV's has 1,746,826.",
)
@click.option(
    "--official",
    is_flag=True,
    help="Also write CNBV's own series and catalogues, two monthly bulletins and one of capital into DIRECTORY/cnbv, "
    "and a second edition of the series that restates some values into DIRECTORY/segunda-edicion/cnbv.",
)
def sample_data(directory: Path, seed: int, tasas_rows: int, *, official: bool) -> None:
    """Write sample files with the exact layouts that CNBV publishes, into DIRECTORY.

    The figures are invented; the layouts and their traps are real, so that everything can be tried without the real
    files. Example: bankadvisor-etl sample-data data/sample --tasas-rows 20000
    """
    from bankadvisor_etl.sample_data import write_official, write_sample  # noqa: PLC0415 - polars, xlsxwriter

    paths = write_sample(directory, seed=seed, tasas_rows=tasas_rows)
    if official:
        paths += write_official(directory, seed=seed)
    for path in paths:
        click.echo(f"{path}  {path.stat().st_size:,} bytes")
