"""The values log, on both kinds of log: a point is there once, whatever is sent again and by whomever."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger.application.values import Values
from ledger.commands import ChangeStatus, StartRun
from ledger.errors import (
    BadValueError,
    ConflictError,
    InvalidNameError,
    LimitExceededError,
    NewerHistoryError,
    RunNotFoundError,
)
from ledger.logs.log import chain, prev_of
from schemas.events import RunLoggedEvent, RunStatusChangedEvent
from schemas.limits import Limits
from schemas.records import Envelope
from schemas.registry import decode
from schemas.statuses import RunStatus
from schemas.streams import VALUES, values_stream
from tests.ledger.conftest import CALLER, Open, Parts, now


def values_of(parts: Parts, **limits: int) -> Values:
    return Values(parts.values, parts.control, parts.database, now=now, limits=Limits(**limits))


def batch(first: int, last: int, writer: str = "w", name: str = "loss", **more: Any) -> RunLoggedEvent:
    indices = list(range(first, last + 1))
    series = {"name": name, "kind": "scalar", "index": indices, "times": indices, "values": [n / 2 for n in indices]}
    return RunLoggedEvent.model_validate({"writer": writer, "first": first, "last": last, "series": [series | more]})


def logged(parts: Parts, writer: str = "w") -> list[int]:
    found = []
    for recorded in parts.database.stream_events(values_stream("r", writer), log=VALUES):
        event = decode(recorded.envelope.type, recorded.envelope.value)
        assert isinstance(event, RunLoggedEvent)
        found += [index for series in event.series for index in series.index]
    return found


@pytest.fixture
def run(parts: Parts) -> Parts:
    parts.ledger().handle(StartRun(run_id="r", experiment="e"), CALLER)
    return parts


def test_what_is_sent_again_is_there_once(run: Parts) -> None:
    values = values_of(run)
    first = values.append("r", batch(1, 10), None, CALLER)
    second = values.append("r", batch(11, 20), None, CALLER)
    assert second > first
    assert values.append("r", batch(1, 10), None, CALLER) == second
    assert values.append("r", batch(5, 20), None, CALLER) == second
    values.append("r", batch(15, 25), None, CALLER)
    assert logged(run) == list(range(1, 26))
    assert values.shipped("r", "w") == 25


def test_a_gap_is_refused(run: Parts) -> None:
    values = values_of(run)
    values.append("r", batch(1, 10), None, CALLER)
    with pytest.raises(ConflictError, match="send from 11 on"):
        values.append("r", batch(12, 20), None, CALLER)
    assert logged(run) == list(range(1, 11))


def test_two_servers_may_ship_the_same_journal_at_once(open_parts: Open) -> None:
    first, second = open_parts(), open_parts()
    first.ledger().handle(StartRun(run_id="r", experiment="e"), CALLER)
    batches = [batch(start, start + 6) for start in range(1, 200, 7)]

    def ship(parts: Parts) -> None:
        values = values_of(parts)
        for each in batches:
            values.append("r", each, None, CALLER)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ship, (first, second)))
    for parts in (first, second):
        parts.values.catch_up()
        assert logged(parts) == list(range(1, batches[-1].last + 1))


def test_another_writer_has_indices_of_its_own(run: Parts) -> None:
    values = values_of(run)
    values.append("r", batch(1, 3, "a"), None, CALLER)
    values.append("r", batch(1, 2, "b"), None, CALLER)
    assert (logged(run, "a"), logged(run, "b")) == ([1, 2, 3], [1, 2])


def test_a_run_that_is_not_there_takes_no_values(run: Parts) -> None:
    values = values_of(run)
    with pytest.raises(RunNotFoundError):
        values.append("other", batch(1, 3), None, CALLER)
    with pytest.raises(InvalidNameError):
        values.append("a b", batch(1, 3), None, CALLER)
    assert values.shipped("other", "w") == 0


def test_a_batch_is_bounded(run: Parts) -> None:
    values = values_of(run, points_per_batch=5, metric_name_length=4, columns=1)
    with pytest.raises(LimitExceededError, match="split it"):
        values.append("r", batch(1, 11), None, CALLER)
    with pytest.raises(BadValueError, match="metric name"):
        values.append("r", batch(1, 2, name="too long"), None, CALLER)
    with pytest.raises(LimitExceededError, match="columns"):
        values.append("r", batch(1, 1, kind="row", values=None, columns={"a": [1], "b": [2]}), None, CALLER)


def test_the_end_of_a_run_seals_what_was_logged(run: Parts) -> None:
    values = values_of(run)
    values.append("r", batch(1, 3, "a"), None, CALLER)
    values.append("r", batch(1, 2, "b", name="acc"), None, CALLER)
    values.append("r", batch(4, 6, "a"), None, CALLER)
    ledger = run.ledger(seal=values.seal)
    ledger.handle(ChangeStatus(run_id="r", status=RunStatus.COMPLETED), CALLER)
    last = run.database.latest_events(1)[0].envelope
    event = decode(last.type, last.value)
    assert isinstance(event, RunStatusChangedEvent)
    assert event.seal is not None
    assert [(each.writer, each.last, each.seq) for each in event.seal.writers] == [("a", 6, 2), ("b", 2, 1)]
    assert event.seal.last_values == {"loss": 3.0, "acc": 1.0}
    heads = run.database.heads_of("values:r:")
    assert [each.hash for each in event.seal.writers] == [head.hash.hex() for head in heads.values()]


def test_values_of_a_newer_version_are_neither_followed_nor_sealed(run: Parts) -> None:
    values = values_of(run)
    values.append("r", batch(1, 2), None, CALLER)
    stream = values_stream("r", "w")
    head = run.database.head(stream)
    event = Envelope(
        stream, 2, prev_of(head), "id", "//s", "runledger.run.logged.v2", "2026-11-23T10:00:00Z", "a", b"{}"
    )
    run.values.append(chain(run.values.id, [event]))

    with pytest.raises(NewerHistoryError, match="values:r:w holds an event that a newer version"):
        values.append("r", batch(3, 4), None, CALLER)
    with pytest.raises(NewerHistoryError):
        values.seal("r")
