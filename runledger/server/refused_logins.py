"""Log-ins that were refused, gathered for the log: a flood of them becomes a few events with how many there were."""

import threading
from collections import Counter
from typing import NamedTuple

from ledger.domain.refusals import RefusedLogin

EVERY_SECONDS = 10.0
_KINDS = 20
_OTHERS = "(others)"
_SHOWN = 2


class _Kind(NamedTuple):
    user: str
    address: str
    why: str


class RefusedLogins:
    """Counts by who was named, from where, and why not; beyond some kinds, all others are one."""

    def __init__(self) -> None:
        """Nobody was refused yet."""
        self._counts: Counter[_Kind] = Counter()
        self._lock = threading.Lock()

    def add(self, user: str, address: str, why: str) -> None:
        """Count one."""
        self._count(_Kind(user, address, why), 1)

    def take(self) -> list[RefusedLogin]:
        """All since the last time."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return [RefusedLogin(*kind, count) for kind, count in taken.items()]

    def give_back(self, refused: list[RefusedLogin]) -> None:
        """What could not be recorded waits on."""
        for each in refused:
            self._count(_Kind(each.user, each.address, each.why), each.count)

    def _count(self, kind: _Kind, times: int) -> None:
        with self._lock:
            full = kind not in self._counts and len(self._counts) >= _KINDS
            self._counts[_Kind(_OTHERS, _OTHERS, kind.why) if full else kind] += times


def as_recorded(name: str, *, known: bool) -> str:
    """A name as the log keeps it: of one that nobody has only the beginning, since passwords get typed there."""
    return name if known else f"{name[:_SHOWN]}... ({len(name)} characters)"
