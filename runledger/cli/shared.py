"""Options that every command takes, before the noun or behind the verb; the later one counts."""

from collections.abc import Callable
from typing import Any

import click

from runledger.cli.output import FORMATS
from runledger.cli.session import Session

_HEADING = "Shared options"
_WORKSPACE_HELP = "the workspace; else RUNLEDGER_WORKSPACE, or the nearest upwards"
_OUTPUT_HELP = "how to write the result; else a table on a terminal and json elsewhere"


class _SharedOptions(click.Command):
    """Adds the shared options, and lists them apart from the command's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shared = _shared_options()
        self.params = [*self.params, *self._shared]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the shared ones."""
        own = [param for param in self.get_params(ctx) if param not in self._shared]
        for heading, params in (("Options", own), (_HEADING, self._shared)):
            records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Verb(_SharedOptions):
    """A command that does something."""


class Noun(_SharedOptions, click.Group):
    """A group of verbs about one thing."""

    command_class = Verb

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs, then the options."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


def _shared_options() -> list[click.Option]:
    return [
        _option(_set_workspace, "-w", "--workspace", metavar="PATH|URL", help=_WORKSPACE_HELP),
        _option(_set_form, "-o", "--output", type=click.Choice(FORMATS), help=_OUTPUT_HELP),
        _option(_set_query, "--query", metavar="JMESPATH", help="JMESPath expression on the JSON result"),
        _option(_set_no_colour, "--no-color", is_flag=True, help="no colours; NO_COLOR does the same"),
        _option(_set_debug, "--debug", is_flag=True, help="show where an error comes from"),
    ]


def _option(set_it: Callable[[Session, Any], None], *names: str, **kwargs: Any) -> click.Option:
    def callback(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            set_it(ctx.ensure_object(Session), value)

    return click.Option(names, expose_value=False, callback=callback, **kwargs)


def _set_workspace(session: Session, value: str) -> None:
    session.workspace = value


def _set_form(session: Session, value: str) -> None:
    session.output.form = value


def _set_query(session: Session, value: str) -> None:
    from runledger.cli.query import Query  # noqa: PLC0415 - jmespath only for who asks

    session.output.query = Query.parse(value)


def _set_no_colour(session: Session, _: bool) -> None:
    session.output.colour = False


def _set_debug(session: Session, _: bool) -> None:
    session.debug = True
