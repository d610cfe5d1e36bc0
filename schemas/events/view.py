"""Saved views of the run list."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.events.base import Event, Maybe, Personal, Text
from schemas.events.logged import JsonObject

ViewRight = Literal["view", "edit"]
"""What somebody may do with a view that is shared."""


class ViewSavedEvent(Event):
    """A view has this name and definition from here on; its owner alone may see it until it is shared.

    The definition holds `query`, the parameters of the list as an address has them.
    """

    name: ClassVar[str] = "view.saved"

    view_name: Personal
    definition: JsonObject
    description: Maybe[Personal] = None
    owner: Maybe[Text] = None
    shared: bool = False


class ViewChangedEvent(Event):
    """A view has another name, description or definition from here on."""

    name: ClassVar[str] = "view.changed"

    view_name: Personal
    definition: JsonObject
    description: Maybe[Personal] = None


class ViewSharedEvent(Event):
    """Who may use a view beside its owner, from here on: everybody, some, or (without both) nobody."""

    name: ClassVar[str] = "view.shared"

    everybody: Maybe[ViewRight] = None
    users: dict[Text, ViewRight] = Field(default_factory=dict)


class ViewDeletedEvent(Event):
    """A view was deleted."""

    name: ClassVar[str] = "view.deleted"
