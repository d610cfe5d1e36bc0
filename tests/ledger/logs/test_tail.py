"""The tail: what was acknowledged is folded at once, and must be what is read."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.errors import LogRefusedError
from ledger.logs.kafka.tail import Tail
from ledger.logs.kafka.waiters import Waiters
from ledger.logs.log import Link, chain
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Arrival, Partition
from schemas.records import Envelope

LOG_ID = str(uuid4())
SPOT = ("topic", 0)


def link(stream: str, value: bytes = b"{}") -> Link:
    event = Envelope(stream, 1, "", "id", "//s", "t", "2026-11-23T10:00:00Z", "a", value)
    return chain(LOG_ID, [event])[0]


def arrival(offset: int, stream: str, value: bytes = b"{}") -> Arrival:
    return Arrival(offset, 1000 + offset, link(stream, value).envelope.record())


def with_tail(folder: Path, story: Callable[[Tail, Waiters, Database], None]) -> None:
    async def run() -> None:
        with closing(Database(folder / "replica.db", durable=False)) as database:
            with database.writing() as connection:
                database.identify(connection, LogIdentity("control", LOG_ID, 1))
            waiters = Waiters(asyncio.get_running_loop())
            story(Tail(database, {SPOT: Partition("control", LOG_ID)}, waiters), waiters, database)

    asyncio.run(run())


def test_what_is_acknowledged_just_behind_the_last_record_is_folded_and_answered(tmp_path: Path) -> None:
    def story(tail: Tail, waiters: Waiters, database: Database) -> None:
        waiter = waiters.add([link("run:a")], 5)
        tail.acknowledged(SPOT, [arrival(0, "run:a")])

        assert waiter.answer.result() == [0]
        assert database.head("run:a") is not None

    with_tail(tmp_path, story)


def test_what_is_read_back_alike_is_not_folded_twice(tmp_path: Path) -> None:
    def story(tail: Tail, _: Waiters, database: Database) -> None:
        tail.acknowledged(SPOT, [arrival(0, "run:a"), arrival(1, "run:b")])
        assert tail.take(SPOT, [arrival(0, "run:a")])
        assert tail.take(SPOT, [arrival(1, "run:b"), arrival(2, "run:c")])

        assert tail.offsets() == {SPOT: 3}
        assert database.progress("control").next_offset == 3
        assert database.count_voids() == 0

    with_tail(tmp_path, story)


@pytest.mark.parametrize(
    "other", [arrival(0, "run:a", b"other"), arrival(0, "run:b"), arrival(0, "run:a")._replace(timestamp=7)]
)
def test_a_log_that_holds_something_else_than_it_acknowledged_is_refused(other: Arrival, tmp_path: Path) -> None:
    def story(tail: Tail, _: Waiters, __: Database) -> None:
        tail.acknowledged(SPOT, [arrival(0, "run:a")])

        with pytest.raises(LogRefusedError, match="not the one that the broker acknowledged"):
            tail.take(SPOT, [other])

    with_tail(tmp_path, story)


@pytest.mark.parametrize("offset", [1, 5])
def test_what_is_acknowledged_elsewhere_waits_for_the_reader(offset: int, tmp_path: Path) -> None:
    def story(tail: Tail, waiters: Waiters, database: Database) -> None:
        waiter = waiters.add([link("run:a")], 5)
        tail.acknowledged(SPOT, [arrival(offset, "run:a")])
        assert not waiter.answer.done()
        assert database.head("run:a") is None
        tail.take(SPOT, [arrival(at, f"run:rival{at}") for at in range(offset)])
        tail.take(SPOT, [arrival(offset, "run:a")])

        assert waiter.answer.result() == [offset]

    with_tail(tmp_path, story)


def test_another_process_that_was_first_is_followed(tmp_path: Path) -> None:
    def story(tail: Tail, waiters: Waiters, database: Database) -> None:
        other = Tail(database, {SPOT: Partition("control", LOG_ID)}, Waiters(asyncio.get_running_loop()))
        waiter = waiters.add([link("run:a")], 5)
        other.take(SPOT, [arrival(0, "run:a"), arrival(1, "run:b")])
        tail.acknowledged(SPOT, [arrival(0, "run:a")])

        assert waiter.answer.result() == [0]
        assert tail.offsets() == {SPOT: 2}
        assert tail.take(SPOT, [arrival(0, "run:a"), arrival(1, "run:b"), arrival(2, "run:c")])
        assert tail.offsets() == {SPOT: 3}

    with_tail(tmp_path, story)
