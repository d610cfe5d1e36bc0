"""A log that counts and times what is appended to it."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from ledger.logs.log import Figures, Link, Log, Told
from schemas.errors import LedgerError

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes of seconds that appends are counted in."""


@dataclass(slots=True)
class Appends:
    """What this process appended: events by type, seconds by class, and what failed by its error."""

    events: Counter[str] = field(default_factory=Counter)
    within: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0
    failures: Counter[type[Exception]] = field(default_factory=Counter)

    def add(self, links: Sequence[Link], seconds: float) -> None:
        """Note an append that was accepted."""
        self.events.update(link.envelope.type for link in links)
        self.within[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class MeasuredLog:
    """Another log, and figures about it.

    Threads count at once without a lock: a figure may miss one of two simultaneous appends.
    """

    def __init__(self, log: Log) -> None:
        """Count from zero."""
        self._log = log
        self.appends = Appends()

    @property
    def id(self) -> str:
        """The id from the genesis."""
        return self._log.id

    def append(self, links: Sequence[Link]) -> list[int]:
        """Append, and note how long it took; see `Log.append`."""
        began = perf_counter()
        try:
            places = self._log.append(links)
        except Exception as error:
            self.appends.failures[type(error)] += 1
            raise
        self.appends.add(links, perf_counter() - began)
        return places

    def catch_up(self, told: Told | None = None) -> None:
        """See `Log.catch_up`."""
        self._log.catch_up(told)

    def stopped(self) -> LedgerError | None:
        """See `Log.stopped`."""
        return self._log.stopped()

    def figures(self) -> Figures:
        """See `Log.figures`."""
        return self._log.figures()

    def close(self) -> None:
        """See `Log.close`."""
        self._log.close()
