"""Options that every command takes, before the noun or behind the verb; the later one counts."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from runledger.cli.output import FORMATS, QUIET
from runledger.cli.session import Session

_HEADING = "Shared options"
_WORKSPACE_HELP = "the workspace; else RUNLEDGER_WORKSPACE, or the nearest upwards"
_PATH_HELP = "look for the workspace from this folder upwards, not from here"
_COPY_HELP = "write the result into this file too, as JSON; never overwrites"
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_OUTPUT_HELP = "how to write the result; else a table on a terminal and json elsewhere"


class _SharedOptions(click.Command):
    """Adds the shared options, and lists them apart from the command's own, which may take a name of theirs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taken = {name for param in self.params for name in param.opts}
        self._shared = [option for option in shared_options() if taken.isdisjoint(option.opts)]
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


def shared_options() -> list[click.Option]:
    """The options that every command has, each time new."""
    return [
        _option(_set_workspace, "-w", "--workspace", "--workspace-name", metavar="PATH|URL", help=_WORKSPACE_HELP),
        _option(_set_start, "start_folder", "--path", type=_FOLDER, metavar="FOLDER", help=_PATH_HELP),
        _option(_set_form, "-o", "--output", type=click.Choice(FORMATS), help=_OUTPUT_HELP),
        _option(_set_query, "--query", metavar="JMESPATH", help="JMESPath expression on the JSON result"),
        _option(_set_copy, "-t", "--output-metadata-file", type=_FILE, metavar="FILE", help=_COPY_HELP),
        _option(_set_no_colour, "--no-color", is_flag=True, help="no colours; NO_COLOR does the same"),
        _option(_set_quiet, "--only-show-errors", is_flag=True, help="no hints on stderr"),
        _option(_set_verbose, "--verbose", is_flag=True, help="tell on stderr what is done meanwhile"),
        _option(_set_debug, "--debug", is_flag=True, help="show where an error comes from"),
        *(
            _option(_do_nothing, *names, hidden=True, help="taken for lines of az ml; it means nothing here")
            for names in (("-g", "--resource-group"), ("--subscription-id",))
        ),
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


def _set_start(session: Session, value: Path) -> None:
    session.start = value.absolute()


def _set_copy(session: Session, value: Path) -> None:
    if value.exists():
        raise click.UsageError(f"{value} is there already, and --output-metadata-file overwrites nothing")
    session.output.copy = value


def _set_quiet(_: Session, __: bool) -> None:
    click.get_current_context().meta[QUIET] = True


def _set_verbose(_: Session, __: bool) -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")


def _do_nothing(_: Session, __: str) -> None:
    pass


def _set_no_colour(session: Session, _: bool) -> None:
    session.output.colour = False


def _set_debug(session: Session, _: bool) -> None:
    session.debug = True
