"""`run tag`, `untag`, `set-property`, `set-parameter`, `describe`, `update`: what is said about a run."""

import json
import sys
from collections.abc import Sequence

import click

from ledger.commands import (
    AddParameters,
    AddProperties,
    DescribeRun,
    Parameter,
    RunCommand,
    TagRun,
    UntagRun,
)
from runledger.cli.conditions import PAIR, WRITTEN_PAIR, Pair, WrittenPair, once_each, pair, written_pair
from runledger.cli.runs.lifecycle import carry_out
from runledger.cli.runs.options import CLIENT, expected_experiment_option, run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

_STDIN = "-"


@click.command(cls=Verb)
@run_id_option
@click.argument("pairs", nargs=-1, type=pair, metavar=f"{PAIR}...")
@click.option("--add-tag", multiple=True, type=pair, metavar=PAIR, help="the same as an argument")
@pass_session
def tag(session: Session, run_id: str, pairs: Sequence[Pair], add_tag: Sequence[Pair]) -> None:
    """Set tags of a run; a key alone makes a bare tag."""
    tags = dict([*pairs, *add_tag])
    if not tags:
        raise click.UsageError("Name at least one tag: KEY=VALUE, or KEY alone.", click.get_current_context())
    carry_out(session, TagRun(run_id=run_id, tags=tags, client=CLIENT))


@click.command(cls=Verb)
@run_id_option
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@pass_session
def untag(session: Session, run_id: str, keys: Sequence[str]) -> None:
    """Remove tags of a run; a key that is not there is nothing to do."""
    carry_out(session, UntagRun(run_id=run_id, keys=list(keys), client=CLIENT))


@click.command("set-property", cls=Verb)
@run_id_option
@click.argument("pairs", nargs=-1, required=True, type=written_pair, metavar=f"{WRITTEN_PAIR}...")
@pass_session
def set_property(session: Session, run_id: str, pairs: Sequence[WrittenPair]) -> None:
    """Add properties, each written once; the same value again is nothing to do."""
    carry_out(session, AddProperties(run_id=run_id, properties=once_each(pairs), client=CLIENT))


@click.command("set-parameter", cls=Verb)
@run_id_option
@click.argument("pairs", nargs=-1, required=True, type=written_pair, metavar=f"{WRITTEN_PAIR}...")
@click.option("--text", is_flag=True, help="keep every value as text: 007 is no 7 then")
@pass_session
def set_parameter(session: Session, run_id: str, pairs: Sequence[WrittenPair], text: bool) -> None:
    """Add parameters, each written once; numbers, true, false and null are kept as such."""
    found = {key: value if text else scalar_of(value) for key, value in once_each(pairs).items()}
    carry_out(session, AddParameters(run_id=run_id, parameters=found, client=CLIENT))


@click.command(cls=Verb)
@run_id_option
@click.argument("text", metavar="TEXT")
@pass_session
def describe(session: Session, run_id: str, text: str) -> None:
    """Set or clear the description of a run, in Markdown; - reads it from stdin, an empty TEXT clears it."""
    if text == _STDIN:
        text = sys.stdin.read()
    carry_out(session, DescribeRun(run_id=run_id, changes={"description": text or None}, client=CLIENT))


@click.command(cls=Verb)
@run_id_option
@expected_experiment_option
@click.option("--add-tag", multiple=True, type=pair, metavar=PAIR, help="set a tag; again: and that")
@click.option("--remove-tag", multiple=True, metavar="KEY", help="remove a tag; again: and that")
@click.option("--display-name", metavar="TEXT", help="a name for people; an empty one clears it")
@click.option("--description", metavar="TEXT", help="Markdown; an empty one clears it")
@pass_session
def update(
    session: Session,
    run_id: str,
    expected: str | None,
    add_tag: Sequence[Pair],
    remove_tag: Sequence[str],
    display_name: str | None,
    description: str | None,
) -> None:
    """Set tags, name and description of a run."""
    commands: list[RunCommand] = []
    texts = {"display_name": display_name, "description": description}
    changes = {name: text or None for name, text in texts.items() if text is not None}
    if changes:
        commands.append(DescribeRun(run_id=run_id, changes=changes, client=CLIENT))
    if remove_tag:
        commands.append(UntagRun(run_id=run_id, keys=list(remove_tag), client=CLIENT))
    if add_tag:
        commands.append(TagRun(run_id=run_id, tags=dict(add_tag), client=CLIENT))
    if not commands:
        raise click.UsageError("Say what to change, such as --add-tag KEY=VALUE.", click.get_current_context())
    carry_out(session, *commands, expected=expected)


def scalar_of(text: str) -> Parameter:
    """What a word of the command line is: a number, true, false or null as JSON has them, else the text.

    An integer that JSON would write otherwise, such as 007, is text.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text
