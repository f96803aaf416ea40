"""The verb ``psql-url``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from bankadvisor_etl.cli.health import Duration

if TYPE_CHECKING:
    from datetime import timedelta


@click.command("psql-url")
@click.option(
    "--for", "duration", type=Duration(), metavar="DURATION", help="How long, such as 8h; until Ctrl-C unless given."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Also listen on this port of 127.0.0.1, for Excel, Metabase and tools without Unix sockets; 0 picks one.",
)
def psql_url(duration: timedelta | None, port: int | None) -> None:
    """Keep the private PostgreSQL running, and print its address for other tools.

    The default is the address of its socket, for psql, pandas and polars. With --port, the address has a new password
    each time, for a role that can only read. Example: bankadvisor-etl psql-url --port 5433 --for 8h
    """
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - psycopg is not needed for --help

    from bankadvisor_etl.private_postgres.embedded import embedded_postgres  # noqa: PLC0415 - an optional dependency
    from bankadvisor_etl.private_postgres.window import Window, keep_open  # noqa: PLC0415
    from bankadvisor_etl.warehouse.roles import make_reader  # noqa: PLC0415

    with embedded_postgres() as dsn:
        role = make_reader(dsn)
        parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
        folder, number = parts["host"], parts["port"]
        database = parts["dbname"]
        click.echo(f"postgresql://{role}@/{database}?host={quote(folder, safe='')}&port={number}")
        window = Window(Path(folder, f".s.PGSQL.{number}"), role, database)
        keep_open(window, port, duration.total_seconds() if duration else None, click.echo)
