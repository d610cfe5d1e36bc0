"""Acceptance: which records follow, which are void, the same for every reader."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.store.fold import Arrival, Folded, Head, Partition, Progress, fold
from schemas.records import Envelope, Record
from schemas.streams import partition_of

LOG_ID = "6f0c2b1e-8d3a-4c57-9a4e-1b2c3d4e5f60"
CONTROL = Partition("control", LOG_ID)


def envelope(stream: str, seq: int, prev: str = "", value: bytes = b"{}") -> Envelope:
    return Envelope(stream, seq, prev, f"id-{seq}", "//host", "some.type", "2026-11-23T10:00:00Z", "me", value)


def chained(stream: str, count: int, value: bytes = b"{}") -> list[Envelope]:
    events: list[Envelope] = []
    for seq in range(1, count + 1):
        prev = events[-1].hash(LOG_ID).hex() if events else ""
        events.append(envelope(stream, seq, prev, value))
    return events


def arrivals(records: list[Record | Envelope], start: int = 1) -> list[Arrival]:
    plain = [item.record() if isinstance(item, Envelope) else item for item in records]
    return [Arrival(start + index, 1000 + index, record) for index, record in enumerate(plain)]


def folded(records: list[Record | Envelope], partition: Partition = CONTROL) -> Folded:
    return fold(arrivals(records), partition=partition, progress=Progress(1), head=lambda _: None)


def test_a_chain_is_accepted_and_moves_the_head() -> None:
    events = chained("run:a", 3)

    result = folded([*events])

    assert [event.envelope.seq for event in result.accepted] == [1, 2, 3]
    assert result.heads == {"run:a": Head(3, events[-1].hash(LOG_ID))}
    assert result.progress.next_offset == 4


def test_a_first_event_may_be_number_0_or_1_and_names_no_previous() -> None:
    assert len(folded([envelope("run:a", 0)]).accepted) == 1
    assert len(folded([envelope("run:a", 1)]).accepted) == 1
    assert len(folded([envelope("run:a", 2)]).voids) == 1
    assert len(folded([envelope("run:a", 1, "ab" * 32)]).voids) == 1


def test_the_loser_of_a_race_is_void() -> None:
    first = chained("run:a", 1)[0]
    one = envelope("run:a", 2, first.hash(LOG_ID).hex(), b"1")
    other = envelope("run:a", 2, first.hash(LOG_ID).hex(), b"2")

    result = folded([first, one, other])

    assert [event.envelope.value for event in result.accepted] == [b"{}", b"1"]
    assert [void.rule for void in result.voids] == ["it does not follow the head of its stream"]


def test_what_was_pipelined_behind_a_loser_is_void_though_its_number_fits() -> None:
    """Number 3 of the loser names the loser's number 2, so it cannot follow the winner's."""
    first = chained("run:a", 1)[0]
    winner = envelope("run:a", 2, first.hash(LOG_ID).hex(), b"winner")
    loser = envelope("run:a", 2, first.hash(LOG_ID).hex(), b"loser")
    behind = envelope("run:a", 3, loser.hash(LOG_ID).hex())

    result = folded([first, winner, loser, behind])

    assert len(result.accepted) == 2
    assert len(result.voids) == 2


def test_a_repeat_is_void_and_harmless() -> None:
    events = chained("run:a", 2)

    result = folded([*events, events[0], events[1]])

    assert len(result.accepted) == 2
    assert len(result.voids) == 2


def test_a_foreign_record_is_void_and_does_not_stop_the_reader() -> None:
    events = chained("run:a", 2)

    result = folded([events[0], Record(None, (), b"hello"), Record(b"k", (("x", b"y"),), None), events[1]])

    assert len(result.accepted) == 2
    assert [void.offset for void in result.voids] == [2, 3]


def test_a_record_with_headers_that_have_no_value_does_not_stop_the_reader() -> None:
    event = chained("run:a", 1)[0]
    record = event.record()
    nothing = tuple((name, None if name == "ce_actor" else value) for name, value in record.headers)
    extra = (*record.headers, ("traceparent", None))

    result = folded([Record(record.key, nothing, b"{}"), Record(record.key, extra, record.value)])

    assert [void.rule for void in result.voids] == ["ce_actor is missing"]
    assert [accepted.headers for accepted in result.accepted] == [extra]


def test_a_stream_in_the_wrong_partition_or_log_is_void() -> None:
    values = envelope("values:a:w", 1)
    right = partition_of("values:a:w", 8)

    assert len(folded([values], Partition("values", LOG_ID, right, 8)).accepted) == 1
    assert len(folded([values], Partition("values", LOG_ID, (right + 1) % 8, 8)).voids) == 1
    assert len(folded([values]).voids) == 1
    assert len(folded([envelope("run:a", 1)], Partition("values", LOG_ID)).voids) == 1


def test_a_kind_of_stream_that_is_not_known_yet_is_accepted() -> None:
    assert len(folded([envelope("budget:a", 1)]).accepted) == 1


def test_a_genesis_counts_only_as_the_first_record() -> None:
    genesis = envelope(f"log:{LOG_ID}", 1)

    first = fold(arrivals([genesis], 0), partition=CONTROL, progress=Progress(), head=lambda _: None)

    assert len(first.accepted) == 1
    assert len(folded([genesis]).voids) == 1


def test_recorded_time_never_runs_backwards() -> None:
    events = chained("run:a", 3)
    stretch = [
        Arrival(1, 50, events[0].record()),
        Arrival(2, 20, events[1].record()),
        Arrival(3, 60, events[2].record()),
    ]

    result = fold(stretch, partition=CONTROL, progress=Progress(1), head=lambda _: None)

    assert [event.recorded_at for event in result.accepted] == [50, 50, 60]


def test_only_headers_that_are_not_standard_are_kept() -> None:
    event = chained("run:a", 1)[0]
    record = event.record()
    traced = Record(record.key, (*record.headers, ("traceparent", b"00-1")), record.value)

    assert folded([record]).accepted[0].headers is None
    assert folded([traced]).accepted[0].headers == traced.headers


streams = st.sampled_from(["run:a", "run:b", "experiment:c", "values:a:w"])


@st.composite
def topics(draw: st.DrawFn) -> list[Record]:
    """What several writers, right, late and wrong, may leave in a partition."""
    records: list[Record] = []
    known: dict[str, list[Envelope]] = {}
    for index in range(draw(st.integers(0, 25))):
        stream = draw(streams)
        behind = draw(st.sampled_from([*known.get(stream, []), None]))
        seq = behind.seq + 1 if behind else draw(st.integers(0, 2))
        prev = behind.hash(LOG_ID).hex() if behind else ""
        made = envelope(stream, seq, prev, str(index).encode())
        known.setdefault(stream, []).append(made)
        record = draw(st.sampled_from([made.record(), made.record(), Record(b"?", (("ce_seq", b"1"),), b"")]))
        records.append(record)
    return records


@given(topics(), st.data())
def test_readers_agree_however_they_cut_the_log_into_batches(records: list[Record], data: st.DataObject) -> None:
    whole = fold(arrivals([*records]), partition=CONTROL, progress=Progress(1), head=lambda _: None)
    heads: dict[str, Head] = {}
    progress, accepted, voids, rest = Progress(1), [], [], arrivals([*records])
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        part = fold(rest[:size], partition=CONTROL, progress=progress, head=heads.get)
        heads |= part.heads
        progress, rest = part.progress, rest[size:]
        accepted += part.accepted
        voids += part.voids

    assert heads == whole.heads
    assert accepted == whole.accepted
    assert voids == whole.voids
    assert progress == whole.progress


@given(topics())
def test_accepted_events_form_unbroken_chains(records: list[Record]) -> None:
    result = folded([*records])
    last: dict[str, Envelope] = {}
    for event in result.accepted:
        before = last.get(event.envelope.stream)
        assert event.envelope.prev == (before.hash(LOG_ID).hex() if before else "")
        assert event.envelope.seq == (before.seq + 1 if before else event.envelope.seq)
        last[event.envelope.stream] = event.envelope


@pytest.mark.parametrize("field", ["stream", "seq", "prev", "id", "source", "type", "time", "actor", "value"])
def test_every_field_is_under_the_hash(field: str) -> None:
    event = chained("run:a", 2)[1]
    other: Any = {"seq": 3, "value": b"other", "stream": "run:b", "time": "2026-11-23T10:00:01Z"}.get(field, "ab" * 32)

    assert event._replace(**{field: other}).hash(LOG_ID) != event.hash(LOG_ID)
    assert event.hash("another log") != event.hash(LOG_ID)
