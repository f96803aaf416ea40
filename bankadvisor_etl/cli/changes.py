"""The verb ``changes``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from bankadvisor_etl.cli.options import AS_CSV, AS_JSON, database, database_options
from bankadvisor_etl.cli.table import as_csv as to_csv
from bankadvisor_etl.cli.table import as_json as to_json
from bankadvisor_etl.cli.table import as_table, screen

if TYPE_CHECKING:
    from datetime import datetime

SHOWN = ("run", "mes", "banco", "columna", "antes", "ahora", "cambio %")
LARGE = Decimal(1000)
"""From this size on figures are shown with two decimals, below it with six."""


@click.command()
@database_options
@click.option("--run", "run_id", type=int, help="Only changes by this run.")
@click.option("--banco", help="Only this bank, by its banco_norm.")
@click.option("--desde", type=click.DateTime(["%Y-%m-%d", "%Y-%m", "%Y%m"]), help="Only months from this one on.")
@AS_CSV
@AS_JSON
def changes(
    dsn: str | None,
    run_id: int | None,
    banco: str | None,
    desde: datetime | None,
    *,
    embedded: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Print published figures that a later run changed, mostly restatements by the regulator.

    The change is in percent of the old figure. --json and --csv have all digits and the table's column names.
    Example: bankadvisor-etl changes --banco BBVA --desde 2025-01
    """
    from bankadvisor_etl.warehouse import queries  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        header, rows = queries.changes(chosen, run_id, banco, desde.date() if desde else None)
    if as_json:
        click.echo(to_json(header, rows))
    elif as_csv:
        click.echo(to_csv(header, rows))
    else:
        numbers = [name in {"run_id", "valor_anterior", "valor_nuevo", "cambio_pct"} for name in header]
        click.echo(as_table(SHOWN, [_short(row) for row in rows], numbers, screen()))


def _short(row: tuple[Any, ...]) -> list[Any]:
    run_id, month, bank, column, old, new, percent = row
    return [run_id, f"{month:%Y-%m}", bank, column, _digits(old), _digits(new), percent and f"{percent:+.2f}"]


def _digits(value: Decimal | None) -> str | None:
    if value is None:
        return None
    return f"{value:,.2f}" if abs(value) >= LARGE else f"{value:.6f}"
