"""Metrics as of a time: what was answered when the values log had got so far."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidNameError
from ledger.logs.sqlite import open_sqlite_log
from ledger.metrics import SeriesQuery
from ledger.store.database import Database
from projections.metrics import as_of
from projections.metrics.queries import Metrics
from projections.sqlite.view import SqliteView
from schemas.events.values import Series
from tests.projections.metrics.conftest import RUN, Opened, scalars
from tests.projections.metrics.test_against_model import series

told = st.tuples(st.integers(0, 2), st.sampled_from(["w1", "w2"]), st.lists(series(), max_size=3))


class Clock:
    """A time that moves on when it is told to."""

    seconds = 0

    def __call__(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


@contextmanager
def opened(clock: Clock) -> Iterator[Opened]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(Path(folder) / "ledger.db", durable=False)) as database,
        closing(SqliteView(Path(folder) / "views.db")) as view,
    ):
        log = open_sqlite_log(database, "values", source="//host", actor="maria", now=clock)
        yield Opened(database, log, view, Metrics(database, view))


def answers(opened: Opened, moment: str | None) -> tuple[object, ...]:
    query = SeriesQuery(run_id=RUN, as_of=moment)
    found = opened.metrics
    return (list(found.summaries(RUN, as_of=moment)), list(found.series(query)), list(found.thinned(query, buckets=3)))


@given(st.lists(told, min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_metrics_as_of_a_time_are_those_that_were_answered_then(
    batches: list[tuple[int, str, list[Series]]],
) -> None:
    clock = Clock()
    with opened(clock) as metrics:
        answered: dict[str, str] = {}
        for later, writer, brought in batches:
            clock.seconds += later
            metrics.log_series(*brought, writer=writer)
            # What is recorded in one moment is there together.
            answered[clock().isoformat()] = repr(answers(metrics, None))
        for then, expected in answered.items():
            assert repr(answers(metrics, then)) == expected
        assert answers(metrics, "2020-01-01") == ([], [], [])
        assert repr(answers(metrics, clock().isoformat())) == repr(answers(metrics, None))


def test_what_is_no_moment_is_refused() -> None:
    with opened(Clock()) as metrics, pytest.raises(InvalidNameError, match="no moment of the ledger"):
        metrics.metrics.summaries(RUN, as_of="yesterday evening")


def test_of_one_run_and_moment_values_are_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, made = Clock(), list[str]()
    make = as_of._made

    def noted(database: Database, run_id: str, streams: Sequence[str], time: int) -> sqlite3.Connection:
        made.append(run_id)
        return make(database, run_id, streams, time)

    with opened(clock) as metrics:
        metrics.log_series(scalars("loss", [0.5]), writer="w1")
        then = clock().isoformat()
        monkeypatch.setattr(as_of, "_made", noted)
        first = repr(answers(metrics, then))
        assert made == [RUN]
        with metrics.metrics._then._lock:
            assert repr(answers(metrics, then)) == first
        assert len(made) == 4
        # Recorded in the same millisecond: it counts.
        metrics.log_series(scalars("loss", [0.25]), writer="w2")
        assert "0.25" in repr(answers(metrics, then))
