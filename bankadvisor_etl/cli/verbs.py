"""The verbs by what they are for, as ``--help`` shows them, and the variables that set their options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verbs(click.Group):
    """A group whose help has sections and whole sentences."""

    _sections: Mapping[str, tuple[click.Command, ...]] = {}

    @property
    def sections(self) -> Mapping[str, tuple[click.Command, ...]]:
        """The verbs by title of section."""
        return self._sections

    @sections.setter
    def sections(self, sections: Mapping[str, tuple[click.Command, ...]]) -> None:
        self._sections = sections
        for verbs in sections.values():
            self.take(*verbs)

    def take(self, *verbs: click.Command) -> None:
        """Add verbs; those of no section are not in the help."""
        for verb in verbs:
            read_environment(verb)
            self.add_command(verb)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click gives both
        """Write each section with the first sentence of each verb, whole."""
        widest = max(len(verb.name or "") for verbs in self._sections.values() for verb in verbs)
        for title, verbs in self._sections.items():
            with formatter.section(title):
                rows = [((verb.name or "").ljust(widest), _sentence(verb)) for verb in verbs]
                formatter.write_dl(rows)


def read_environment(command: click.Command) -> None:
    """Let each option be set by the variable of its name, and say so: ``BANKADVISOR_DATA_DIR`` for ``--data-dir``."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.envvar = "BANKADVISOR_" + option.opts[0].removeprefix("--").replace("-", "_").upper()
            option.show_envvar = True
    for verb in getattr(command, "commands", {}).values():
        read_environment(verb)


def _sentence(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())
