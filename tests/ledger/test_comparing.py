"""A replica beside what its topic holds: whatever differs is named, on either side."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.comparing import SHOWN, Comparison, Difference
from ledger.logs.log import Link, chain, prev_of
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Arrival, Head, Partition, fold, follows
from ledger.verify import verify
from schemas.records import Envelope, Record

LOG_ID = str(uuid4())
PARTITION = Partition("control", LOG_ID)


def link(stream: str, seq: int, head: Head | None, value: bytes = b"{}") -> Link:
    envelope = Envelope(stream, seq, prev_of(head), f"{seq}", "//s", "t", "2026-11-23T10:00:00Z", "a", value)
    return chain(LOG_ID, [envelope])[0]


def history() -> list[Arrival]:
    """Two runs of three events each, in turn, and a stranger's record behind them."""
    heads: dict[str, Head] = {}
    found: list[Arrival] = []
    for seq in (1, 2, 3):
        for stream in ("run:a", "run:b"):
            new = link(stream, seq, heads.get(stream), b'{"n":%d}' % seq)
            heads[stream] = Head(seq, new.hash)
            found.append(Arrival(len(found), 1000 + len(found), new.envelope.record()))
    found.append(Arrival(len(found), 2000, Record(b"k", (("x", b"y"),), b"hello")))
    return found


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "ledger.db", durable=False)) as database:
        filled(database, history())
        yield database


def filled(
    database: Database,
    arrivals: Sequence[Arrival],
    rule: Callable[[Envelope, Head | None], bool] = follows,
) -> None:
    with database.writing() as connection:
        database.identify(connection, LogIdentity("control", LOG_ID, 1))
        folded = fold(
            arrivals, partition=PARTITION, progress=database.progress("control"), head=database.head, rule=rule
        )
        database.store(connection, PARTITION, folded)


def compared(database: Database, topic: Sequence[Arrival], batch: int = 2) -> list[Difference]:
    intact = verify(database)[0].broken is None
    comparison = Comparison(database, PARTITION, {}, set(), intact=intact)
    for start in range(0, len(topic), batch):
        comparison.take(topic[start : start + batch])
    comparison.finish()
    return comparison.found


@pytest.mark.parametrize("begin", range(8))
def test_a_comparison_goes_on_from_any_offset_to_the_same(replica: Database, begin: int) -> None:
    heads: dict[str, Head] = {}
    comparison = Comparison(replica, PARTITION, heads, set(), intact=True, begin=begin)
    if history()[begin:]:
        comparison.take(history()[begin:])
    comparison.finish()

    assert (comparison.found, comparison.known, comparison.compared, comparison.reached) == ([], begin, 7, 7)


def test_what_differs_behind_where_it_goes_on_is_found(replica: Database) -> None:
    changed = history()
    changed[4] = changed[4]._replace(record=changed[4].record._replace(value=b"{}"))
    comparison = Comparison(replica, PARTITION, {}, set(), intact=True, begin=3)
    comparison.take(changed[3:])
    comparison.finish()

    assert [each.offset for each in comparison.found] == [4]


def only(found: list[Difference]) -> tuple[int, str | None, int | None, str]:
    (one,) = found
    return one.offset, one.stream, one.seq, one.side


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_what_is_the_same_has_no_difference(batch: int, replica: Database) -> None:
    assert compared(replica, history(), batch) == []


def test_a_record_that_was_changed_in_the_topic_is_named_once_a_chain(replica: Database) -> None:
    topic = history()
    topic[2] = topic[2]._replace(record=topic[2].record._replace(value=b'{"n":9}'))

    found = compared(replica, topic)

    assert only(found) == (2, "run:a", 2, "topic")
    assert found[0].what == "topic and replica hold different records here: value differ"
    assert str(found[0]).startswith("control log, offset 2, run:a event 2 (id 2): ")


def test_the_last_record_of_a_chain_that_was_changed_in_the_topic_is_named(replica: Database) -> None:
    topic = history()
    topic[5] = topic[5]._replace(record=topic[5].record._replace(value=b"{}"))

    assert only(compared(replica, topic)) == (5, "run:b", 3, "topic")


