"""Who was heard of, and when this reader read it: a fold over the presence records of all servers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.events import PresenceReportedEvent

LONG_AGO = float("-inf")


class Silence(NamedTuple):
    """How long nothing was heard of a run, in seconds of uninterrupted reading.

    `expected` if a writer is left that did not say farewell, `again` if something was heard since
    the run's present status was noticed; `last` is when the log recorded the last, in epoch milliseconds.
    """

    seconds: float
    expected: bool
    again: bool
    last: int


@dataclass(slots=True)
class _Presence:
    heard_at: float = LONG_AGO
    last: int = 0
    left: dict[str, bool] = field(default_factory=dict)
    noticed: tuple[int, float] = (-1, LONG_AGO)


class Roll:
    """Of each run its writers. Times are of the reader's own clock: no clock of anybody else is compared with it.

    A record is read after it was recorded, so no silence is taken for longer than it was.
    """

    def __init__(self) -> None:
        """Nobody was heard of."""
        self._runs: dict[str, _Presence] = {}

    def take(self, event: PresenceReportedEvent, recorded_at: int, at: float) -> None:
        """Take in a record that was read `at` this time; `LONG_AGO` if it tells nothing of now."""
        for writer in event.writers:
            found = self._runs.setdefault(writer.run_id, _Presence())
            found.heard_at = max(found.heard_at, at)
            found.last = max(found.last, recorded_at)
            # Who left does not come back: what another server heard before may be written later.
            found.left[writer.writer] = found.left.get(writer.writer, False) or writer.left

    def notice(self, run_id: str, since: int, at: float) -> None:
        """Take note of the position of a run's last change of status, at the time when it is first seen."""
        found = self._runs[run_id]
        if found.noticed[0] != since:
            found.noticed = (since, at)

    def silence(self, run_id: str, now: float, listening_since: float) -> Silence:
        """How long nothing was heard of a run that is on the roll."""
        found = self._runs[run_id]
        return Silence(
            now - max(found.heard_at, listening_since),
            not all(found.left.values()),
            LONG_AGO < found.noticed[1] <= found.heard_at,
            found.last,
        )

    def forget(self, run_id: str) -> None:
        """Take a run off the roll."""
        self._runs.pop(run_id, None)

    def __iter__(self) -> Iterator[str]:
        """The runs on the roll, as they are now."""
        return iter(list(self._runs))

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self._runs)
