"""The list of runs as it was at a position.

A run of which nothing happened behind the position is today what it was then: it is found in the tables
of today. The others are folded anew from their events up to the position, and put into tables of their
own in memory, with what the question looks at. Both are asked alike, and their pages are one page.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from pydantic_core import from_json

from ledger.errors import LimitExceededError
from ledger.queries import RunQuery
from projections.connection import Connection
from projections.runs import tables
from projections.runs.attributes import Attribute, attributes_of
from projections.runs.changed import Changed, There, changed_since, there_at
from projections.runs.conditions import COUNTED, Condition
from projections.runs.folded import Fold, Folded
from projections.runs.matching import Source
from projections.runs.values import Value, values_of
from projections.runs.wanted import Wanted, wanted_by
from projections.runs.words import words_of
from projections.sql import Sql
from projections.sqlite.connection import SqliteConnection, in_memory

CHANGED_RUNS = 50_000
"""The most runs that are made anew for an answer."""

_SUFFIX = "_then"
_CHECKPOINT = "CREATE TABLE checkpoints AS SELECT 'runs' AS projection, 'then' AS generation, 0 AS building"


class Past:
    """Answers from several positions; threads may share it."""

    def __init__(self, fold: Fold) -> None:
        """Have what has changed since made anew by `fold`."""
        self._fold = fold

    @contextmanager
    def sources(self, connection: Connection, position: int, query: RunQuery) -> Iterator[list[Source]]:
        """Where the runs are found that were there at a position, as they were, for a question.

        Raises:
            LimitExceededError: too many of them have changed since.
        """
        there = there_at(connection, position)
        if there is None:
            yield []
            return
        changed = changed_since(connection, position, CHANGED_RUNS + 1)
        if len(changed) > CHANGED_RUNS:
            raise too_many(position)
        today = Source(connection, limits=[_unchanged(connection, changed), *_limits(there)])
        if not changed:
            yield [today]
            return
        folded = self._fold(position, [each.run_id for each in changed])
        with closing(_tables(changed, folded, wanted_by(query))) as memory:
            yield [today, Source(memory, has_facets=False)]


def too_many(position: int) -> LimitExceededError:
    """What is said of a position behind which more runs have changed than are made anew."""
    return LimitExceededError(
        f"more than {CHANGED_RUNS:,} runs have changed since position {position}: "
        "ask for a later one, or for one run as of it"
    )


def _limits(there: There) -> list[Condition]:
    way = Sql("runs a WHERE a.run <= ?", [there.last])
    begun = Condition(Sql("a.run <= ?", [there.last]), [way], count=min(there.last, COUNTED))
    # Along the usual order, runs that began later are not even looked at.
    return [begun, Condition(Sql("a.created <= ?", [there.latest]), narrows=True)]


def _unchanged(connection: Connection, changed: Sequence[Changed]) -> Condition:
    if not changed:
        return Condition(Sql("true"))
    return Condition(Sql("NOT ") + connection.dialect.among("a.run", [each.run for each in changed]))


def _tables(changed: Sequence[Changed], folded: Mapping[str, Folded], wanted: Wanted) -> SqliteConnection:
    """Tables in memory with these runs as they were, and of each what is wanted."""
    memory = _empty(wanted)
    rows = _Rows(wanted)
    for each in changed:
        if each.run_id in folded:
            rows.take(each, folded[each.run_id])
    memory.execute("BEGIN")
    rows.write(memory)
    memory.execute("COMMIT")
    return memory


def _empty(wanted: Wanted) -> SqliteConnection:
    memory = in_memory()
    memory.execute(_CHECKPOINT)
    for statement in tables.schema(_SUFFIX).split(";"):
        # A table of words takes a while to make, and who searches for none never looks at it.
        if wanted.words or "VIRTUAL" not in statement:
            memory.execute(statement)
    for table in tables.TABLES:
        memory.execute(f"CREATE VIEW {table} AS SELECT * FROM {table}{_SUFFIX}")
    return memory


class _Rows:
    """The rows of some runs, as the projection would write them."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._runs: list[tuple[object, ...]] = []
        self._facts: list[tuple[int, int, int]] = []
        self._values: list[tuple[int, str, Value, int]] = []
        self._words: list[tuple[int, str]] = []
        self._numbers: dict[Attribute, int] = {}

    def take(self, each: Changed, then: Folded) -> None:
        state, created = from_json(then.state), then.created
        # A run's number in its experiment is given once: when an event names the experiment.
        number = each.number if then.is_named else 0
        self._runs.append((each.run, each.run_id, created, number, 0, 0, None, 0, then.state))
        for fact in attributes_of(state):
            if fact[:2] in self._wanted.facts:
                self._facts.append((self._numbers.setdefault(fact, len(self._numbers) + 1), created, each.run))
        if self._wanted.values:
            values = values_of(each.run_id, state) | then.metrics
            self._values += [(each.run, name, values[name], created) for name in self._wanted.values if name in values]
        if self._wanted.words:
            self._words.append((each.run, words_of(each.run_id, state)))

    def write(self, memory: SqliteConnection) -> None:
        """Into tables that are empty."""
        dialect, facts = memory.dialect, [(number, *fact) for fact, number in self._numbers.items()]
        memory.executemany(tables.UPSERT_RUN.format(_SUFFIX), self._runs)
        memory.executemany(tables.INSERT_ATTRIBUTE.format(_SUFFIX), facts)
        memory.executemany(tables.INSERT_RUN_ATTRIBUTE.format(_SUFFIX), sorted(self._facts))
        dialect.put_values(memory, _SUFFIX, self._values)
        if self._words:
            dialect.put_words(memory, _SUFFIX, self._words)
