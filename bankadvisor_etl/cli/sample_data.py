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
def sample_data(directory: Path, seed: int, tasas_rows: int) -> None:
    """Write invented files of the exact layouts that CNBV publishes, into DIRECTORY.

    The figures are invented; the layouts and their traps are the real ones, so that everything can be tried without
    the real files.
    """
    from bankadvisor_etl.sample_data import write_sample  # noqa: PLC0415 - xlsxwriter is an optional dependency

    for path in write_sample(directory, seed=seed, tasas_rows=tasas_rows):
        click.echo(f"{path}  {path.stat().st_size:,} bytes")
