"""Versions that are no longer written: what their records hold, for the schemas and the upcasters."""

from typing import ClassVar

from schemas.events.base import Event, Personal


class RunWarnedV1Event(Event):
    """Something about the run needs attention."""

    name: ClassVar[str] = "run.warned"

    message: Personal
