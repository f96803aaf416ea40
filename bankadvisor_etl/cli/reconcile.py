"""The verb ``reconcile``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bankadvisor_etl.cli.options import AS_CSV, AS_JSON, DATA_DIR
from bankadvisor_etl.cli.table import as_csv as to_csv
from bankadvisor_etl.cli.table import as_table, dumps, screen

if TYPE_CHECKING:
    from pathlib import Path

FINDINGS = 1
"""Exit code if something differs without a known cause."""

HEADER = ("comparacion", "cifras", "difieren", "sin explicar", "causas")
SHOWN = 20
"""The most unexplained differences that the table shows; --csv and --json have them all."""


@click.command()
@DATA_DIR
@AS_CSV
@AS_JSON
@click.pass_context
def reconcile(ctx: click.Context, data_dir: Path, *, as_csv: bool, as_json: bool) -> None:
    """Compare the files with each other: workbooks, CNBV's series and its bulletins, figure by figure.

    Shows what differs, where it is in each file, and the cause if known: consolidacion, redondeo, mes_copiado,
    reexpresado. Exit codes: 0 nothing is unexplained, 1 something is. A run also does this after its computation; its
    differences are in the table conciliacion. Example: bankadvisor-etl reconcile --csv
    """
    from bankadvisor_etl.job.reconcile import reconcile_files  # noqa: PLC0415 - not needed for --help
    from bankadvisor_etl.job.reconciling import COLUMNS  # noqa: PLC0415

    found = reconcile_files(data_dir, forked=True)
    columns = (*COLUMNS, "sha256_a", "sha256_b")
    if as_json:
        rows = [dict(zip(columns, row, strict=True)) for row in found.rows]
        summary = [{name: value for name, value in line.items() if name != "claves"} for line in found.summary]
        click.echo(dumps({"unexplained": found.unexplained, "summary": summary, "differences": rows}))
    elif as_csv:
        click.echo(to_csv(columns, found.rows))
    else:
        lines = [[*list(line.values())[:4], _causes(line["causas"])] for line in found.summary]
        click.echo(as_table(HEADER, lines, [False, True, True, True, False], screen()))
        cause = columns.index("causa")
        unexplained = [row for row in found.rows if row[cause] is None]
        if unexplained:
            names = ("comparacion", "codigo", "mes", "figura", "valor_a", "valor_b", "indicio")
            cells = [[_digits(row[columns.index(name)]) for name in names] for row in unexplained[:SHOWN]]
            click.echo("\n" + as_table(names, cells, [name.startswith("valor") for name in names], screen()))
            if len(unexplained) > SHOWN:
                click.echo(f"and {found.unexplained - SHOWN:,} more: --csv has them, with files, rows and hashes")
    ctx.exit(FINDINGS if found.unexplained else 0)


def _digits(value: object) -> object:
    """A figure with eight decimals, so that a difference in the last relevant digit is visible."""
    return f"{value:.8f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def _causes(counts: dict[str, int]) -> str:
    return ", ".join(f"{cause} {count:,}" for cause, count in counts.items())
