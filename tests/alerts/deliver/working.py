"""Alert services on a real ledger, with a channel that only remembers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from alerts.channels.channel import Channel, Mail, Outcome, Sent
from alerts.deliver.composing import Compose
from alerts.deliver.lane import Lane
from alerts.deliver.notification import Notification, State
from alerts.deliver.notifications import Notifications
from alerts.deliver.rate import Rate
from alerts.deliver.service import AlertService, Settings
from alerts.evaluate.evaluator import Evaluator
from alerts.evaluate.facts import Place
from alerts.evaluate.intent import Intent
from alerts.evaluate.runs import FeedRunEvents
from alerts.facts import Facts
from ledger.application.handling import Caller
from ledger.commands import ChangeStatus, DefineRule, StartRun
from ledger.feed import Feed
from ledger.notifications import NotificationStream
from schemas.addresses import EMAIL
from schemas.events import Event, NotificationsClaimedEvent, NotificationsSettledEvent, OpaqueEvent
from schemas.statuses import RunStatus
from tests.alerts.story import MARIA
from tests.ledger.conftest import CALLER, Parts

Answer = Callable[[Mail], Awaitable[Outcome]]


async def taken(_: Mail) -> Outcome:
    """The answer of a relay that takes everything."""
    return Sent(250, "ok")


class Memory:
    """A channel: what was handed to it, in order, and at most how much at once."""

    def __init__(self, answer: Answer = taken, *, connections: int = 8) -> None:
        self.mails: list[Mail] = []
        self.came = asyncio.Event()
        self.most = 0
        self._under_way = 0
        self._answer = answer
        self._connections = connections

    @property
    def connections(self) -> int:
        return self._connections

    async def send(self, mail: Mail) -> Outcome:
        self.mails.append(mail)
        self.came.set()
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            return await self._answer(mail)
        finally:
            self._under_way -= 1

    async def close(self) -> None:
        """Nothing is held."""


class FastClock:
    """A clock that goes faster than the world's, from now on."""

    def __init__(self, factor: int = 1) -> None:
        self.factor = factor
        self.ahead = 0
        self._begun = time.time()

    def __call__(self) -> int:
        return int((self._begun + (time.time() - self._begun) * self.factor) * 1_000) + self.ahead


def compose(intent: Intent, facts: Facts) -> Mail:
    return Mail(intent.id, intent.recipient, "ledger@x.org", f"{facts.run_id} {facts.kind} {facts.new_status}".encode())


def define(parts: Parts, *recipients: str, rule_id: str | None = None, **content: Any) -> str:
    rule_id = rule_id or str(uuid4())
    definition = {"name": "failures", "recipients": list(recipients or [MARIA])} | content
    parts.ledger().handle(DefineRule(rule_id=rule_id, definition=definition), CALLER)
    return rule_id


def fail(parts: Parts, *run_ids: str) -> None:
    ledger, caller = parts.ledger(), Caller("maria", "//h")
    for run_id in run_ids:
        ledger.handle(StartRun(run_id=run_id, experiment="vision"), caller)
        ledger.handle(ChangeStatus(run_id=run_id, status=RunStatus.FAILED), caller)


def stream_of(parts: Parts) -> NotificationStream:
    return NotificationStream(parts.control, parts.database, CALLER, now=lambda: datetime.now(UTC))


def service(
    parts: Parts,
    channel: Memory,
    *,
    server: str = "s1",
    stream: NotificationStream | None = None,
    composed: Compose = compose,
    rate: Rate | None = None,
    others: Mapping[str, Channel] | None = None,
    **settings: Any,
) -> AlertService:
    known: dict[str, Any] = {
        "server": server,
        "place": Place("lab"),
        "now": FastClock(),
        "poll_seconds": 0.01,
    } | settings
    feed = Feed(parts.control.id, parts.database)
    lanes = {EMAIL: Lane(channel, rate)} | {name: Lane(each) for name, each in (others or {}).items()}
    return AlertService(feed, stream or stream_of(parts), lanes, composed, Settings(**known | settings))


def work(*services: AlertService, seconds: float = 20.0) -> list[bool]:
    """Let services work side by side until each finds nothing to do."""

    async def all_of_them() -> list[bool]:
        return await asyncio.gather(*(each.run_once(seconds) for each in services))

    return asyncio.run(all_of_them())


def books(parts: Parts) -> Notifications:
    """The notifications as the log has them, folded from its beginning."""
    feed = Feed(parts.control.id, parts.database)
    evaluator, notifications = Evaluator(FeedRunEvents(feed)), Notifications(stream_of(parts).name)
    for happened in feed.after(0, 100_000):
        notifications.fold(happened, evaluator.fold(happened))
    return notifications


def ended(parts: Parts) -> dict[State, int]:
    """How many notifications came to which end, and that no other is open."""
    notifications = books(parts)
    left: list[Notification] = list(notifications)
    assert left == []
    return dict(notifications.ended)


def told(parts: Parts, kind: type[NotificationsClaimedEvent] | type[NotificationsSettledEvent]) -> list[Any]:
    """The claims, or the settlements, in the log."""
    events: list[Event | OpaqueEvent] = [happened.event for happened in stream_of(parts).after(0)]
    return [event for event in events if isinstance(event, kind)]
