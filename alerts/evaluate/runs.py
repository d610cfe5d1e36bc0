"""What matching needs to know of a run, folded from its events, for a bounded number of runs."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from alerts.rules.matching import Transition
from ledger.feed import Feed, FeedEvent
from schemas.events import (
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
    tags: dict[str, str | None] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Scalar] = field(default_factory=dict)

    def fold(self, happened: FeedEvent) -> None:
        """Take in an event of the run, in whatever order a stranger may have written them."""
        match happened.event:
            case RunStartedEvent() as event:
                self._start(event, happened.envelope.actor)
            case RunStatusChangedEvent() as event:
                self.status = event.status
            case RunResumedEvent() as event:
                self.status = RunStatus.RUNNING
                self.email = readable(event.origin.email) or self.email
            case RunTaggedEvent() as event:
                self.tags[event.key] = readable(event.value)
            case RunUntaggedEvent() as event:
                self.tags.pop(event.key, None)
            case RunPropertyAddedEvent() as event:
                self.properties.setdefault(event.key, event.value)
            case RunParameterAddedEvent() as event:
                self.parameters.setdefault(event.key, event.value)
            case _:
                pass

    def became(self, previous: RunStatus | None, *, presumed: bool) -> Transition:
        """Its last change of status, with what it is now."""
        return Transition(
            run_id=self.run_id,
            experiment=self.experiment,
            status=self.status,
            previous=previous,
            presumed=presumed,
            parent_run_id=self.parent_run_id,
            root_run_id=self.root_run_id,
            tags=dict(self.tags),
            properties=dict(self.properties),
            parameters=dict(self.parameters),
        )

    def _start(self, event: RunStartedEvent, actor: str) -> None:
        self.experiment, self.status, self.actor = event.experiment, event.status, actor
        self.parent_run_id, self.root_run_id = event.parent_run_id, event.root_run_id
        self.email = readable(event.origin.email)
        self.tags = {key: readable(value) for key, value in event.tags.items()}
        self.properties = dict(event.properties)


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
