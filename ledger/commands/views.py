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
    """Set name, query or description; None leaves each as it is, an empty description is none."""

    name: str | None = None
    query: str | None = None
    description: str | None = None


@command_class
class ShareView(ViewCommand):
    """Say who may `view` or `edit` it beside its owner: everybody, some by name, or nobody."""

    everybody: str | None = None
    users: Mapping[str, str] = field(default_factory=dict)


class DeleteView(ViewCommand):
    """Delete it for everybody."""
