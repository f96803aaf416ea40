"""The command line: one module per verb, with nothing but command-line code."""

from __future__ import annotations

import os
import sys
from typing import NoReturn, TextIO

import click

from bankadvisor_etl import __version__
from bankadvisor_etl.cli.verbs import Verbs
from bankadvisor_etl.errors import EtlError, InputError, exit_code_of, message_of


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bankadvisor-etl")
def cli() -> None:
    """Load CNBV's figures of Mexican banks from its files into PostgreSQL.

    A setting is taken from its option, then from the environment (BANKADVISOR_DATA_DIR for --data-dir), then from its
    default. Start with: bankadvisor-etl sample-data data, then bankadvisor-etl run --data-dir data --embedded.
    """


cli.sections = {
    "Every night": ("run", "fetch", "health"),
    "What happened": ("runs", "changes", "check", "reconcile", "doctor"),
    "The figures": ("report", "export", "query", "diccionario", "psql-url"),
    "Once": ("adopt", "sample-data"),
}
cli.hidden_verbs = ("finalize", "health-http")  # for the units


def main() -> None:
    """Run the command line; a failure ends the process with the exit code of its class and a message on stderr."""
    _open_closed_streams()
    try:
        cli()
    except EtlError as error:
        _complain(message_of(error), exit_code_of(error))
    except OSError as error:  # from the standard streams: verbs translate the other ones
        if error.filename is not None:
            raise
        _discard(sys.stdout)
        _complain(f"the output cannot be written: {error.strerror}", InputError.exit_code)


def _complain(message: str, code: int) -> NoReturn:
    try:
        click.echo(f"Error: {message}", err=True)
    except OSError:
        _discard(sys.stderr)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Open the standard streams that the caller closed: otherwise a database connection could get their descriptors."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _discard(stream: TextIO) -> None:
    """Discard what is left in the buffer: flushing it at exit would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
