"""From events to the index: who, what and which thing are numbers, and each has the list of its positions.

A name is an actor, a type of event, an experiment, a field, a client, an address or what a mail was sent because
of; a mark says that it is about a position. A change says that a field of a stream was set there: the one
before it tells what stood in it. Field 0 of a stream has all that was done or refused to it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from ledger.feed import Feed, FeedEvent
from projections.audit.fields import came_from, fields_of, refused_field
from projections.connection import Connection
from projections.projection import Changes, many, write
from projections.remembered import among, forget_oldest
from schemas.events import (
    CommandRefusedEvent,
    Event,
    LoginRefusedEvent,
    NotificationsClaimedEvent,
    NotificationsSettledEvent,
    RunStartedEvent,
    readable,
)
from schemas.streams import kind_of

ACTOR, ACTION, EXPERIMENT, FIELD, BECAUSE, NOTIFICATION, KIND, REFUSED, CLIENT, ADDRESS = range(10)
"""What a name is of. Of what was refused there is one name, the empty one."""

_PERSONAL = (ACTOR, ADDRESS)
"""What may be a personal text."""

ANYTHING = 0
"""The field of a stream that every event of it sets."""

_SCHEMA = """CREATE TABLE audit_names{0} (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name)
);
CREATE TABLE audit_marks{0} (name INTEGER, position INTEGER, PRIMARY KEY (name, position)) WITHOUT ROWID;
CREATE TABLE audit_streams{0} (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, experiment INTEGER NOT NULL
);
CREATE TABLE audit_changes{0} (
    stream INTEGER, field INTEGER, position INTEGER, PRIMARY KEY (stream, field, position)
) WITHOUT ROWID"""

_LAST = "SELECT (SELECT coalesce(max(id), 0) FROM audit_names{0}), (SELECT coalesce(max(id), 0) FROM audit_streams{0})"
_NAME = "SELECT id FROM audit_names{0} WHERE kind = ? AND name = ?"
_ADD_NAME = "INSERT INTO audit_names{0} (id, kind, name) VALUES (?, ?, ?)"
_STREAMS = "SELECT name, id, experiment FROM audit_streams{0} WHERE name IN ({values})"
_ADD_STREAM = "INSERT INTO audit_streams{0} (id, name, experiment) VALUES (?, ?, ?)"
_MARK = "INSERT INTO audit_marks{0} VALUES (?, ?) ON CONFLICT DO NOTHING"
_CHANGE = "INSERT INTO audit_changes{0} VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

_ABOUT = """
SELECT c.position FROM audit_streams{0} s JOIN audit_changes{0} c ON c.stream = s.id
WHERE s.name = ? AND c.field = ? AND c.position <= ?"""
_MARKED = """
SELECT m.position FROM audit_names{0} n JOIN audit_marks{0} m ON m.name = n.id
WHERE n.kind = ? AND n.name = ? AND m.position <= ?"""
_UNMARK = """
DELETE FROM audit_marks{0} WHERE position = ? AND name IN (SELECT id FROM audit_names{0} WHERE kind IN (?, ?))"""
_DROP_UNUSED = """
DELETE FROM audit_names{0} WHERE kind IN (?, ?)
AND NOT EXISTS (SELECT 1 FROM audit_marks{0} m WHERE m.name = audit_names{0}.id)"""

# A stream or a name has about a quarter of a kB here: 20 MB in all.
_STREAMS_KEPT, _NAMES_KEPT = 20_000, 50_000

# Events that are found by names of what they tell.
_TELLING = frozenset({CommandRefusedEvent, LoginRefusedEvent, NotificationsClaimedEvent, NotificationsSettledEvent})

Name = tuple[int, str]
_Alike = tuple[str, type[Event], str, str | None]


class AuditProjection:
    """Rows that only grow: what happened is not changed by what happens."""

    name: str = "audit"
    version: int = 2
    tables: tuple[str, ...] = ("audit_names", "audit_marks", "audit_streams", "audit_changes")

    def schema(self, suffix: str) -> str:
        """The tables of one generation."""
        return _SCHEMA.format(suffix)

    def fold(self, suffix: str) -> "AuditFold":
        """A fold of one generation of the tables."""
        return AuditFold(suffix)

    def apply(self, events: Sequence[FeedEvent], connection: Connection, suffix: str) -> None:
        """Take in events: of each the marks, and which fields of its thing it set."""
        write(AuditFold(suffix).take(events, connection), connection)

    def forget(self, erased: FeedEvent, feed: Feed, connection: Connection, suffix: str) -> None:
        """Find by other names what was done to an erased thing, or refused, or was a log-in: those it has now."""
        found = connection.execute(_ABOUT.format(suffix), (erased.envelope.stream, ANYTHING, erased.position))
        positions = {position for (position,) in found}
        if kind_of(erased.envelope.stream) == "user":
            logins = connection.execute(_MARKED.format(suffix), (ACTION, LoginRefusedEvent.name, erased.position))
            positions |= {position for (position,) in logins}
        happened = [each for position in sorted(positions) if (each := feed.at(position)) is not None]
        connection.executemany(_UNMARK.format(suffix), [(each.position, *_PERSONAL) for each in happened])
        write(AuditFold(suffix).mark_people(happened, connection), connection)
        connection.execute(_DROP_UNUSED.format(suffix), _PERSONAL)


class AuditFold:
    """Remembers the numbers of names and streams."""

    def __init__(self, suffix: str) -> None:
        """Of one generation of the tables."""
        self._suffix = suffix
        self._last: list[int] = []
        self._names: dict[Name, int] = {}
        self._streams: dict[str, tuple[int, int]] = {}
        self._alike: dict[_Alike, list[int]] = {}

    def take(self, events: Sequence[FeedEvent], connection: Connection) -> Changes:
        """Of each event the marks, and which fields of its thing it set."""
        batch = self._batch(connection)
        known = [(event, event.event) for event in events if isinstance(event.event, Event)]
        batch.load({thing_of(*each) for each in known})
        for happened, event in known:
            batch.take(happened, event)
        forget_oldest(self._names, _NAMES_KEPT)
        forget_oldest(self._streams, _STREAMS_KEPT)
        forget_oldest(self._alike, _NAMES_KEPT)
        return batch.changes()

    def mark_people(self, events: Sequence[FeedEvent], connection: Connection) -> Changes:
        """Of each event the marks of people: who did it, and from where."""
        batch = self._batch(connection)
        for happened in events:
            if isinstance(happened.event, Event):
                batch.mark_people(happened, happened.event)
        return batch.changes()

    def _batch(self, connection: Connection) -> "_Batch":
        self._last = self._last or list(connection.execute(_LAST.format(self._suffix)).fetchone())
        return _Batch(connection, self._suffix, self._names, self._streams, self._alike, self._last)


class _Batch:
    """Rows of one batch; it adds to what the fold remembers."""

    def __init__(
        self,
        connection: Connection,
        suffix: str,
        names: dict[Name, int],
        streams: dict[str, tuple[int, int]],
        alike: dict[_Alike, list[int]],
        last: list[int],
    ) -> None:
        self._connection, self._suffix = connection, suffix
        self._names, self._streams, self._alike, self._last = names, streams, alike, last
        self._new_names: list[tuple[int, int, str]] = []
        self._new_streams: list[tuple[int, str, int]] = []
        self._marks: defaultdict[int, list[int]] = defaultdict(list)
        self._changes: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)

    def load(self, streams: Collection[str]) -> None:
        """Read the streams that are not remembered."""
        select = _STREAMS.format(self._suffix, values="{values}")
        unknown = [(stream,) for stream in streams if stream not in self._streams]
        for name, number, experiment in among(self._connection, select, "?", unknown):
            self._streams[name] = (number, experiment)

    def take(self, happened: FeedEvent, event: Event) -> None:
        position = happened.position
        thing = thing_of(happened, event)
        stream, experiment = self._stream(thing, event)
        marks = set(self._common(happened, event, kind_of(thing)))
        if experiment:
            marks.add(experiment)
        changes = self._changes[stream]
        changes.append((ANYTHING, position))
        if type(event) is not CommandRefusedEvent:
            for field in fields_of(event):
                number = self._name(FIELD, field)
                changes.append((number, position))
                marks.add(number)
        for mark in marks:
            self._marks[mark].append(position)

    def mark_people(self, happened: FeedEvent, event: Event) -> None:
        for mark in {self._name(kind, name) for kind, name in _names_of(happened, event) if kind in _PERSONAL}:
            self._marks[mark].append(happened.position)

    def _common(self, happened: FeedEvent, event: Event, kind: str) -> Collection[int]:
        """The numbers of the names that an event is found by, which are the same for most events of a type."""
        if type(event) in _TELLING or event.on_behalf_of is not None or came_from(event) is not None:
            return [self._name(*name) for name in _names_of(happened, event)]
        alike = (happened.envelope.actor, type(event), kind, event.client)
        found = self._alike.get(alike)
        if found is None:
            found = self._alike[alike] = [self._name(*name) for name in _names_of(happened, event)]
        return found

    def changes(self) -> Changes:
        """Sorted, so that rows go in where the last ones did."""
        marks = [(name, position) for name, positions in sorted(self._marks.items()) for position in positions]
        changes = [(stream, *each) for stream, found in sorted(self._changes.items()) for each in sorted(found)]
        return [
            many(_ADD_NAME.format(self._suffix), self._new_names),
            many(_ADD_STREAM.format(self._suffix), self._new_streams),
            many(_MARK.format(self._suffix), marks),
            many(_CHANGE.format(self._suffix), changes),
        ]

    def _name(self, kind: int, name: str) -> int:
        known = self._names.get((kind, name))
        if known is None:
            row = self._connection.execute(_NAME.format(self._suffix), (kind, name)).fetchone()
            known = self._names[kind, name] = row[0] if row else self._next(0)
            if row is None:
                self._new_names.append((known, kind, name))
        return known

    def _stream(self, name: str, event: Event) -> tuple[int, int]:
        """The number of a stream, and of the experiment that it is in, 0 for none."""
        known = self._streams.get(name)
        if known is None:
            began = self._name(EXPERIMENT, event.experiment) if isinstance(event, RunStartedEvent) else 0
            known = self._streams[name] = (self._next(1), began)
            self._new_streams.append((known[0], name, began))
        return known

    def _next(self, which: int) -> int:
        self._last[which] += 1
        return self._last[which]


def thing_of(happened: FeedEvent, event: Event) -> str:
    """The stream of the thing that it was done to, or that it was refused to be done to."""
    return event.stream if isinstance(event, CommandRefusedEvent) else happened.envelope.stream


def _names_of(happened: FeedEvent, event: Event) -> Iterator[Name]:
    """What an event is found by, beside its stream and fields."""
    yield ACTOR, happened.envelope.actor
    yield ACTION, event.name
    yield KIND, kind_of(thing_of(happened, event))
    if event.client is not None:
        yield CLIENT, event.client
    if (address := came_from(event)) is not None:
        yield ADDRESS, address
    match event:
        case CommandRefusedEvent():
            yield REFUSED, ""
            if (field := refused_field(event)) is not None:
                yield FIELD, field
        case LoginRefusedEvent():
            yield REFUSED, ""
            yield ACTOR, readable(event.user_name) or ""
        case NotificationsClaimedEvent():
            for claim in event.notifications:
                yield BECAUSE, str(claim.trigger)
                yield NOTIFICATION, claim.notification
        case NotificationsSettledEvent():
            for outcome in event.outcomes:
                yield NOTIFICATION, outcome.notification
        case _:
            if event.on_behalf_of is not None:
                yield ACTOR, readable(event.on_behalf_of) or ""
