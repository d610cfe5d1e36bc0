"""How the sending of notifications is: what waits, since when, and why."""

import threading
from datetime import UTC, datetime
from typing import Any

from alerts.deliver.notification import State
from alerts.deliver.notifications import TYPES, Notifications
from alerts.evaluate.evaluator import READ, Evaluator
from alerts.evaluate.runs import FeedRunEvents
from ledger.feed import Feed
from schemas.streams import notifications_stream

_AT_ONCE = 5_000
_NAMED = 20
_READ = READ | TYPES


class AlertHealth:
    """Folds the log as far as it goes whenever it is asked, and goes on from there the next time."""

    def __init__(self, feed: Feed) -> None:
        """Nothing is read yet."""
        self._feed = feed
        self._lock = threading.Lock()
        self._evaluator = Evaluator(FeedRunEvents(feed))
        self._notifications = Notifications(notifications_stream(feed.log_id))

    def __call__(self, now: int) -> dict[str, Any]:
        """The state of things; `now` is in epoch milliseconds."""
        with self._lock:
            self._read_on()
            return self._found(now)

    def _read_on(self) -> None:
        while events := self._feed.skimmed(self._notifications.position, _AT_ONCE, _READ):
            for happened in events:
                self._notifications.fold(happened, self._evaluator.fold(happened))

    def _found(self, now: int) -> dict[str, Any]:
        open_ = sorted(self._notifications, key=lambda each: (each.intent.subject.at, each.id))
        due = self._evaluator.next_due
        waiting = [each for each in open_ if each.state is not State.CLAIMED]
        return {
            "position": self._notifications.position,
            "waiting": len(waiting),
            "oldest_waiting_seconds": max(0, now - waiting[0].intent.subject.at) // 1_000 if waiting else None,
            "claimed": len(open_) - len(waiting),
            "retrying": sum(each.state is State.RETRY for each in open_),
            "next_due_utc": None if due is None else _iso(due),
            "ended": {str(state): count for state, count in sorted(self._notifications.ended.items())},
            "rules_in_force": sum(rule.enabled and rule.definition is not None for rule in self._evaluator.rules),
            "unreadable_rules": [rule.id for rule in self._evaluator.rules if rule.definition is None],
            "failing_templates": [
                {"rule_id": rule.id, "because": rule.template_failure}
                for rule in self._evaluator.rules
                if rule.template_failure
            ],
            "waiting_longest": [
                {
                    "notification": each.id,
                    "rule_id": each.intent.rule,
                    "recipient": each.intent.recipient,
                    "since_utc": _iso(each.intent.subject.at),
                    "attempt": each.attempt,
                    "because": each.because,
                }
                for each in waiting[:_NAMED]
            ],
        }


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")
