"""How soon somebody may try another password: the longer, the more have failed.

NIST SP 800-63B-4 (3.2.2) asks for a limit of tries and suggests growing pauses. They are counted for the user, so that
many machines guess no faster than one, and for where they come from, so that one machine cannot try many users.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many tries `free`; then a pause of a second, doubled by each further one, up to `most_seconds`.

    After `forgotten_seconds` without a try, all is as at first.
    """

    free: int
    most_seconds: float
    forgotten_seconds: float


OF_USER = Allowance(free=5, most_seconds=300, forgotten_seconds=86_400)
OF_PLACE = Allowance(free=30, most_seconds=900, forgotten_seconds=3_600)


@dataclass(frozen=True, slots=True)
class Tries:
    """How many have failed, and when the last one was, in seconds of some clock."""

    count: int
    last: float


def pause(tries: Tries | None, allowance: Allowance, now: float) -> float:
    """For how many seconds nothing more may be tried."""
    if tries is None or now - tries.last >= allowance.forgotten_seconds or tries.count < allowance.free:
        return 0.0
    whole = min(2.0 ** min(tries.count - allowance.free, 30), allowance.most_seconds)
    return max(0.0, tries.last + whole - now)


def one_more(tries: Tries | None, allowance: Allowance, now: float) -> Tries:
    """After another try."""
    if tries is None or now - tries.last >= allowance.forgotten_seconds:
        return Tries(1, now)
    return Tries(tries.count + 1, now)


class Throttle:
    """Remembers tries by what they are counted for; of too many, those that were tried least lately are forgotten."""

    def __init__(self, allowance: Allowance, *, kept: int = _KEPT) -> None:
        """Nobody has tried yet."""
        self._allowance = allowance
        self._kept = kept
        self._tries: OrderedDict[str, Tries] = OrderedDict()

    def pause(self, key: str, now: float) -> float:
        """For how many seconds nothing more may be tried."""
        return pause(self._tries.get(key), self._allowance, now)

    def charge(self, key: str, now: float) -> None:
        """Count a try before it is known how it ends: many at once are many."""
        self._tries[key] = one_more(self._tries.get(key), self._allowance, now)
        self._tries.move_to_end(key)
        while len(self._tries) > self._kept:
            self._tries.popitem(last=False)

    def forget(self, key: str) -> None:
        """The right password was given."""
        self._tries.pop(key, None)

    def refund(self, key: str) -> None:
        """Take back one try that was none."""
        tries = self._tries.get(key)
        if tries is not None:
            self._tries[key] = Tries(max(0, tries.count - 1), tries.last)

    def __len__(self) -> int:
        return len(self._tries)


def longest(pauses: Iterable[float]) -> int:
    """Whole seconds to wait for all of them."""
    most = max(pauses, default=0.0)
    return int(most) + (most > int(most))
