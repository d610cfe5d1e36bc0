"""Accepted events in the order of their positions, decoded: what projections and alerts read."""

from collections.abc import Container, Sequence
from typing import NamedTuple

from ledger.store.database import Database, Recorded
from schemas.events import Event, OpaqueEvent, PersonalDataErasedEvent
from schemas.records import Envelope
from schemas.streams import CONTROL, run_stream

AT_ONCE_BYTES = 16_000_000
"""About so many bytes of values are read at once: the end of a run takes up to 128 kB, most events a few hundred."""


class FeedEvent(NamedTuple):
    """An accepted event of the control log; `recorded_at` is the log's time in epoch milliseconds."""

    position: int
    recorded_at: int
    hash: bytes
    envelope: Envelope
    event: Event | OpaqueEvent


class Feed:
    """Reads ledger.db from any position on; it never waits and never writes."""

    def __init__(self, log_id: str, database: Database) -> None:
        """Read the control log that has this id."""
        self.log_id = log_id
        self._database = database

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        """Up to `limit` events behind a position, fewer where they are large; none at the end. Begin with 0."""
        with self._database.clear_errors():
            found = self._database.events_after(position, limit=limit, size=AT_ONCE_BYTES)
        return [decoded(self._database, recorded) for recorded in found]

    def skimmed(self, position: int, limit: int, types: Container[str]) -> list[FeedEvent]:
        """Up to `limit` events behind a position, for who passes over all but these types: others are opaque."""
        with self._database.clear_errors():
            found = self._database.events_after(position, limit=limit)
        return [decoded(self._database, recorded, types) for recorded in found]

    def of_types(self, types: Sequence[str], position: int, limit: int) -> list[FeedEvent]:
        """Up to `limit` events behind a position, of these types alone; of all if none is named."""
        with self._database.clear_errors():
            found = self._database.events_after(position, limit=limit, types=types)
        return [decoded(self._database, recorded) for recorded in found]

    def keys_changed(self) -> object:
        """A value that is another once personal text was erased, so that events read otherwise from then on."""
        return self._database.cipher.changed()

    def latest(self, count: int) -> list[FeedEvent]:
        """The last events, oldest first."""
        with self._database.clear_errors():
            return [decoded(self._database, recorded) for recorded in self._database.latest_events(count)]

    def last_position(self) -> int:
        """The position of the last accepted event, 0 when there is none."""
        with self._database.clear_errors():
            return self._database.last_place() or 0

    def of_run(self, run_id: str, types: Sequence[str] = ()) -> Sequence[FeedEvent]:
        """Every event of a run, or those of some types, in order; empty for a run that is not there."""
        return self.of_stream(run_stream(run_id), types=types)

    def of_runs(self, run_ids: Sequence[str], position: int) -> list[FeedEvent]:
        """Every event of some runs up to a position, in order: read at once, so not of too many runs."""
        with self._database.clear_errors():
            found = self._database.events_of([run_stream(run_id) for run_id in run_ids], upto=position)
        return [decoded(self._database, each) for each in found]

    def of_stream(self, stream: str, *, after_seq: int | None = None, types: Sequence[str] = ()) -> Sequence[FeedEvent]:
        """Every event of a stream, or those behind a number, or of some types, in order."""
        with self._database.clear_errors():
            found = self._database.stream_events(stream, after_seq=after_seq, types=types)
        return [decoded(self._database, each) for each in found]

    def last_of(self, stream: str) -> FeedEvent | None:
        """The last event of a stream; None if it has none."""
        with self._database.clear_errors():
            found = self._database.stream_events(stream, descending=True, limit=1)
        return decoded(self._database, found[0]) if found else None

    def at(self, position: int) -> FeedEvent | None:
        """The event at a position; None if there is none."""
        with self._database.clear_errors():
            found = self._database.recorded(CONTROL, position)
        return decoded(self._database, found) if found else None

    def places(self, position: int, limit: int, *, backwards: bool) -> list[int]:
        """Positions of events from one on, itself included, the genesis not; up to `limit`."""
        with self._database.clear_errors():
            return self._database.places_from(position, limit, backwards=backwards)

    def position_at(self, milliseconds: int) -> int:
        """The last position that was recorded at this time or before; 0 if none was."""
        with self._database.clear_errors():
            return self._database.place_at(milliseconds)

    def position_of(self, stream: str) -> int:
        """The position of a stream's last event, 0 if it has none."""
        last = self.last_of(stream)
        return last.position if last is not None else 0

    def first_of(self, stream: str) -> FeedEvent | None:
        """The first event of a stream; None if it has none."""
        with self._database.clear_errors():
            found = self._database.stream_events(stream, limit=1)
        return decoded(self._database, found[0]) if found else None


def decoded(database: Database, recorded: Recorded, reading: Container[str] | None = None) -> FeedEvent:
    """What was recorded as an event; of `reading`, if given, all other types are opaque and cost little."""
    envelope = recorded.envelope
    if reading is None or envelope.type in reading:
        event = database.event(envelope)
        if isinstance(event, PersonalDataErasedEvent):
            database.cipher.forget(event.keys)
    else:
        event = OpaqueEvent(envelope.type, envelope.value, "it was not to be read")
    return FeedEvent(recorded.place, recorded.recorded_at, recorded.hash, envelope, event)
