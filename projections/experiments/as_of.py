"""Experiments as they were at a position: each folded anew from its few events, its runs counted back from today."""

from collections.abc import Iterator

from ledger.errors import ExperimentNotFoundError, NotThereYetError
from ledger.feed import Feed, FeedEvent
from ledger.queries import ExperimentDocument
from projections.audit.projection import EXPERIMENT
from projections.connection import Connection
from projections.experiments.projection import ExperimentState, apply_event
from projections.experiments.queries import document
from projections.runs.counting import statuses_as_of
from projections.runs.folded import Fold
from projections.runs.state import moment
from schemas.events import OpaqueEvent, RunStartedEvent
from schemas.streams import kind_of

_SELECT = "SELECT experiment_id, name FROM experiment_documents WHERE name != '' ORDER BY name, experiment_id"
_MARKED = """SELECT m.position FROM audit_names n CROSS JOIN audit_marks m
WHERE m.name = n.id AND n.kind = ? AND n.name = ? AND m.position > ? AND m.position <= ?
ORDER BY m.position {0} LIMIT 1"""


class ExperimentsThen:
    """Answers as of one position, from the tables of today and the log."""

    def __init__(self, connection: Connection, feed: Feed, fold: Fold, position: int) -> None:
        """`fold` makes runs anew."""
        self._connection = connection
        self._feed = feed
        self._fold = fold
        self._position = position

    def all(self, name: str | None = None) -> list[ExperimentDocument]:
        """Those that were not deleted by name, or the one that is named; raises LimitExceededError."""
        known = [each for each in self._connection.execute(_SELECT).fetchall() if name in {None, each[1]}]
        states = [(key, self._state(key, each)) for key, each in known]
        found = [(key, state) for key, state in states if state and state["name"] and not state["deleted"]]
        names = [state["name"] for _, state in found]
        statuses = statuses_as_of(self._connection, self._fold, self._position, names)
        return [
            document(key, state, statuses.get(state["name"], {}), self._active(state["name"])) for key, state in found
        ]

    def one(self, name: str) -> ExperimentDocument:
        """One experiment.

        Raises:
            ExperimentNotFoundError: there was none, or it was deleted by then.
            NotThereYetError: it came later.
        """
        found = self.all(name)
        if found:
            return found[0]
        keys = [key for key, each in self._connection.execute(_SELECT).fetchall() if each == name]
        firsts = [first for key in keys for first in self._feed.of_stream(f"experiment:{key}")[:1]]
        begun = [each.position for each in firsts] + [
            position for position in [self._mark(name, 0, 1 << 62, "ASC")] if position is not None
        ]
        if begun and min(begun) > self._position:
            raise NotThereYetError("experiment", name, self._position, min(begun))
        raise ExperimentNotFoundError(name)

    def _state(self, key: str, name: str) -> ExperimentState:
        state: ExperimentState = {}
        for happened in self._events(key, name):
            apply_event(state, happened)
        return state

    def _events(self, key: str, name: str) -> Iterator[FeedEvent]:
        """Those of the experiment, and before each the first of its runs: where it was not, that proves that it is."""
        place = 0
        for happened in self._feed.of_stream(f"experiment:{key}"):
            if happened.position > self._position:
                break
            yield from self._first_run(key, name, place, happened.position)
            if not isinstance(happened.event, OpaqueEvent):
                yield happened
            place = happened.position
        yield from self._first_run(key, name, place, self._position)

    def _first_run(self, key: str, name: str, after: int, upto: int) -> Iterator[FeedEvent]:
        while (position := self._mark(name, after, upto, "ASC")) is not None:
            happened = self._feed.at(position)
            match happened and happened.event:
                case RunStartedEvent(experiment_id=found) if happened and found == key:
                    yield happened
                    return
            after = position

    def _active(self, name: str) -> int | None:
        """When the last event of its runs happened, in microseconds."""
        place = self._position
        while (position := self._mark(name, 0, place, "DESC")) is not None:
            happened = self._feed.at(position)
            if happened is not None and kind_of(happened.envelope.stream) == "run":
                return moment(happened)
            place = position - 1
        return None

    def _mark(self, name: str, after: int, upto: int, direction: str) -> int | None:
        """The first or the last position about the runs of an experiment, of those behind one up to another."""
        row = self._connection.execute(_MARKED.format(direction), (EXPERIMENT, name, after, upto)).fetchone()
        return None if row is None else int(row[0])
