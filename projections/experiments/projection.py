"""From events to rows of the table of experiments."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json

from ledger.feed import FeedEvent
from projections.connection import Connection, Document
from projections.projection import Changes, many, write
from projections.remembered import forget_oldest
from projections.runs.state import moment
from schemas.events import (
    ExperimentArchivedEvent,
    ExperimentCreatedEvent,
    ExperimentDeletedEvent,
    ExperimentDescribedEvent,
    ExperimentReactivatedEvent,
    ExperimentTaggedEvent,
    ExperimentUntaggedEvent,
    RunStartedEvent,
    readable,
)
from schemas.streams import run_stream

ExperimentState = dict[str, Any]

_KEPT = 10_000
_STREAM, _RUN = "experiment:", run_stream("")
_SCHEMA = """CREATE TABLE experiment_documents{0} (
    experiment_id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX experiment_documents{0}_name ON experiment_documents{0} (name)"""
_SELECT = "SELECT state FROM experiment_documents{0} WHERE experiment_id = ?"
_UPSERT = """INSERT INTO experiment_documents{0} (experiment_id, name, state) VALUES (?, ?, ?)
ON CONFLICT (experiment_id) DO UPDATE SET name = excluded.name, state = excluded.state"""


class ExperimentsProjection:
    """A row an experiment; a run that is there proves that its experiment is."""

    name: str = "experiments"
    version: int = 1
    tables: tuple[str, ...] = ("experiment_documents",)

    def schema(self, suffix: str) -> str:
        """The table of one generation."""
        return _SCHEMA.format(suffix)

    def fold(self, suffix: str) -> "ExperimentsFold":
        """A fold of one generation of the table."""
        return ExperimentsFold(suffix)

    def apply(self, events: Sequence[FeedEvent], connection: Connection, suffix: str) -> None:
        """Take in events: each experiment that they touch is read once and written once."""
        write(ExperimentsFold(suffix).take(events, connection), connection)


class ExperimentsFold:
    """Remembers experiments."""

    def __init__(self, suffix: str) -> None:
        """Of one generation of the table."""
        self._suffix = suffix
        self._states: dict[str, ExperimentState] = {}

    def take(self, events: Sequence[FeedEvent], connection: Connection) -> Changes:
        """Each experiment that events touch is read once, if it is not remembered, and written once."""
        states = self._states
        touched: set[str] = set()
        for event in events:
            key = _experiment_of(event)
            if key is None:
                continue
            if key not in states:
                row = connection.execute(_SELECT.format(self._suffix), (key,)).fetchone()
                states[key] = from_json(row[0]) if row else {}
            if apply_event(states[key], event):
                touched.add(key)
        rows = [(key, states[key]["name"], Document(to_json(states[key]).decode())) for key in sorted(touched)]
        forget_oldest(states, _KEPT)
        return [many(_UPSERT.format(self._suffix), rows)]


def apply_event(state: ExperimentState, happened: FeedEvent) -> bool:
    """Change the state by an event of any order and content, and tell whether it did; it never raises."""
    event = happened.event
    if isinstance(event, RunStartedEvent):
        if state and not state["deleted"]:
            return False
        _begin(state, happened, event.experiment)
        return True
    if not state:
        _begin(state, happened, "")
    match event:
        case ExperimentCreatedEvent():
            if state["deleted"] or not state["name"]:
                _begin(state, happened, event.experiment)
        case ExperimentTaggedEvent():
            state["tags"][event.key] = readable(event.value)
        case ExperimentUntaggedEvent():
            state["tags"].pop(event.key, None)
        case ExperimentDescribedEvent():
            state["description"] = readable(event.description)
        case ExperimentArchivedEvent():
            state["archived"] = moment(happened)
        case ExperimentReactivatedEvent():
            state["archived"] = None
        case ExperimentDeletedEvent():
            state["deleted"] = True
        case _:
            return bool(state)
    return True


def _experiment_of(event: FeedEvent) -> str | None:
    stream = event.envelope.stream
    if isinstance(event.event, RunStartedEvent) and stream.startswith(_RUN):
        return event.event.experiment_id
    return stream.removeprefix(_STREAM) if stream.startswith(_STREAM) else None


def _begin(state: ExperimentState, happened: FeedEvent, name: str) -> None:
    state |= {
        "name": name,
        "created": moment(happened),
        "created_by": happened.envelope.actor,
        "description": None,
        "tags": {},
        "archived": None,
        "deleted": False,
    }
