"""The reference page and the help of the commands."""

from collections.abc import Iterator

import click
import pytest

from runledger.cli.app import app
from runledger.cli.lazy import LazyNoun
from runledger.cli.reference import FILE, reference
from tests.runledger.cli.calling import call


def commands(context: click.Context, group: click.Group) -> Iterator[tuple[list[str], click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        words = inner.command_path.split()[1:]
        yield words, command
        if isinstance(command, click.Group):
            yield from commands(inner, command)


ROOT = click.Context(app, info_name="runledger")
ALL = [pytest.param(words, command, id=" ".join(words)) for words, command in commands(ROOT, app)]


def test_the_page_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run: python -m runledger.cli.reference"


@pytest.mark.parametrize(("words", "command"), ALL)
def test_every_command_says_what_it_is_for_and_what_its_options_mean(words: list[str], command: click.Command) -> None:
    help_text = command.help or ""
    assert help_text.split("\n\n")[0].rstrip().endswith((".", "it.")), help_text
    for param in command.params:
        assert not isinstance(param, click.Option) or param.help, (words, param.name)
    shown = call(*words, "--help")
    assert shown.code == 0
    assert " ".join(help_text.split("\n\n")[0].split())[:40] in " ".join(shown.out.split())


def test_verbs_that_lie_elsewhere_are_listed_with_their_own_words() -> None:
    groups = [command for _, command in commands(ROOT, app) if isinstance(command, LazyNoun)]
    assert groups
    for group in groups:
        for name, found in group.elsewhere.items():
            verb = group.get_command(click.Context(group), name)
            assert verb is not None
            assert verb.name == name
            assert (verb.help or "").startswith(found.purpose.removesuffix(".")), name
