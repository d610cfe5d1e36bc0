"""What became of notifications, in figures: folded from the log, so each server tells the same."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from alerts.deliver.notification import Notification, State

DELAYS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0)
"""Upper bounds in seconds, from the trigger to the outcome in the log."""

OTHER = "(other)"
_NAMES = 200


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, by channel: how many, and since when the oldest does (milliseconds)."""

    waiting: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, notifications: Iterable[Notification], now: int) -> "Backlog":
        """Of all that is not at its end: what is suppressed, or waits for its next try, waits for nobody."""
        waiting: Counter[str] = Counter()
        oldest: dict[str, int] = {}
        for each in notifications:
            if not each.suppressed and (each.state is State.CLAIMED or each.due_at <= now):
                channel = each.intent.channel
                waiting[channel] += 1
                oldest[channel] = min(oldest.get(channel, now), each.waits_since)
        return cls(waiting, oldest)


@dataclass(slots=True)
class _Delays:
    """How many ended within each bound, how many in all, and their sum in seconds."""

    within: list[int] = field(default_factory=lambda: [0] * len(DELAYS))
    count: int = 0
    total: float = 0.0


class Figures:
    """Counts what the fold of the notifications sees; others read it meanwhile."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._lock = threading.Lock()
        self._ends: Counter[tuple[str, str, str]] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()
        self._delays: dict[str, _Delays] = {}
        self._names: dict[str, set[str]] = {}

    def ended(self, notification: Notification, at: int) -> None:
        """After a notification came to its end, which was recorded at `at` (milliseconds)."""
        intent = notification.intent
        with self._lock:
            channel = self._bounded("channel", intent.channel)
            rule = self._bounded("rule", intent.definition.name)
            self._ends[rule, channel, str(notification.state)] += 1
            if notification.state is State.SENT:
                delays, seconds = self._delays.setdefault(channel, _Delays()), max(0, at - intent.subject.at) / 1_000
                delays.count += 1
                delays.total += seconds
                for place, bound in enumerate(DELAYS):
                    delays.within[place] += seconds <= bound

    def failed(self, notification: Notification, outcome: str) -> None:
        """After an attempt that is to be followed by another."""
        with self._lock:
            self._failed[self._bounded("channel", notification.intent.channel), outcome] += 1

    def ends(self) -> Mapping[tuple[str, str, str], int]:
        """How many came to an end, by rule, channel and result."""
        with self._lock:
            return dict(self._ends)

    def failures(self) -> Mapping[tuple[str, str], int]:
        """How many attempts came to nothing, by channel and outcome."""
        with self._lock:
            return dict(self._failed)

    def delays(self) -> Mapping[str, tuple[Sequence[int], int, float]]:
        """By channel: how many were sent within each of `DELAYS`, how many in all, and the seconds they took."""
        with self._lock:
            return {name: (list(each.within), each.count, each.total) for name, each in self._delays.items()}

    def _bounded(self, of: str, name: str) -> str:
        """The name, while there are few: what users name must not fill the memory of who watches."""
        known = self._names.setdefault(of, set())
        if name not in known and len(known) >= _NAMES:
            return OTHER
        known.add(name)
        return name
