"""What the logs hold, for who looks into them: how far they were read, what is void, and the last events."""

from dataclasses import dataclass
from typing import Any

from ledger.feed import FeedEvent, decoded
from ledger.store.database import Database
from ledger.store.fold import Void
from schemas.limits import UNSTORABLE
from schemas.streams import CONTROL, VALUES, LogName

_LOOKED_THROUGH = 100_000
_LAST = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Events before a position, those of a stream, a type and an actor, where they are named."""

    stream: str | None = None
    type_name: str | None = None
    actor: str | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, the newest first; `before` is the position to go on from, None when there is nothing more."""

    events: list[FeedEvent]
    before: int | None


class Inspection:
    """Reads ledger.db as it is."""

    def __init__(self, log_id: str, database: Database) -> None:
        """Look into the logs of this workspace; `log_id` is that of the control log."""
        self._log_id = log_id
        self._database = database

    def state(self) -> dict[str, Any]:
        """Of each log its id, how many records of each partition were read, when the last was recorded, and voids."""
        with self._database.clear_errors():
            known = self._database.identities()
            return {
                "log_id": self._log_id,
                "logs": [self._log(name, known[name].id, known[name].partitions) for name in known],
            }

    def voids(self, limit: int) -> list[tuple[LogName, Void]]:
        """The last records that are void, those of the control log first."""
        logs: tuple[LogName, ...] = (CONTROL, VALUES)
        with self._database.clear_errors():
            return [(log, found) for log in logs for found in self._database.voids(log, limit=limit, newest=True)]

    def events(self, query: EventQuery) -> EventPage:
        """A page of events; where few are found, it ends after so many positions, and the next goes on from there."""
        asked = (query.stream, query.type_name, query.actor)
        if any(UNSTORABLE.search(text) for text in asked if text):
            return EventPage([], None)
        with self._database.clear_errors():
            end = _LAST if query.before is None else query.before
            last = min(end, (self._database.last_place() or 0) + 1)
            # A stream has an index of its own; anybody else's events may lie far back.
            floor = 0 if query.stream else last - _LOOKED_THROUGH
            found = self._database.events_before(
                last,
                limit=query.limit + 1,
                floor=floor,
                stream=query.stream,
                type_name=query.type_name,
                actor=query.actor,
            )
        events = [decoded(self._database, each) for each in found[: query.limit]]
        if len(found) > query.limit:
            return EventPage(events, events[-1].position)
        return EventPage(events, floor + 1 if floor > 0 else None)

    def _log(self, name: LogName, log_id: str, partitions: int) -> dict[str, Any]:
        read = [self._database.progress(name, number) for number in range(partitions)]
        return {
            "name": name,
            "log_id": log_id,
            "partitions": [
                {"number": number, "next_offset": each.next_offset, "recorded_at": each.recorded_at}
                for number, each in enumerate(read)
            ],
            "running_hash": read[0].running.hex() if name == CONTROL else None,
            "voids": self._database.count_voids(name),
        }
