"""What matching needs to know of a run, folded from its events, for a bounded number of runs."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from alerts.rules.transition import Raised, Transition
from ledger.feed import Feed, FeedEvent
from schemas.events import (
    RunAlertedEvent,
    RunDescribedEvent,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    readable,
)
from schemas.events.logged import Scalar
from schemas.statuses import RunStatus
from schemas.streams import key_of, kind_of

RUNS_KEPT = 5_000
_EVENTS_KEPT = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class RunEvents(Protocol):
    """Gives the events of a run, wherever they are kept."""

    def upto(self, run_id: str, position: int) -> Sequence[FeedEvent]:
        """The events of a run up to and with a position, in order."""


class FeedRunEvents:
    """The events of runs in ledger.db."""

    def __init__(self, feed: Feed) -> None:
        """Read them from this feed."""
        self._feed = feed

    def upto(self, run_id: str, position: int) -> Sequence[FeedEvent]:
        """The events of a run up to and with a position, in order."""
        return [event for event in self._feed.of_run(run_id) if event.position <= position]


class RecentRunEvents:
    """The events of the runs that were heard of last, as whoever reads the feed met them; of others, from behind.

    Most of what is told is told at once: so its events need not be looked up and decoded again.
    """

    def __init__(self, others: RunEvents, *, keep: int = RUNS_KEPT, each: int = _EVENTS_KEPT) -> None:
        """Keep so many runs, but none with more events than `each`; what comes out does not depend on it."""
        self._others = others
        self._keep = keep
        self._each = each
        self._events: OrderedDict[str, list[FeedEvent]] = OrderedDict()

    def fold(self, happened: FeedEvent) -> None:
        """Keep the next event of the feed, if it is of a run that was followed from its first."""
        stream = happened.envelope.stream
        if happened.envelope.prev == "" and kind_of(stream) == "run":
            self._events[key_of(stream)] = [happened]
            if len(self._events) > self._keep:
                self._events.popitem(last=False)
            return
        events = self._events.get(key_of(stream)) if kind_of(stream) == "run" else None
        if events is not None:
            events.append(happened)
            if len(events) > self._each:
                del self._events[key_of(stream)]

    def upto(self, run_id: str, position: int) -> Sequence[FeedEvent]:
        """The events of a run up to and with a position, in order."""
        events = self._events.get(run_id)
        if events is None:
            return self._others.upto(run_id, position)
        return [event for event in events if event.position <= position]


@dataclass(slots=True)
class RunState:
    """A run as rules see it."""

    run_id: str
    experiment: str = ""
    status: RunStatus = RunStatus.NOT_STARTED
    parent_run_id: str | None = None
    root_run_id: str | None = None
    actor: str = ""
    email: str | None = None
    display_name: str | None = None
    run_type: str = ""
    target: str = ""
    started_at: int | None = None
    tags: dict[str, str | None] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Scalar] = field(default_factory=dict)

    def fold(self, happened: FeedEvent) -> None:
        """Take in an event of the run, in whatever order a stranger may have written them."""
        match happened.event:
            case RunStartedEvent() as event:
                self._start(event, happened)
            case RunStatusChangedEvent() as event:
                self.status = event.status
                if event.status is RunStatus.RUNNING and self.started_at is None:
                    self.started_at = moment_of(happened)
            case RunResumedEvent() as event:
                self.status, self.started_at = RunStatus.RUNNING, moment_of(happened)
                self.email = readable(event.origin.email) or self.email
            case RunTaggedEvent() as event:
                self.tags[event.key] = readable(event.value)
            case RunUntaggedEvent() as event:
                self.tags.pop(event.key, None)
            case RunPropertyAddedEvent() as event:
                self.properties.setdefault(event.key, readable(event.value))
            case RunParameterAddedEvent() as event:
                self.parameters.setdefault(event.key, event.value)
            case RunDescribedEvent() as event if "display_name" in event.changed:
                self.display_name = readable(event.display_name)
            case _:
                pass

    def became(self, happened: FeedEvent | None, **known: Any) -> Transition:
        """What an event made of it, with what it is now; `known` is what others know of the run."""
        found = {} if happened is None else self._of(happened)
        return Transition(
            run_id=self.run_id,
            experiment=self.experiment,
            status=self.status,
            parent_run_id=self.parent_run_id,
            root_run_id=self.root_run_id,
            tags=dict(self.tags),
            properties=dict(self.properties),
            parameters=dict(self.parameters),
            display_name=self.display_name,
            actor=self.actor,
            run_type=self.run_type,
            target=self.target,
            **found,
            **known,
        )

    def _of(self, happened: FeedEvent) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.started_at is not None:
            found["duration_ms"] = max(0, moment_of(happened) - self.started_at)
        match happened.event:
            case RunStatusChangedEvent() as event:
                found |= {"previous": event.previous, "presumed": event.presumed}
                if event.error is not None:
                    found |= {"error_code": event.error.code, "error_type": event.error.type}
                if event.seal is not None:
                    found["last_values"] = event.seal.last_values
            case RunResumedEvent() as event:
                found["previous"] = event.previous
            case RunAlertedEvent() as event:
                said = readable(event.title) or "", readable(event.text) or ""
                found |= {"raised": Raised(*said, event.level), "previous": self.status}
            case _:
                pass
        return found

    def _start(self, event: RunStartedEvent, happened: FeedEvent) -> None:
        self.experiment, self.status, self.actor = event.experiment, event.status, happened.envelope.actor
        self.display_name, self.run_type, self.target = readable(event.display_name), event.run_type, event.target
        self.started_at = moment_of(happened) if event.status is RunStatus.RUNNING else None
        self.parent_run_id, self.root_run_id = event.parent_run_id, event.root_run_id
        self.email = readable(event.origin.email)
        self.tags = {key: readable(value) for key, value in event.tags.items()}
        self.properties = {key: readable(value) for key, value in event.properties.items()}


class Runs:
    """Follows the runs that were heard of last; the others are folded again when they are asked for."""

    def __init__(self, events: RunEvents, *, keep: int = RUNS_KEPT) -> None:
        """Keep so many runs; what comes out does not depend on it."""
        self._events = events
        self._keep = keep
        self._states: OrderedDict[str, RunState] = OrderedDict()

    def fold(self, happened: FeedEvent) -> None:
        """Take in an event of any kind, in the order of positions."""
        stream = happened.envelope.stream
        if kind_of(stream) != "run":
            return
        run_id = key_of(stream)
        state = self._states.get(run_id)
        if state is None and happened.envelope.prev == "":
            state = self._remember(RunState(run_id))
        if state is not None:
            state.fold(happened)
            self._states.move_to_end(run_id)

    def at(self, run_id: str, position: int) -> RunState:
        """The run as of a position, which is the last that was folded."""
        state = self._states.get(run_id)
        if state is None:
            state = self._remember(folded(run_id, self._events.upto(run_id, position)))
        return state

    def _remember(self, state: RunState) -> RunState:
        self._states[state.run_id] = state
        while len(self._states) > self._keep:
            self._states.popitem(last=False)
        return state


def folded(run_id: str, events: Sequence[FeedEvent]) -> RunState:
    """A run after its events."""
    state = RunState(run_id)
    for happened in events:
        state.fold(happened)
    return state


def moment_of(happened: FeedEvent) -> int:
    """When it happened, in milliseconds: the writer's claim, or the log's time if that is no date."""
    try:
        return (datetime.fromisoformat(happened.envelope.time) - _EPOCH) // _MILLISECOND
    except (ValueError, TypeError, OverflowError):
        return happened.recorded_at
