"""The verb ``report``."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click

from bankadvisor_etl.cli.options import database, database_options
from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.looking.writing import replace_file


@click.command()
@database_options
@click.option("--banco", metavar="BANK", help="The bank to compare with the system, by banco_norm; INVEX if published.")
@click.option(
    "--mes",
    type=click.DateTime(["%Y-%m", "%Y%m"]),
    metavar="YYYY-MM",
    help="The month to show; unless given, the newest one that is complete and not a copy.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("informe.html"),
    show_default=True,
    help="The file to write; it is replaced atomically.",
)
@click.option("--open", "open_", is_flag=True, help="Open it in the browser.")
def report(dsn: str | None, banco: str | None, mes: datetime | None, out: Path, *, embedded: bool, open_: bool) -> None:
    """Write what is published as one HTML page in Spanish.

    It has the system, a bank compared with it, the largest banks, the last changes, and warnings. The page needs
    neither network nor scripts, so it can be mailed and printed.
    Example: bankadvisor-etl report --embedded --banco BANORTE --open
    """
    if find_spec("jinja2") is None:
        raise ConfigurationError("report needs jinja2: pip install 'bankadvisor-etl[report]'")
    from bankadvisor_etl.looking.report import report as written  # noqa: PLC0415 - an optional dependency
    from bankadvisor_etl.warehouse.facts import facts  # noqa: PLC0415 - psycopg is not needed for --help

    with database(dsn, embedded=embedded) as chosen:
        known = facts(chosen)
    text = written(known, banco, mes.date() if mes else None, datetime.now(UTC).date())
    replace_file(out, text.encode())
    click.echo(out.resolve())
    if open_:
        click.launch(out.resolve().as_uri())
