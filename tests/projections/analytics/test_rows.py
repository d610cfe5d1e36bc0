"""Columns made without models say what the models of the events say, whatever was accepted."""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.feed import Feed
from projections.analytics.cells import EXACT
from projections.analytics.replay import batches
from projections.analytics.selection import Selection
from schemas.events import (
    CommandRefusedEvent,
    Event,
    ExperimentCreatedEvent,
    OpaqueEvent,
    RunLoggedEvent,
    RunStartedEvent,
    RunTaggedEvent,
    RunWarnedEvent,
)
from schemas.events.values import Series
from schemas.registry import EVENTS, decode
from schemas.streams import values_stream
from tests.projections.analytics.ledgers import NOON, Made, logged, making, tables_of
from tests.schemas.strategies import batches as logged_batches
from tests.schemas.strategies import events_of

_OF_CONTROL = [event for event in EVENTS if event is not RunLoggedEvent]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of([events_of(event) for event in _OF_CONTROL]), min_size=1, max_size=12))
def test_every_event_of_any_content_is_a_row(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder, making(Path(folder) / "ledger") as made:
        for event in events:
            made.event("run:r1", event)
        rows = _rows(made, "events")

    assert [f"runledger.{row['type']}.v{row['version']}" for row in rows] == [event.type_name() for event in events]
    for row, event in zip(rows, events, strict=True):
        shown = json.loads(event.to_value())
        concealed = event.secrets() & shown.keys()
        assert json.loads(row["payload"]) == shown | dict.fromkeys(concealed, "********")
        if isinstance(event, RunTaggedEvent):
            assert row["key"] == event.key
            if isinstance(event.value, str | None):
                assert (row["text"], row["value"]) == (event.value, None)
    experiments = [event.experiment for event in events if isinstance(event, RunStartedEvent | ExperimentCreatedEvent)]
    assert {row["experiment"] for row in rows} == {experiments[0] if experiments else None}


@settings(max_examples=40, deadline=None)
@given(logged_batches())
def test_logged_points_of_any_kind_are_rows(batch: RunLoggedEvent) -> None:
    with tempfile.TemporaryDirectory() as folder, making(Path(folder) / "ledger", partitions=1) as made:
        made.event(values_stream("r1", "w"), batch)
        rows = _rows(made, "metrics")

    expected = [cell for series in batch.series for cell in _cells(series)]
    found = [(row["metric"], row["column"], row["kind"], row["index"], row["step"], *_value(row)) for row in rows]
    assert str(found) == str(expected)
    assert {row["writer"] for row in rows} <= {batch.writer}


def _rows(made: Made, table: str) -> list[dict[str, Any]]:
    return [row for batch in batches(made.source, table, Selection()) for row in batch.to_pylist()]


def _cells(series: Series) -> list[tuple[Any, ...]]:
    columns = {None: series.values} if series.columns is None else series.columns
    return [
        (series.name, column, series.kind, index, step, *_expected(cell))
        for column, cells in columns.items()
        for index, step, cell in zip(series.index, series.steps or [None] * len(series.index), cells or [], strict=True)
    ]


def _expected(cell: Any) -> tuple[float | None, str | None]:
    match cell:
        case bool():
            return None, str(cell).lower()
        case int() if abs(cell) > EXACT:
            return (float(cell) if abs(cell) < 1 << 1_000 else math.nan), str(cell)
        case int() | float():
            return float(cell), None
        case _:
            return None, cell


def _value(row: dict[str, Any]) -> tuple[float | None, str | None]:
    return row["value"], row["text"]


_STRANGE = [
    b"",
    b"\xff\xfe",
    b"[1]",
    b"null",
    b'{"key":1,"value":{"a":[]}}',
    b'{"key":"k","value":1e999}',
    b'{"series":[{}],"writer":"w"}',
    b'{"series":7,"writer":"w"}',
    b'{"series":[{"name":"a","kind":"scalar","index":[1],"times":[1,2],"values":[1]}],"writer":"w","first":1,"last":1}',
    b'{"series":[{"name":"a","kind":"scalar","index":[1],"times":[1e3],"values":[1]}],"writer":"w","first":1,"last":1}',
    b'{"experiment":7}',
]


@pytest.mark.parametrize("value", _STRANGE)
@pytest.mark.parametrize(
    "type_", ["runledger.run.tagged.v1", "runledger.run.started.v9", "of.others", "runledger.x.v1x"]
)
def test_what_is_no_event_of_ours_is_a_row_all_the_same(made: Made, tmp_path: Path, value: bytes, type_: str) -> None:
    made.append("run:r1", type_, value, time="2026-02-30T99:00:00Z")
    made.append("run:r1", type_, value, time="2026-02-28T23:00:00.123456789Z")
    made.run("r2", at=NOON + 5)

    made.replay(tmp_path)

    first, second, *others = tables_of(tmp_path)["events"]
    assert (first["payload"] or "").encode() == value or b"\xff" in value
    assert (first["occurred_at"], second["occurred_at"].microsecond) == (None, 123_456)
    assert len(others) == 4


@pytest.mark.parametrize("value", _STRANGE)
def test_a_batch_of_values_is_skipped_if_and_only_if_the_model_cannot_read_it(
    made: Made, tmp_path: Path, value: bytes
) -> None:
    made.append(values_stream("r1", "w"), RunLoggedEvent.type_name(), value)
    made.run("r1", points=2)

    done = made.replay(tmp_path)

    assert isinstance(decode(RunLoggedEvent.type_name(), value), OpaqueEvent)
    assert done.skipped == 1
    assert [row["value"] for row in tables_of(tmp_path)["metrics"]] == [1.0, 0.5]


def test_the_points_of_a_run_name_its_experiment_and_where_they_lie(made: Made, tmp_path: Path) -> None:
    for number in range(6):
        made.run(f"r{number}", f"e{number % 2}", NOON + number)

    made.replay(tmp_path)

    rows = tables_of(tmp_path)["metrics"]
    assert {(row["run_id"], row["experiment"]) for row in rows} == {(f"r{n}", f"e{n % 2}") for n in range(6)}
    assert len({row["partition"] for row in rows}) > 1


def test_secrets_and_what_is_about_people_are_in_no_lake(made: Made, tmp_path: Path) -> None:
    secret = next(event for event in EVENTS if event.secrets())
    value = json.dumps(dict.fromkeys([*secret.secrets(), "other"], "f00d")).encode()
    made.append("other:u", secret.type_name(), value)
    made.append("other:u", secret.type_name(), b"f00d is no JSON")
    made.append("user:u", "runledger.user.added.v1", b'{"email":"f00d"}')
    made.append("refusals:s", CommandRefusedEvent.type_name(), b'{"rule":"f00d"}')

    made.replay(tmp_path)

    first, *others = tables_of(tmp_path)["events"]
    assert json.loads(first["payload"]) == dict.fromkeys(secret.secrets(), "********") | {"other": "f00d"}
    assert [row["payload"] for row in others] == [None] * 3


def test_what_is_encrypted_stays_so(made: Made, tmp_path: Path) -> None:
    made.append("run:r1", RunTaggedEvent.type_name(), b'{"key":"k","value":{"$enc":["a","b","c"]}}')
    made.append("run:r1", RunWarnedEvent.type_name(), b'{"source":"s","code":"c","message":"m","count":3}')
    made.replay(tmp_path)
    first, second = tables_of(tmp_path)["events"]
    assert (first["key"], first["text"], first["value"]) == ("k", "(encrypted)", None)
    assert (second["key"], second["text"]) == ("c", "m")


def test_runs_are_what_the_run_list_says(made: Made, tmp_path: Path) -> None:
    made.run("r1")
    made.event(values_stream("r2", "w"), logged("x", [1.0]))
    made.event("run:r2", RunStartedEvent(experiment="e", experiment_id="i", display_name="second", tags={"bare": None}))
    made.replay(tmp_path)
    first, second = tables_of(tmp_path)["runs"]
    assert (first["name"], first["ended_at"] is None, first["metrics"]) == ("r1", False, [("loss", 1 / 3)])
    assert (second["name"], second["ended_at"], second["tags"]) == ("second", None, [("bare", None)])
    assert (second["run_number"], second["duration_seconds"], second["presumed"]) == (2, None, False)
    assert isinstance(made.source.feed, Feed)
