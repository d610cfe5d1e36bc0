"""Groups whose verbs lie in modules of their own, loaded when they are called and not when they are listed."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from runledger.cli.shared import Noun


class Elsewhere(NamedTuple):
    """Where a verb lies, and what it is for."""

    module: str
    name: str
    purpose: str


class LazyNoun(Noun):
    """A group of verbs, some of which lie elsewhere."""

    def __init__(self, *args: Any, elsewhere: Mapping[str, Elsewhere], **kwargs: Any) -> None:
        """Know the verbs by name; those that are added to the group stand behind them in the list."""
        super().__init__(*args, **kwargs)
        self.elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which they were written down."""
        return [*self.elsewhere, *(name for name in super().list_commands(ctx) if name not in self.elsewhere)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of a name."""
        found = self.elsewhere.get(cmd_name)
        if found is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(found.module), found.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List names and purposes."""
        rows = [(name, self._purpose(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _purpose(self, ctx: click.Context, name: str) -> str:
        if name in self.elsewhere:
            return self.elsewhere[name].purpose
        command = super().get_command(ctx, name)
        return command.get_short_help_str(limit=100) if command is not None else ""
