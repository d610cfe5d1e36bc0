"""Control logs made by hand: events at positions, for folds that need no file."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from alerts.evaluate.evaluator import Evaluator
from alerts.evaluate.intent import Intent
from ledger.feed import FeedEvent
from schemas.events import (
    AlertRuleDefinedEvent,
    Event,
    Matcher,
    NotificationsDueEvent,
    OpaqueEvent,
    RunOrigin,
    RunStartedEvent,
    RunStatusChangedEvent,
    SilenceCreatedEvent,
)
from schemas.records import Envelope
from schemas.rules import definition_of
from schemas.statuses import RunStatus

START = 1_800_000_000_000
SECOND = 1_000
MARIA = "maria@example.org"
S = RunStatus


class Story:
    """A log that grows by one event a second; it gives runs back like ledger.db does."""

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self._heads: dict[str, tuple[int, str]] = {}
        self._waited = 0

    def wait(self, seconds: float) -> None:
        """Let time pass in which nothing is recorded."""
        self._waited += int(seconds * SECOND)

    def tick(self, seconds: float = 0) -> FeedEvent:
        """A server says that time has passed."""
        self.wait(seconds)
        return self.add("notifications:log", NotificationsDueEvent(server="s", until=0))

    def add(
        self,
        stream: str,
        event: Event | OpaqueEvent,
        *,
        actor: str = "maria",
        at: int | None = None,
        occurred: datetime | None = None,
    ) -> FeedEvent:
        position = len(self.events) + 1
        seq, prev = self._heads.get(stream, (0, ""))
        now = START + position * SECOND + self._waited if at is None else at
        recorded_at = max([now, *(each.recorded_at for each in self.events[-1:])])
        happened = datetime.fromtimestamp(now / 1_000, UTC) if occurred is None else occurred
        time = happened.isoformat(timespec="microseconds").replace("+00:00", "Z")
        type_name, value = (
            (event.type, b"") if isinstance(event, OpaqueEvent) else (event.type_name(), event.to_value())
        )
        envelope = Envelope(stream, seq + 1, prev, str(position), "//h", type_name, time, actor, value)
        hash_ = sha256(f"{position} {stream} {event!r}".encode()).digest()
        self._heads[stream] = seq + 1, hash_.hex()
        self.events.append(FeedEvent(position, recorded_at, hash_, envelope, event))
        return self.events[-1]

    def upto(self, run_id: str, position: int) -> Sequence[FeedEvent]:
        return [each for each in self.events if each.envelope.stream == f"run:{run_id}" and each.position <= position]

    def rule(self, rule_id: str = "r1", **content: Any) -> FeedEvent:
        definition = definition_of({"name": "failures", "recipients": [MARIA]} | content)
        event = AlertRuleDefinedEvent(rule_name=definition.name, definition=definition.as_json())
        return self.add(f"rule:{rule_id}", event)

    def start(self, run_id: str = "a", *, actor: str = "maria", email: str | None = None, **fields: Any) -> FeedEvent:
        event = RunStartedEvent(experiment="vision", experiment_id="e", origin=RunOrigin(email=email))
        return self.add(f"run:{run_id}", event.model_copy(update=fields), actor=actor)

    def move(self, run_id: str, previous: RunStatus, status: RunStatus, **fields: Any) -> FeedEvent:
        return self.add(f"run:{run_id}", RunStatusChangedEvent(previous=previous, status=status, **fields))

    def fail(self, run_id: str = "a", **fields: Any) -> FeedEvent:
        return self.move(run_id, S.RUNNING, S.FAILED, **fields)

    def silence(self, *matchers: Matcher, seconds: int = 3_600) -> FeedEvent:
        until = START + (len(self.events) + 1 + seconds) * SECOND
        return self.add("silence:s1", SilenceCreatedEvent(matchers=list(matchers), until=until))

    def intents(self, *, punctual: bool = False) -> list[Intent]:
        evaluator = Evaluator(self, punctual=punctual)
        return [intent for event in self.events for intent in evaluator.fold(event)]
