"""From events to the index: who, what and which thing are numbers, and each has the list of its positions.

A name is an actor, a type of event, an experiment, a field, a client, an address or what a mail was sent because
of; a mark says that it is about a position. A change says that a field of a stream was set there: the one
before it tells what stood in it. Field 0 of a stream has all that was done or refused to it.
"""

from collections.abc import Iterator, Sequence

from ledger.feed import Feed, FeedEvent
from projections.audit.fields import fields_of, refused_field
from projections.connection import Connection
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

_NAME = "SELECT id FROM audit_names{0} WHERE kind = ? AND name = ?"
_ADD_NAME = """INSERT INTO audit_names{0} (id, kind, name)
VALUES ((SELECT coalesce(max(id), 0) + 1 FROM audit_names{0}), ?, ?) RETURNING id"""
_STREAM = "SELECT id, experiment FROM audit_streams{0} WHERE name = ?"
_ADD_STREAM = """INSERT INTO audit_streams{0} (id, name, experiment)
VALUES ((SELECT coalesce(max(id), 0) + 1 FROM audit_streams{0}), ?, ?) RETURNING id"""
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

Name = tuple[int, str]


class AuditProjection:
    """Rows that only grow: what happened is not changed by what happens."""

    name: str = "audit"
    version: int = 2
    tables: tuple[str, ...] = ("audit_names", "audit_marks", "audit_streams", "audit_changes")

    def schema(self, suffix: str) -> str:
        """The tables of one generation."""
        return _SCHEMA.format(suffix)

    def apply(self, events: Sequence[FeedEvent], connection: Connection, suffix: str) -> None:
        """Take in events: of each the marks, and which fields of its thing it set."""
        batch = _Batch(connection, suffix)
        for event in events:
            if isinstance(event.event, Event):
                batch.take(event, event.event)
        batch.write()

    def forget(self, erased: FeedEvent, feed: Feed, connection: Connection, suffix: str) -> None:
        """Find by other names what was done to an erased thing, or refused, or was a log-in: those it has now."""
        found = connection.execute(_ABOUT.format(suffix), (erased.envelope.stream, ANYTHING, erased.position))
        positions = {position for (position,) in found}
        if kind_of(erased.envelope.stream) == "user":
            logins = connection.execute(_MARKED.format(suffix), (ACTION, LoginRefusedEvent.name, erased.position))
            positions |= {position for (position,) in logins}
        batch = _Batch(connection, suffix)
        for position in sorted(positions):
            happened = feed.at(position)
            if happened is not None and isinstance(happened.event, Event):
                connection.execute(_UNMARK.format(suffix), (position, *_PERSONAL))
                batch.mark_people(happened, happened.event)
        batch.write()
        connection.execute(_DROP_UNUSED.format(suffix), _PERSONAL)


class _Batch:
    """Rows of one batch; names and streams are looked up once."""

    def __init__(self, connection: Connection, suffix: str) -> None:
        self._connection = connection
        self._suffix = suffix
        self._names: dict[Name, int] = {}
        self._streams: dict[str, tuple[int, int]] = {}
        self._marks: list[tuple[int, int]] = []
        self._changes: list[tuple[int, int, int]] = []

    def take(self, happened: FeedEvent, event: Event) -> None:
        position = happened.position
        stream, experiment = self._stream(thing_of(happened, event), event)
        marks = [self._name(*name) for name in _names_of(happened, event)]
        if experiment:
            marks.append(experiment)
        self._changes.append((stream, ANYTHING, position))
        if not isinstance(event, CommandRefusedEvent):
            fields = [self._name(FIELD, field) for field in fields_of(event)]
            self._changes += [(stream, field, position) for field in fields]
            marks += fields
        self._marks += [(mark, position) for mark in marks]

    def mark_people(self, happened: FeedEvent, event: Event) -> None:
        names = [self._name(kind, name) for kind, name in _names_of(happened, event) if kind in _PERSONAL]
        self._marks += [(name, happened.position) for name in names]

    def write(self) -> None:
        """Sorted, so that rows go in where the last ones did."""
        self._connection.executemany(_MARK.format(self._suffix), sorted(self._marks))
        self._connection.executemany(_CHANGE.format(self._suffix), sorted(self._changes))

    def _name(self, kind: int, name: str) -> int:
        known = self._names.get((kind, name))
        if known is None:
            row = self._connection.execute(_NAME.format(self._suffix), (kind, name)).fetchone()
            known = row[0] if row else self._add(_ADD_NAME, (kind, name))
            self._names[kind, name] = known
        return known

    def _stream(self, name: str, event: Event) -> tuple[int, int]:
        """The number of a stream, and of the experiment that it is in, 0 for none."""
        known = self._streams.get(name)
        if known is None:
            known = self._connection.execute(_STREAM.format(self._suffix), (name,)).fetchone()
        if known is None:
            began = self._name(EXPERIMENT, event.experiment) if isinstance(event, RunStartedEvent) else 0
            known = (self._add(_ADD_STREAM, (name, began)), began)
        self._streams[name] = known
        return known

    def _add(self, statement: str, values: tuple[object, ...]) -> int:
        return int(self._connection.execute(statement.format(self._suffix), values).fetchone()[0])


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
    if event.address is not None:
        yield ADDRESS, readable(event.address)
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
