"""The verbs by purpose, as ``--help`` shows them, and the variables that set their options."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verbs(click.Group):
    """A group that imports a verb only when it is used; its help has sections and complete sentences.

    Attributes:
        sections: the names of the verbs, by section title; ``psql-url`` is ``psql_url`` in the module of that name.
        hidden_verbs: verbs that are not in the help.
    """

    sections: Mapping[str, tuple[str, ...]] = {}
    hidden_verbs: tuple[str, ...] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """The names of all verbs."""
        return [*(name for names in self.sections.values() for name in names), *self.hidden_verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, or None."""
        return self.verb(cmd_name) if cmd_name in self.list_commands(ctx) else None

    def verb(self, name: str) -> click.Command:
        """The verb of that name, which has to exist."""
        attribute = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"bankadvisor_etl.cli.{attribute}"), attribute)
        read_environment(command)
        return command

    def every(self) -> dict[str, click.Command]:
        """All verbs by name, imported."""
        return {name: self.verb(name) for name in self.list_commands(click.Context(self))}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click passes both
        """Write each section with the complete first sentence of each verb."""
        widest = max(len(name) for names in self.sections.values() for name in names)
        for title, names in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), _sentence(self.verb(name))) for name in names])


def read_environment(command: click.Command) -> None:
    """Let the variable of its name set each option, and show it: ``BANKADVISOR_DATA_DIR`` for ``--data-dir``."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.envvar = "BANKADVISOR_" + option.opts[0].removeprefix("--").replace("-", "_").upper()
            option.show_envvar = True
    for verb in getattr(command, "commands", {}).values():
        read_environment(verb)


def _sentence(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())
