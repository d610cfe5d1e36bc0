"""Commands to a saved view."""

from collections.abc import Mapping
from dataclasses import field

from ledger.commands.base import Command, command_class


@command_class
class ViewCommand(Command):
    """A command to one saved view; whoever draws its id, a UUID, saves it first."""

    view_id: str


@command_class
class SaveView(ViewCommand):
    """Save a list under a name; `query` are the parameters of its address."""

    name: str
    query: str
    description: str | None = None


@command_class
class ChangeView(ViewCommand):
    """Set name, query or description; None leaves each as it is, an empty description is none.

    With `seq`, the number of the last event that who asks has seen, another's change in between is
    a conflict.
    """

    name: str | None = None
    query: str | None = None
    description: str | None = None
    seq: int | None = None


@command_class
class ShareView(ViewCommand):
    """Say who may `view` or `edit` it beside its owner: everybody, some by name, or nobody."""

    everybody: str | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    seq: int | None = None


@command_class
class DeleteView(ViewCommand):
    """Delete it for everybody."""

    seq: int | None = None
