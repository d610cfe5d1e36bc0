"""What happens to the ledger itself."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.events.base import Count, Event, Maybe, Personal, Text
from schemas.events.logged import LoggedValue
from schemas.streams import LogName


class LedgerCreatedEvent(Event):
    """The first record of a log, which pins whose it is and how it is read."""

    name: ClassVar[str] = "ledger.created"

    log_id: Text
    log: LogName
    partitions: Annotated[int, Field(ge=1, lt=2**31)]
    partition_function: Text
    canonical_form: Text


class CommandRefusedEvent(Event):
    """Somebody tried what a rule forbids; `count` is how often since the last such record."""

    name: ClassVar[str] = "command.refused"

    command_name: Text
    stream: Text
    rule: Text
    message: Maybe[Personal] = None
    key: Maybe[Text] = None
    old: Maybe[LoggedValue] = None
    attempted: Maybe[LoggedValue] = None
    count: Count = 1
