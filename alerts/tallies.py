"""What became of the notifications of each rule, in numbers and the last of each kind."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from alerts.evaluate.intent import TEMPLATE
from ledger.feed import Feed, FeedEvent
from schemas.events import NotificationsClaimedEvent, NotificationsSettledEvent, Outcome, readable

_AT_ONCE = 1_000
_UNDER_WAY = frozenset({"retry", "ambiguous"})
_TYPES = (*NotificationsClaimedEvent.type_names(), *NotificationsSettledEvent.type_names())
_LOST = frozenset({"rejected", "dead"})

Tally = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A notification that is under way."""

    rules: tuple[str, ...]
    recipient: str


@dataclass
class _Count:
    """What became of the notifications of one rule; `losses` are the last of recipients whom nothing reached since."""

    sent: int = 0
    lost: int = 0
    last_sent: str | None = None
    losses: dict[str, Tally] = field(default_factory=dict)

    def as_document(self) -> Tally:
        last_lost = next(reversed(self.losses.values()), None)
        return {"sent": self.sent, "lost": self.lost, "last_sent_utc": self.last_sent, "last_lost": last_lost}


class Tallies:
    """Folds the log as far as it goes whenever it is asked, and goes on from there the next time."""

    def __init__(self, feed: Feed) -> None:
        """Nothing is read yet."""
        self._feed = feed
        self._lock = threading.Lock()
        self._position = 0
        self._open: dict[str, _Claimed] = {}
        self._found: dict[str, _Count] = {}

    def __call__(self) -> dict[str, Tally]:
        """By the rule's id: how many were sent and lost, when the last was sent, and the last that is still missed."""
        with self._lock:
            while events := self._feed.of_types(_TYPES, self._position, _AT_ONCE):
                for happened in events:
                    self._fold(happened)
                self._position = events[-1].position
            return {rule: count.as_document() for rule, count in self._found.items()}

    def _fold(self, happened: FeedEvent) -> None:
        match happened.event:
            case NotificationsClaimedEvent() as event:
                for claim in event.notifications:
                    # What its template came to is told to who wrote it, and is nothing that the rule tells of.
                    if claim.kind != TEMPLATE:
                        rules = (claim.rule, *(claim.others or ()))
                        self._open[claim.notification] = _Claimed(rules, readable(claim.recipient) or "")
            case NotificationsSettledEvent() as event:
                for outcome in event.outcomes:
                    if outcome.notification in self._open and outcome.outcome not in _UNDER_WAY:
                        claimed = self._open.pop(outcome.notification)
                        for rule in claimed.rules:
                            count = self._found.setdefault(rule, _Count())
                            _end(count, claimed.recipient, outcome, _iso(happened.recorded_at))
            case _:
                pass


def _end(count: _Count, recipient: str, outcome: Outcome, at: str) -> None:
    if outcome.outcome == "sent":
        count.sent, count.last_sent = count.sent + 1, at
        count.losses.pop(recipient, None)
    elif outcome.outcome in _LOST:
        count.lost += 1
        count.losses.pop(recipient, None)
        reply = readable(outcome.reply) or outcome.because
        count.losses[recipient] = {"at_utc": at, "recipient": recipient, "outcome": outcome.outcome, "reply": reply}


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")
