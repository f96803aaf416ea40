"""The command line: one module a verb, and nothing but the command line in it."""

from __future__ import annotations

import sys

import click

from bankadvisor_etl import __version__
from bankadvisor_etl.cli.adopt import adopt
from bankadvisor_etl.cli.changes import changes
from bankadvisor_etl.cli.check import check
from bankadvisor_etl.cli.fetch import fetch
from bankadvisor_etl.cli.finalize import finalize
from bankadvisor_etl.cli.health import health
from bankadvisor_etl.cli.query import query
from bankadvisor_etl.cli.run import run
from bankadvisor_etl.cli.runs import runs
from bankadvisor_etl.cli.sample_data import sample_data
from bankadvisor_etl.errors import EtlError, exit_code_of, message_of


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bankadvisor-etl")
def cli() -> None:
    """Bring CNBV's figures of Mexican banks from its files into PostgreSQL.

    A setting comes from its option, then from the environment (BANKADVISOR_DATA_DIR for --data-dir), then from its
    default. Start with: bankadvisor-etl sample-data data, then bankadvisor-etl run --data-dir data --embedded.
    """


def _read_environment(command: click.Command) -> None:
    """Let each option be set by the variable of its name: ``BANKADVISOR_DATA_DIR`` for ``--data-dir``."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.envvar = "BANKADVISOR_" + option.opts[0].removeprefix("--").replace("-", "_").upper()
    for verb in getattr(command, "commands", {}).values():
        _read_environment(verb)


for command in (run, health, runs, changes, check, sample_data, query, adopt, fetch, finalize):
    _read_environment(command)
    cli.add_command(command)


def main() -> None:
    """Run the command line; a failure ends the process with the exit code of its class and a sentence on stderr."""
    try:
        cli()
    except EtlError as error:
        click.echo(f"Error: {message_of(error)}", err=True)
        sys.exit(exit_code_of(error))
