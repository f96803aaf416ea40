"""Generates the manual page and the shell completions from the help texts of the command line.

``python manual.py man`` prints bankadvisor-etl(8); ``bash``, ``zsh`` and ``fish`` a completion.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from bankadvisor_etl import __version__, errors
from bankadvisor_etl.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "bankadvisor-etl"
OWN_CODES = {
    0: "done",
    1: "a bug; health: a warning; doctor: something prevents a run",
    2: "wrong usage; health: critical",
    3: "health: unknown",
}
FILES = {
    "/etc/bankadvisor-etl/bankadvisor-etl.env": "Settings of the service and of this command, one NAME=value per line.",
    "/etc/bankadvisor-etl/pgpass": "The password, in libpq's format; mode 0600, owned by the user bankadvisor-etl.",
    "/etc/bankadvisor-etl/on-failure, on-success": "Executables that are run after a failure and after a success.",
    "/srv/bankadvisor-etl": "The regulator's files.",
    "/var/lib/bankadvisor-etl": "State: the private PostgreSQL, and the mark of a run that is due.",
    "/opt/bankadvisor-etl/README.md": "The operator's manual.",
}


def escaped(text: str) -> str:
    """Text escaped for roff."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a help text."""
    for number, part in enumerate(inspect.cleandoc(text).replace("\b", "").split("\n\n")):
        if number:
            yield ".PP"
        yield escaped(" ".join(part.split()))


def entry(term: str, text: str) -> list[str]:
    """A term and its meaning."""
    return [".TP", rf"\fB{escaped(term)}\fR", escaped(" ".join(text.split()))]


def described(command: click.Command, path: str) -> Iterator[str]:
    """A verb with its options, followed by its subcommands."""
    context = click.Context(command, info_name=path)
    yield f'.SS "{escaped(" ".join([path, *command.collect_usage_pieces(context)]))}"'
    yield from paragraphs(command.help or "")
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            record = parameter.get_help_record(context)
            if record:
                yield from entry(*record)
    if isinstance(command, click.Group):
        for name, verb in command.commands.items():
            yield from described(verb, f"{path} {name}")


def exit_codes() -> dict[int, str]:
    """Each exit code with its meaning, from the docstring of its error class."""
    codes = dict(OWN_CODES)
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if "exit_code" in vars(error) and error is not errors.EtlError:
            meaning = (error.__doc__ or "").split("\n\n")[0].removeprefix("Raised ").rstrip(".")
            codes[error.exit_code] = "; or ".join(filter(None, [codes.get(error.exit_code), meaning]))
    return dict(sorted(codes.items()))


def page() -> Iterator[str]:
    """The manual page, line by line."""
    summary, _, rest = inspect.cleandoc(cli.help or "").partition("\n\n")
    yield f'.TH BANKADVISOR\\-ETL 8 "" "{NAME} {__version__}" "System Administration"'
    yield from [".SH NAME", f"{escaped(NAME)} \\- {escaped(summary[0].lower() + summary[1:].rstrip('.'))}"]
    yield from [".SH SYNOPSIS", f"\\fB{escaped(NAME)}\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]", ".SH DESCRIPTION"]
    yield from paragraphs(rest)
    yield ".SH COMMANDS"
    for name, verb in cli.every().items():
        if not verb.hidden:
            yield from described(verb, name)
    yield '.SH "EXIT STATUS"'
    for code, meaning in exit_codes().items():
        yield from entry(str(code), meaning)
    yield ".SH FILES"
    for path, meaning in FILES.items():
        yield from [".TP", rf"\fB{path}\fR", escaped(meaning)]  # not escaped: the installer replaces the paths
    yield from ['.SH "SEE ALSO"', "\\fBsystemctl\\fR(1), \\fBjournalctl\\fR(1), \\fBpsql\\fR(1)"]


def completion(shell: str) -> str:
    """Click's own script for a shell."""
    made = get_completion_class(shell)
    if made is None:
        raise LookupError(shell)
    return made(cli, {}, NAME, "_BANKADVISOR_ETL_COMPLETE").source()


def main(what: str) -> None:
    """Print the page or a completion."""
    sys.stdout.write("\n".join(page()) + "\n" if what == "man" else completion(what))


if __name__ == "__main__":
    main(sys.argv[1])
