"""What an event says that happened to a run, where rules may be about it."""

from dataclasses import dataclass

from ledger.feed import FeedEvent
from schemas.events import RunAlertedEvent, RunResumedEvent, RunStartedEvent, RunStatusChangedEvent
from schemas.statuses import RunStatus
from schemas.streams import kind_of


@dataclass(frozen=True, slots=True)
class Change:
    """A change of status as an event tells it; `previous` is None at a start."""

    previous: RunStatus | None
    status: RunStatus
    presumed: bool = False


def change_of(happened: FeedEvent) -> Change | None:
    """The change of status; None if the event tells of none."""
    match happened.event:
        case RunStatusChangedEvent() as event:
            change = Change(event.previous, event.status, event.presumed)
        case RunStartedEvent() as event:
            change = Change(None, event.status)
        case RunResumedEvent() as event:
            change = Change(event.previous, RunStatus.RUNNING)
        case _:
            return None
    return change if kind_of(happened.envelope.stream) == "run" else None


def is_raised(happened: FeedEvent) -> bool:
    """Whether a script raised an alert."""
    return isinstance(happened.event, RunAlertedEvent) and kind_of(happened.envelope.stream) == "run"
