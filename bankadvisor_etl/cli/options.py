"""Options that several verbs share, and the database that they select."""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # the verb reports whether it can be read
    default=Path("data/raw"),
    show_default=True,
    help="Folder of CNBV's files.",
)
THRESHOLD = click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="NAME=VALUE",
    help="A limit of the checks, such as floor_cartera=3000; the data manual lists them. Repeatable.",
)
LOG_FORMAT = click.option(
    "--log-format",
    type=click.Choice(["auto", "json", "plain"]),
    default="auto",
    show_default=True,
    help="auto is plain on a terminal and JSON elsewhere.",
)
AS_CSV = click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values instead of a table.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def database_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--dsn`` and ``--embedded`` to a command."""

    @functools.wraps(command)
    def checked(*arguments: Any, **settings: Any) -> Any:
        _refuse_contradiction()
        return command(*arguments, **settings)

    dsn = click.option(
        "--dsn",
        metavar="DSN",
        help="PostgreSQL to use: postgresql://user@host/database. Otherwise DATABASE_URL, then libpq's PG* variables. "
        "Keep the password in a PGPASSFILE: options are visible in ps.",
    )
    embedded = click.option(
        "--embedded",
        is_flag=True,
        help="A private PostgreSQL, started for this command and stopped after it. As an option, it overrides every "
        "variable; it cannot be combined with --dsn.",
    )
    return dsn(embedded(checked))


def _typed() -> dict[str, Any]:
    """Those of ``--dsn`` and ``--embedded`` given as options, also before a subcommand; variables do not count."""
    found: dict[str, Any] = {}
    context = click.get_current_context(silent=True)
    while context is not None:
        for name in ("dsn", "embedded"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                found.setdefault(name, context.params[name])
        context = context.parent
    return found


def _refuse_contradiction() -> None:
    typed = _typed()
    if len(typed) > 1:
        raise click.UsageError("--dsn and --embedded name two databases: give only one of them")
    if typed.get("dsn") == "":
        raise click.UsageError("--dsn is empty: give a connection string, or leave it out")


@contextmanager
def database(dsn: str | None, *, embedded: bool) -> Iterator[str]:
    """The connection string of the selected database; the private one is started.

    Raises:
        ConfigurationError: no database is named.
        DatabaseError: the private one does not start.
    """
    from bankadvisor_etl.warehouse.connection import choose_dsn  # noqa: PLC0415 - psycopg is not needed for --help

    typed = _typed()
    if "embedded" not in typed:
        chosen = choose_dsn(typed.get("dsn", dsn), os.environ, embedded=embedded)
        if chosen is not None:
            yield chosen
            return
    from bankadvisor_etl.private_postgres.embedded import embedded_postgres  # noqa: PLC0415 - an optional dependency

    with embedded_postgres() as private:
        yield private