def test_a_header_that_was_changed_in_the_topic_is_named(replica: Database) -> None:
    topic = history()
    headers = tuple((name, b"somebody" if name == "ce_actor" else value) for name, value in topic[3].record.headers)
    topic[3] = topic[3]._replace(record=topic[3].record._replace(headers=headers))

    found = compared(replica, topic)

    assert only(found) == (3, "run:b", 2, "topic")
    assert "actor differ" in found[0].what


def test_a_record_that_is_missing_in_the_topic_is_named(replica: Database) -> None:
    topic = history()
    del topic[3]

    assert only(compared(replica, topic)) == (3, "run:b", 2, "topic")


def test_a_topic_that_was_cut_lacks_the_end_of_each_chain(replica: Database) -> None:
    found = compared(replica, history()[:3])

    assert [(each.offset, each.stream, each.seq, each.side) for each in found] == [
        (3, "run:b", 2, "topic"),
        (4, "run:a", 3, "topic"),
        (6, None, None, "topic"),
    ]


Tamper = Callable[[sqlite3.Connection], object]


@pytest.mark.parametrize(
    ("tamper", "where", "what"),
    [
        (
            lambda c: c.execute("UPDATE control_events SET value = X'7b7d' WHERE place = 2"),
            (2, "run:a", 2),
            "value differ",
        ),
        (lambda c: c.execute("UPDATE control_events SET actor = 'b' WHERE place = 3"), (3, "run:b", 2), "actor differ"),
        (lambda c: c.execute("DELETE FROM control_events WHERE place = 4"), (4, "run:a", 3), "missing in the replica"),
        (lambda c: c.execute("DELETE FROM voids"), (6, None, None), "missing in the replica"),
        (lambda c: c.execute("UPDATE voids SET value = X'00'"), (6, None, None), "value differ"),
        (lambda c: c.execute("UPDATE voids SET rule = 'another'"), (6, None, None), "void by another rule"),
    ],
)
def test_what_was_changed_in_the_replica_is_named(
    tamper: Tamper, where: tuple[int, str | None, int | None], what: str, replica: Database
) -> None:
    with replica.writing() as connection:
        tamper(connection)

    found = compared(replica, history())

    assert only(found) == (*where, "either" if what == "value differ" and where[1] is None else "replica")
    assert what in found[0].what


def test_an_event_that_was_added_to_the_replica_alone_is_named_though_its_chain_holds(replica: Database) -> None:
    added = link("run:a", 4, replica.head("run:a"))
    filled(replica, [Arrival(7, 3000, added.envelope.record())])
    assert verify(replica)[0].broken is None

    assert only(compared(replica, history())) == (7, "run:a", 4, "topic")


@pytest.mark.parametrize(
    ("lenient", "seq", "what"),
    [
        (True, 3, "it is void by what the topic holds"),
        (False, 2, "it follows in the topic, and is void in the replica"),
    ],
)
def test_what_is_void_in_one_and_accepted_in_the_other_is_named(
    lenient: bool, seq: int, what: str, tmp_path: Path
) -> None:
    first = link("run:a", 1, None)
    second = link("run:a", seq, Head(1, first.hash))
    records = [Arrival(0, 1, first.envelope.record()), Arrival(1, 2, second.envelope.record())]
    with closing(Database(tmp_path / "one.db", durable=False)) as database:
        filled(database, records, rule=lambda envelope, head: lenient if envelope.seq > 1 else follows(envelope, head))
        found = compared(database, records)

    assert only(found)[:3] == (1, "run:a", seq)
    assert what in found[0].what


def test_a_time_of_record_that_differs_is_named(replica: Database) -> None:
    topic = history()
    topic[1] = topic[1]._replace(timestamp=1500)

    assert "recorded at another time" in compared(replica, topic)[0].what


def test_of_many_differences_some_are_named_and_all_are_counted(tmp_path: Path) -> None:
    many = [Arrival(n, 1000, link(f"run:{n}", 1, None).envelope.record()) for n in range(SHOWN + 20)]
    with closing(Database(tmp_path / "many.db", durable=False)) as database:
        filled(database, many)
        comparison = Comparison(database, PARTITION, {}, set(), intact=True)
        comparison.finish()

    assert (len(comparison.found), comparison.more) == (SHOWN, 20)
