"""Mistakes of a broker towards who reads: what passes is waited for, what does not is told with a way out."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import LogStoppedError, UnavailableError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.admin import administering
from ledger.logs.kafka.client import Connection
from ledger.logs.kafka.consumer import consuming
from tests.ledger.logs.mock_cluster import DISCONNECT, FOR_EVER, Api, MockCluster
from tests.ledger.logs.mocked import FETCH_WAIT, SOON, Mocked, mocked, until
from tests.ledger.logs.test_kafka_mistakes import an_append, goes_on

Story = Callable[[Mocked], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[MockCluster]:
    with MockCluster() as made:
        yield made


@pytest.fixture
def play(cluster: MockCluster, tmp_path: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def told() -> None:
            async with mocked(cluster, tmp_path) as ledger:
                await story(ledger)

        asyncio.run(told())

    return run


Play = Callable[[Story], None]


@pytest.mark.parametrize(
    "code",
    [6, 3, 5, 9, 56, 74, 76, 2, -1, DISCONNECT],
    ids=[
        "not the leader",
        "unknown topic",
        "no leader",
        "no replica",
        "storage",
        "fenced epoch",
        "unknown epoch",
        "corrupt",
        "unknown error",
        "connection dropped",
    ],
)
def test_what_cannot_be_read_for_a_moment_is_read_again_from_where_it_stood(code: int, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        await goes_on(ledger)
        ledger.cluster.answer(Api.FETCH, [code] * 5)
        await goes_on(ledger)
        await goes_on(ledger)
        assert ledger.database.count_voids() == 0
        assert len(ledger.stored()) == 4 == ledger.logs.tail.offsets()[ledger.topic, 0]

    play(story)


def test_who_may_not_read_any_more_is_told_and_reads_on_once_he_may(play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.FETCH, [29] * FOR_EVER)
        chained, value = an_append(ledger)
        with pytest.raises(UnavailableError):
            await ledger.control.append(chained, seconds=SOON)
        with pytest.raises(
            UnavailableError, match=f"{ledger.cluster.address}.*cannot be read.*give this user the right"
        ):
            await ledger.control.catch_up(seconds=30)
        ledger.cluster.behave()
        await goes_on(ledger)
        (place,) = await ledger.control.append(chained)
        assert ledger.stored()[place] == value

    play(story)


def test_an_offset_that_is_out_of_range_is_an_alarm_for_everybody(play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        waiting = asyncio.create_task(ledger.control.append(an_append(ledger)[0]))
        ledger.cluster.answer(Api.PRODUCE, [7] * 10)
        ledger.cluster.answer(Api.FETCH, [1])
        with pytest.raises(LogStoppedError, match=r"is shorter than what was read.*restore the topic"):
            await waiting
        for log in (ledger.logs.control, ledger.logs.values):
            with pytest.raises(LogStoppedError):
                await log.catch_up()

    play(story)


def test_a_batch_whose_checksum_is_wrong_is_an_alarm(play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        await ledger.damage()
        await until(lambda: ledger.control.stopped() is not None)
        with pytest.raises(LogStoppedError, match=r"bytes are damaged.*Restore the topic"):
            await ledger.control.append(an_append(ledger)[0])

    play(story)


@pytest.mark.parametrize("code", [6, 3, 5, DISCONNECT])
def test_where_the_log_ends_is_asked_again(code: int, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.LIST_OFFSETS, [code] * 2)
        await ledger.control.catch_up(seconds=20)

    play(story)


@pytest.mark.parametrize(("code", "said"), [(29, "give this user the rights READ"), (1, "OffsetOutOfRange")])
def test_who_does_not_learn_where_the_log_ends_is_told_why(code: int, said: str, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.LIST_OFFSETS, [code])
        with pytest.raises(UnavailableError, match=f"kafka://{ledger.cluster.address}/.* where its topics end.*{said}"):
            await ledger.control.catch_up()
        await ledger.control.catch_up()

    play(story)


@pytest.mark.parametrize("code", [6, DISCONNECT])
def test_a_log_whose_end_is_never_told_keeps_nobody_waiting(code: int, cluster: MockCluster) -> None:
    async def story() -> None:
        connection = Connection(parse_address(f"kafka://{cluster.address}/e"), request_seconds=SOON)
        cluster.make_topic(f"ends{code}", 1)
        async with consuming(connection, wait=FETCH_WAIT) as consumer:
            cluster.answer(Api.LIST_OFFSETS, [code] * FOR_EVER)
            with pytest.raises(UnavailableError, match=cluster.address):
                await consumer.ends([(f"ends{code}", 0)])

    try:
        asyncio.run(story())
    finally:
        cluster.behave()


@pytest.mark.parametrize(
    ("code", "said"), [(29, "An operator grants it: kafka-acls.sh"), (17, "InvalidTopic"), (5, "LeaderNotAvailable")]
)
def test_what_the_cluster_says_against_a_topic_is_told_with_its_name(
    code: int, said: str, cluster: MockCluster
) -> None:
    async def story() -> None:
        cluster.make_topic(f"facts{code}", 1)
        cluster.say_of_topic(f"facts{code}", code)
        async with administering(Connection(parse_address(f"kafka://{cluster.address}/f"))) as admin:
            with pytest.raises(UnavailableError, match=f"topic facts{code}.*{said}") as told:
                await admin.facts(f"facts{code}")
        assert cluster.address in str(told.value)

    asyncio.run(story())
