"""What every log promises, whichever system keeps it."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from ledger.errors import LostRaceError, TooLargeError
from ledger.logs.log import Link, Log, chain, prev_of
from ledger.store.database import Database
from ledger.store.fold import Head
from schemas.events import OpaqueEvent
from schemas.records import Envelope
from schemas.registry import decode
from tests.ledger.conftest import Open, Parts


def an_event(
    stream: str, seq: int, *, prev: str = "", value: bytes = b"{}", type_: str = "runledger.test.v1"
) -> Envelope:
    return Envelope(stream, seq, prev, str(uuid4()), "//test", type_, "2026-11-23T10:00:00.000001Z", "tester", value)


def links(log: Log, stream: str, *, after: Head | None = None, count: int = 1, value: bytes = b"{}") -> list[Link]:
    start = after.seq + 1 if after else 1
    envelopes = [an_event(stream, start + index, value=value) for index in range(count)]
    return chain(log.id, [envelopes[0]._replace(prev=prev_of(after)), *envelopes[1:]])


def head_of(chained: list[Link]) -> Head:
    return Head(chained[-1].envelope.seq, chained[-1].hash)


def stored(database: Database, stream: str) -> list[bytes]:
    return [event.hash for event in database.stream_events(stream)]


def test_position_0_is_the_genesis_and_events_follow(parts: Parts) -> None:
    parts.control.catch_up()
    genesis = parts.database.recorded("control", 0)
    places = parts.control.append(links(parts.control, "run:a", count=3))

    assert genesis is not None
    assert genesis.envelope.stream == f"log:{parts.control.id}"
    assert places == [1, 2, 3]


def test_both_logs_have_a_genesis_of_their_own(parts: Parts) -> None:
    parts.values.catch_up()

    identities = parts.database.identities()

    assert identities["control"].id == parts.control.id
    assert identities["values"].id == parts.values.id
    assert parts.control.id != parts.values.id


def test_an_append_is_read_back_as_it_was_written(parts: Parts) -> None:
    chained = links(parts.control, "run:a", count=2, value='{"a":"ż"}'.encode())
    parts.control.append(chained)

    events = parts.database.stream_events("run:a")

    assert [event.envelope for event in events] == [link.envelope for link in chained]
    assert [event.hash for event in events] == [link.hash for link in chained]


def test_values_are_appended_to_their_own_log(parts: Parts) -> None:
    chained = links(parts.values, "values:a:w1")
    (place,) = parts.values.append(chained)
    found = parts.database.recorded("values", place)

    assert found is not None
    assert found.envelope == chained[0].envelope
    assert parts.database.stream_events("values:a:w1") == []


def test_the_loser_of_a_race_is_told(parts: Parts) -> None:
    first = links(parts.control, "run:a")
    parts.control.append(first)
    one = links(parts.control, "run:a", after=head_of(first), value=b"1")
    other = links(parts.control, "run:a", after=head_of(first), value=b"2")
    parts.control.append(one)

    with pytest.raises(LostRaceError):
        parts.control.append(other)
    assert stored(parts.database, "run:a") == [first[0].hash, one[0].hash]


def test_of_two_first_events_one_wins(open_parts: Open) -> None:
    one, other = open_parts(), open_parts()

    def append(parts: Parts) -> str:
        try:
            parts.control.append(links(parts.control, "run:a", value=uuid4().hex.encode()))
        except LostRaceError:
            return "lost"
        return "won"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(append, [one, other]))

    assert outcomes == ["lost", "won"]


def test_what_is_pipelined_behind_a_lost_append_is_refused(open_parts: Open) -> None:
    """A writer that builds number 3 on its own lost number 2 gets no place, though the number fits."""
    one, other = open_parts(), open_parts()
    first = links(one.control, "run:a")
    one.control.append(first)
    other.control.catch_up()
    lost = links(other.control, "run:a", after=head_of(first), value=b"lost")
    one.control.append(links(one.control, "run:a", after=head_of(first), value=b"won"))

    with pytest.raises(LostRaceError):
        other.control.append(lost)
    with pytest.raises(LostRaceError):
        other.control.append(links(other.control, "run:a", after=head_of(lost)))


def test_a_repeated_append_gets_the_earlier_places(parts: Parts) -> None:
    chained = links(parts.control, "run:a", count=2)
    places = parts.control.append(chained)

    assert parts.control.append(chained) == places
    assert parts.database.last_place() == 2


def test_an_append_is_stored_whole_or_not_at_all(parts: Parts) -> None:
    first = links(parts.control, "run:a", count=2)
    parts.control.append(first)
    torn = [first[1], *links(parts.control, "run:a", after=head_of(first))]

    with pytest.raises(LostRaceError):
        parts.control.append(torn)
    assert len(stored(parts.database, "run:a")) == 2


def test_an_event_that_this_version_cannot_read_passes_through(parts: Parts) -> None:
    unknown = chain(parts.control.id, [an_event("run:a", 1, value=b"\xff not json", type_="runledger.future.v9")])
    parts.control.append(unknown)
    parts.control.append(links(parts.control, "run:a", after=head_of(unknown)))

    event = parts.database.stream_events("run:a")[0].envelope

    assert isinstance(decode(event.type, event.value), OpaqueEvent)
    assert len(stored(parts.database, "run:a")) == 2


def test_an_append_that_fits_no_batch_is_refused_before_it_is_sent(kafka_parts: Open) -> None:
    parts = kafka_parts()

    with pytest.raises(TooLargeError, match="1,000,"):
        parts.control.append(links(parts.control, "run:a", value=b"x" * 1_000_000))
    assert parts.control.append(links(parts.control, "run:a")) == [1]


def test_threads_append_at_once(parts: Parts) -> None:
    def append(number: int) -> int:
        return parts.control.append(links(parts.control, f"run:{number}", count=3))[-1]

    with ThreadPoolExecutor(16) as pool:
        places = list(pool.map(append, range(100)))

    assert len(set(places)) == 100
    assert parts.database.last_place() == 300


def test_a_second_reader_comes_to_the_same_heads(open_parts: Open) -> None:
    one = open_parts()
    for number in range(20):
        one.control.append(links(one.control, f"run:{number}", count=2))
    other = open_parts()
    other.control.catch_up()

    assert [e.hash for e in other.database.events_after(0, limit=100)] == [
        e.hash for e in one.database.events_after(0, limit=100)
    ]
    assert other.database.progress("control") == one.database.progress("control")


def test_time_of_record_never_runs_backwards(parts: Parts) -> None:
    for number in range(10):
        parts.control.append(links(parts.control, f"run:{number}"))

    times = [event.recorded_at for event in parts.database.events_after(0, limit=100)]

    assert times == sorted(times)
    assert times[0] > 1_700_000_000_000
