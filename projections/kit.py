"""A kit for testing projections: given events, then rows (docs/projections.md)."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.feed import Feed, FeedEvent
from projections.projection import Projection
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from schemas.events import Event, OpaqueEvent
from schemas.records import Envelope
from schemas.streams import run_stream

Rows = dict[str, list[dict[str, Any]]]
"""The rows of each table of a projection, in the order of their columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of a stream; `at` is ISO 8601, UTC unless it names a zone, of both the writer's claim and the record."""

    stream: str
    event: Event
    at: str
    actor: str = "somebody"


def of_run(run_id: str, event: Event, at: str, actor: str = "somebody") -> Happened:
    """An event of a run."""
    return Happened(stream=run_stream(run_id), event=event, at=at, actor=actor)


def rows_of(projection: Projection, *happened: Happened) -> Rows:
    """What the tables hold after these events.

    Raises:
        AssertionError: the rows depend on how the events are cut into batches, which a replay does otherwise
            than a live reader; or the projection does not bear an event that it does not know.
    """
    events = _events(happened)
    at_once = _projected(projection, events, batch=len(events) + 1)
    one_by_one = _projected(projection, events, batch=1)
    if at_once != one_by_one:
        raise AssertionError(f"all at once gives {at_once}, one by one gives {one_by_one}")
    return at_once


class _Given(Feed):
    """A feed of the events that are given."""

    def __init__(self, events: Sequence[FeedEvent]) -> None:
        self.log_id = "00000000-0000-0000-0000-000000000000"
        self._events = events

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        return list(self._events[position : position + limit])

    def last_position(self) -> int:
        return len(self._events)


def _projected(projection: Projection, events: Sequence[FeedEvent], batch: int) -> Rows:
    with tempfile.TemporaryDirectory() as folder, closing(SqliteView(Path(folder) / "view.db")) as view:
        catch_up(view, projection, _Given(events), batch=batch)
        return {table: _rows(view, table) for table in projection.tables}


def _rows(view: SqliteView, table: str) -> list[dict[str, Any]]:
    found = view.reading().execute(f"SELECT * FROM {table}")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in sorted(found, key=repr)]


def _events(happened: Sequence[Happened]) -> list[FeedEvent]:
    seqs: dict[str, int] = {}
    found = []
    for position, each in enumerate(happened, 1):
        seqs[each.stream] = seq = seqs.get(each.stream, 0) + 1
        found.append(_event(position, seq, each))
    # What a later version of runledger might write, so that every projection passes over it.
    unknown = found[-1]._replace(position=len(found) + 1, event=OpaqueEvent("x.v9", b"", "unknown")) if found else None
    return [*found, unknown] if unknown else []


def _event(position: int, seq: int, each: Happened) -> FeedEvent:
    moment = datetime.fromisoformat(each.at)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    envelope = Envelope(
        stream=each.stream,
        seq=seq,
        prev="" if seq == 1 else "0" * 64,
        id=f"event-{position}",
        source="//kit",
        type=each.event.type_name(),
        time=f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z",
        actor=each.actor,
        value=each.event.to_value(),
    )
    record_hash = sha256(repr(envelope).encode()).digest()
    return FeedEvent(position, int(moment.timestamp() * 1_000), record_hash, envelope, each.event)
