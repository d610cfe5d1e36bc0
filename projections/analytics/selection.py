"""What of a ledger is replayed: from when, of which experiment, and up to where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import NotFoundError
from ledger.store.database import Database
from ledger.store.tables import place_of
from schemas.streams import CONTROL, VALUES, LogName

LOGS: tuple[LogName, ...] = (CONTROL, VALUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Moments are `recorded_at` in epoch milliseconds.

    Of the history: from `since` on, before `until`, of one experiment. `as_of` is a position: that event is the
    last. `as_of_moment` is the last moment. Tables of what is latest are as of the last event that is read.
    """

    since: int | None = None
    until: int | None = None
    experiment: str | None = None
    as_of: int | None = None
    as_of_moment: int | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """Places of one partition: the first, and the one behind the last."""

    begin: int
    beyond: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of each partition of each log; `whole` if no event behind them is left out."""

    ranges: Mapping[LogName, Sequence[Range]]
    whole: bool

    @property
    def position(self) -> int:
        """The last position of the control log that is read."""
        return self.ranges[CONTROL][0].beyond - 1


def bounds_of(database: Database, selection: Selection) -> Bounds:
    """Where to begin and to end, as the ledger is now.

    Raises:
        NotFoundError: there is no position `as_of` yet.
    """
    # Values first: then every run that has some is among the events.
    partitions = {name: identity.partitions for name, identity in database.identities().items()}
    ends = {
        log: [place_of(number, database.progress(log, number).next_offset) for number in range(partitions.get(log, 0))]
        for log in reversed(LOGS)
    }
    last = _last_moment(database, selection)
    found = {
        log: [_range(database, log, each, end, selection, last) for each, end in enumerate(ends[log])] for log in LOGS
    }
    if selection.as_of is not None:
        control = found[CONTROL][0]
        found[CONTROL] = [Range(control.begin, min(control.beyond, selection.as_of + 1))]
    return Bounds(found, whole=found[CONTROL][0].beyond == ends[CONTROL][0])


def _range(database: Database, log: LogName, partition: int, end: int, selection: Selection, last: int | None) -> Range:
    # The genesis at place 0 is no event of anybody's.
    begin = place_of(partition, 0) or 1
    if selection.since is not None:
        begin = max(begin, database.place_since(log, selection.since, partition))
    beyond = end if last is None else min(end, database.place_since(log, last, partition))
    return Range(begin, max(beyond, begin))


def _last_moment(database: Database, selection: Selection) -> int | None:
    """The moment at which nothing is read any more; None if all is read."""
    found = [selection.until] if selection.until is not None else []
    if selection.as_of_moment is not None:
        found.append(selection.as_of_moment + 1)
    if selection.as_of is not None:
        found.append(_recorded_at(database, selection.as_of) + 1)
    return min(found, default=None)


def _recorded_at(database: Database, position: int) -> int:
    end = database.progress(CONTROL).next_offset
    if not 0 < position < end:
        raise NotFoundError(f"there is no position {position} yet: the ledger here ends at {end - 1}")
    before = database.events_before(position + 1, limit=1)
    return before[0].recorded_at if before else 0
