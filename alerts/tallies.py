"""What became of the notifications of each rule, in numbers and the last of each kind."""

import threading
from datetime import UTC, datetime
from typing import Any

from ledger.feed import Feed, FeedEvent
from schemas.events import NotificationsClaimedEvent, NotificationsSettledEvent, readable

_AT_ONCE = 1_000
_TYPES = (NotificationsClaimedEvent.type_name(), NotificationsSettledEvent.type_name())
_LOST = frozenset({"rejected", "dead"})

Tally = dict[str, Any]


class Tallies:
    """Folds the log as far as it goes whenever it is asked, and goes on from there the next time."""

    def __init__(self, feed: Feed) -> None:
        """Nothing is read yet."""
        self._feed = feed
        self._lock = threading.Lock()
        self._position = 0
        self._open: dict[str, tuple[str, str]] = {}
        self._found: dict[str, Tally] = {}

    def __call__(self) -> dict[str, Tally]:
        """By the rule's id: how many were sent and lost, when the last was, and whether that was lost."""
        with self._lock:
            while events := self._feed.of_types(_TYPES, self._position, _AT_ONCE):
                for happened in events:
                    self._fold(happened)
                self._position = events[-1].position
            return {rule: dict(tally) for rule, tally in self._found.items()}

    def _fold(self, happened: FeedEvent) -> None:
        match happened.event:
            case NotificationsClaimedEvent() as event:
                for claim in event.notifications:
                    self._open[claim.notification] = (claim.rule, readable(claim.recipient) or "")
            case NotificationsSettledEvent() as event:
                for outcome in event.outcomes:
                    if outcome.notification in self._open and outcome.outcome not in {"retry", "ambiguous"}:
                        rule, recipient = self._open.pop(outcome.notification)
                        reply = readable(outcome.reply) or outcome.because
                        self._ended(rule, recipient, outcome.outcome, reply, _iso(happened.recorded_at))
            case _:
                pass

    def _ended(self, rule: str, recipient: str, outcome: str, reply: str | None, at: str) -> None:
        tally = self._found.setdefault(rule, {"sent": 0, "lost": 0, "last_sent_utc": None, "last_lost": None})
        if outcome == "sent":
            # What is sent again mends what was lost before.
            tally |= {"sent": tally["sent"] + 1, "last_sent_utc": at, "last_lost": None}
        elif outcome in _LOST:
            lost = {"at_utc": at, "recipient": recipient, "outcome": outcome, "reply": reply}
            tally |= {"lost": tally["lost"] + 1, "last_lost": lost}


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")
