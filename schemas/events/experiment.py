"""What happens to an experiment."""

from typing import ClassVar

from schemas.events.base import Event, Personal, Text


class ExperimentCreatedEvent(Event):
    """An experiment was named for the first time."""

    name: ClassVar[str] = "experiment.created"

    experiment: Text


class ExperimentTaggedEvent(Event):
    """A tag was set; None is a bare tag."""

    name: ClassVar[str] = "experiment.tagged"

    key: Text
    value: Personal | None


class ExperimentUntaggedEvent(Event):
    """A tag was removed."""

    name: ClassVar[str] = "experiment.untagged"

    key: Text


class ExperimentDescribedEvent(Event):
    """The description was set, or cleared by None."""

    name: ClassVar[str] = "experiment.described"

    description: Personal | None


class ExperimentArchivedEvent(Event):
    """The experiment was hidden from lists."""

    name: ClassVar[str] = "experiment.archived"


class ExperimentReactivatedEvent(Event):
    """An archived experiment was shown again."""

    name: ClassVar[str] = "experiment.reactivated"


class ExperimentDeletedEvent(Event):
    """An experiment without runs was given up."""

    name: ClassVar[str] = "experiment.deleted"
