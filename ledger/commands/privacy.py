"""Commands about personal text: of operators, who have the keys at hand; no client sends them."""

from collections.abc import Sequence

from ledger.commands.base import Command, command_class


class PrivacyCommand(Command):
    """A command about personal text."""


@command_class
class EncryptPersonal(PrivacyCommand):
    """Encrypt personal text from here on, under keys of the store that has this id."""

    store: str


@command_class
class NoteErased(PrivacyCommand):
    """Note in the stream of a run or user that the keys of its text were destroyed."""

    stream: str
    keys: Sequence[str]
