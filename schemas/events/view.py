"""Saved views of the run list."""

from typing import ClassVar

from schemas.events.base import Event, Maybe, Personal, Text
from schemas.events.logged import JsonObject


class ViewSavedEvent(Event):
    """A view has this name and definition from here on; without an owner it is everybody's."""

    name: ClassVar[str] = "view.saved"

    view_name: Personal
    definition: JsonObject
    owner: Maybe[Text] = None
    shared: bool = False


class ViewDeletedEvent(Event):
    """A view was deleted."""

    name: ClassVar[str] = "view.deleted"
