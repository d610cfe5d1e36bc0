"""Waiting for the end of a Kafka log: as long as it is read on, and told how far it is."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from ledger.errors import UnavailableError
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.standing import Standing
from ledger.logs.kafka.tail import Tail
from ledger.logs.kafka.waiters import Waiters
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Partition
from tests.ledger.logs.test_tail import LOG_ID, SPOT, arrival

_RECORDS = 4


def with_log(folder: Path, story: Callable[[KafkaLog, Tail], Coroutine[Any, Any, None]]) -> None:
    """A log of four records on the broker, none of which was read."""

    async def run() -> None:
        with closing(Database(folder / "replica.db", durable=False)) as database:
            waiters = Waiters(asyncio.get_running_loop())
            tail = Tail(database, {SPOT: Partition("control", LOG_ID)}, waiters)
            log = KafkaLog(
                LogIdentity("control", LOG_ID, 1),
                SPOT[0],
                sender=Mock(),
                tail=tail,
                waiters=waiters,
                database=database,
                ends=Mock(ends=AsyncMock(return_value={SPOT: _RECORDS})),
                standing=Standing(waiters.fail_all),
            )
            await story(log, tail)

    asyncio.run(run())


def test_who_waits_hears_how_much_was_read_of_what_there_was_to_read(tmp_path: Path) -> None:
    async def story(log: KafkaLog, tail: Tail) -> None:
        told: list[tuple[int, int]] = []
        heard = asyncio.Event()

        def tell(read: int, total: int) -> None:
            told.append((read, total))
            heard.set()

        tail.take(SPOT, [arrival(0, "run:a")])
        waiting = asyncio.create_task(log.catch_up(tell))
        await heard.wait()
        heard.clear()
        tail.take(SPOT, [arrival(1, "run:1"), arrival(2, "run:2")])
        await heard.wait()
        tail.take(SPOT, [arrival(3, "run:3")])
        await waiting

        assert told == [(0, 3), (2, 3)]

    with_log(tmp_path, story)


def test_nothing_is_told_when_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    async def story(log: KafkaLog, tail: Tail) -> None:
        told: list[tuple[int, int]] = []
        tail.take(SPOT, [arrival(at, f"run:{at}") for at in range(_RECORDS)])
        await log.catch_up(lambda read, total: told.append((read, total)))

        assert told == []

    with_log(tmp_path, story)


def test_a_log_that_is_read_on_is_waited_for_and_one_that_is_not_is_given_up(tmp_path: Path) -> None:
    async def story(log: KafkaLog, tail: Tail) -> None:
        waiting = asyncio.create_task(log.catch_up(seconds=1.5))
        for at in (0, 1, 2):
            await asyncio.sleep(0.6)
            tail.take(SPOT, [arrival(at, f"run:{at}")])

        with pytest.raises(UnavailableError, match=r"read up to 3 of 4 records"):
            await waiting

    with_log(tmp_path, story)
