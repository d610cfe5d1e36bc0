"""Each mistake that a broker can make, once, a few times and for ever: no append hangs, and none is answered wrongly.

What was given up must not turn up later: the topics are read by another client when all tests are through.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ledger.errors import TooLargeError, UnavailableError, UnknownOutcomeError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.client import Connection, Producer, Sent
from ledger.logs.log import Link, chain
from schemas.records import Record
from tests.ledger.logs.mock_cluster import DISCONNECT, FOR_EVER, Api, MockCluster
from tests.ledger.logs.mocked import SOON, Mocked, mocked, read_independently, until
from tests.ledger.logs.test_contract import an_event

TRIED_AGAIN = {
    "timed out": 7,
    "not enough replicas": 19,
    "not enough replicas after the append": 20,
    "storage": 56,
    "unknown topic": 3,
    "no leader": 5,
    "not the leader": 6,
    "connection dropped": DISCONNECT,
}
"""aiokafka sends the same batch again, with the same numbers (research: section 2.2)."""

GIVEN_UP = {
    "out of order": 45,
    "producer epoch": 47,
    "unknown producer": 59,
    "invalid record": 87,
    "producer fenced": 90,
    "corrupt": 2,
    "unknown error": -1,
}
"""The batch's sequence numbers stay used, so that nothing more can be sent without a new producer."""

READ_LATER = [9] * 100
"""Fetches that fail, a hundredth of a second each: the broker's answer to the writer comes first."""

_TRIES = 8
"""How often a story is begun anew that did not come to the scene it is about."""


class Scene:
    """A cluster that behaves until it is told not to, and what none of the topics may hold."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._cluster = stack.enter_context(MockCluster())
        self._given_up: list[tuple[MockCluster, str, bytes]] = []

    @property
    def cluster(self) -> MockCluster:
        if self._cluster.spoiled:
            self._cluster = self._stack.enter_context(MockCluster())
        return self._cluster

    def another(self, brokers: int) -> MockCluster:
        return self._stack.enter_context(MockCluster(brokers))

    def give_up(self, ledger: Mocked, value: bytes) -> None:
        self._given_up.append((ledger.cluster, ledger.topic, value))

    def turned_up(self) -> list[bytes]:
        topics: dict[MockCluster, set[str]] = {}
        for cluster, topic, _ in self._given_up:
            topics.setdefault(cluster, set()).add(topic)
        held = {value for cluster, names in topics.items() for value in read_independently(cluster.address, *names)}
        return [value for _, _, value in self._given_up if value in held]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with ExitStack() as stack:
        scene = Scene(stack)
        yield scene
        assert scene.turned_up() == []


@pytest.fixture
def play(scene: Scene, tmp_path: Path) -> Callable[..., None]:
    """Plays a story on a ledger of its own, on a cluster that behaves."""

    def run(story: Callable[[Mocked], Coroutine[Any, Any, None]], **options: float) -> None:
        async def told() -> None:
            async with mocked(scene.cluster, tmp_path, **options) as ledger:
                await story(ledger)

        asyncio.run(told())

    return run


Play = Callable[..., None]


def an_append(ledger: Mocked, stream: str | None = None, size: int = 0) -> tuple[list[Link], bytes]:
    """A first event of a stream, and its value, which no other event has."""
    value = f'"{uuid4().hex}{"x" * size}"'.encode()
    event = an_event(stream or f"run:{uuid4().hex}", 1, value=value)
    return chain(ledger.control.id, [event]), value


async def in_doubt(ledger: Mocked, scene: Scene) -> None:
    """An append that gets no answer, and whose record may not turn up."""
    chained, value = an_append(ledger)
    scene.give_up(ledger, value)
    await ledger.logs.producer.ready([ledger.topic], 20)
    before = ledger.replacements
    with pytest.raises(UnknownOutcomeError, match="same command id"):
        await ledger.control.append(chained, seconds=SOON)
    await until(lambda: ledger.replacements > before)


async def goes_on(ledger: Mocked) -> None:
    """The next append is accepted, and is the last record of the topic."""
    chained, value = an_append(ledger)
    (place,) = await ledger.control.append(chained)
    held = ledger.stored()
    assert held[place] == value
    assert held.count(value) == 1


@pytest.mark.parametrize("code", TRIED_AGAIN.values(), ids=TRIED_AGAIN)
def test_what_may_be_tried_again_is_accepted_once_by_the_same_producer(code: int, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [code])
        await goes_on(ledger)
        ledger.cluster.answer(Api.PRODUCE, [code] * 3)
        await goes_on(ledger)
        assert ledger.replacements == 0

    play(story)


@pytest.mark.parametrize("code", [7, 6, DISCONNECT])
def test_what_is_tried_again_in_vain_is_given_up_with_its_producer(code: int, scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [code] * FOR_EVER)
        await in_doubt(ledger, scene)
        assert ledger.replacements == 1
        ledger.cluster.behave()
        await goes_on(ledger)
        assert ledger.replacements == 1

    play(story, delivery_seconds=SOON)


@pytest.mark.parametrize("code", GIVEN_UP.values(), ids=GIVEN_UP)
def test_after_an_error_that_uses_up_numbers_the_producer_is_replaced(code: int, scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [code])
        await in_doubt(ledger, scene)
        assert ledger.replacements == 1
        await goes_on(ledger)
        assert ledger.replacements == 1

    play(story)


def test_each_append_that_is_given_up_costs_one_producer(scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [45] * FOR_EVER)
        for _ in range(3):
            await in_doubt(ledger, scene)
        assert ledger.replacements == 3
        ledger.cluster.behave()
        await goes_on(ledger)
        assert ledger.replacements == 3

    play(story)


def test_a_stored_batch_of_which_only_its_number_is_known_is_answered_by_the_tail(play: Play) -> None:
    """The broker stores, its answer is lost, and the batch that is sent again is told to be a duplicate."""

    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer_late(Api.PRODUCE, (0, 5.0), (46, 0))
        ledger.cluster.answer(Api.FETCH, READ_LATER)
        await goes_on(ledger)
        await goes_on(ledger)
        assert ledger.replacements == 0

    play(story, request_seconds=0.3)


def test_a_duplicate_without_an_offset_is_no_answer_by_itself(scene: Scene) -> None:
    async def story() -> None:
        cluster = scene.cluster
        cluster.make_topic("duplicates", 1)
        cluster.answer(Api.PRODUCE, [46])
        producer = Producer(Connection(parse_address(f"kafka://{cluster.address}/d")))
        try:
            sent = await producer.deliver({("duplicates", 0): [Record(b"k", (), b"v")]}, 10)
        finally:
            await producer.drop()
        assert sent == Sent()

    asyncio.run(story())


def test_no_right_to_write_is_told_at_once_and_nothing_is_stored(scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [29])
        chained, value = an_append(ledger)
        scene.give_up(ledger, value)
        with pytest.raises(UnavailableError, match=f"write to topic {ledger.topic}: nothing was stored"):
            await ledger.control.append(chained, seconds=60)
        await goes_on(ledger)
        assert ledger.replacements == 1

    play(story)


@pytest.mark.parametrize("code", [10, 18])
def test_what_the_broker_finds_too_large_is_refused_with_its_size(code: int, scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [code])
        chained, value = an_append(ledger, size=3_000)
        scene.give_up(ledger, value)
        ledger.limits[ledger.topic] = 2_000
        with pytest.raises(TooLargeError, match=r"takes 3,\d\d\d bytes and the log allows 2,000"):
            await ledger.control.append(chained, seconds=60)
        assert ledger.replacements == 1
        again, _ = an_append(ledger, size=3_000)
        with pytest.raises(TooLargeError):
            await ledger.control.append(again)
        assert ledger.replacements == 1
        await goes_on(ledger)

    play(story)


def test_of_appends_that_went_out_together_only_the_too_large_one_is_refused(scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [10])
        ledger.limits[ledger.topic] = 2_000
        appends = [an_append(ledger, size=3_000 if number == 4 else 10) for number in range(8)]
        scene.give_up(ledger, appends[4][1])
        answers = await asyncio.gather(
            *(ledger.control.append(chained, seconds=60) for chained, _ in appends), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [TooLargeError if number == 4 else list for number in range(8)]
        held = ledger.stored()
        assert [held.count(value) for _, value in appends] == [int(number != 4) for number in range(8)]
        assert ledger.replacements == 1

    play(story)


def test_a_batch_that_is_too_large_though_its_parts_are_not_is_sent_one_by_one(play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [10, 0, 0, 10])
        appends = [an_append(ledger) for _ in range(4)]
        answers = await asyncio.gather(
            *(ledger.control.append(chained, seconds=60) for chained, _ in appends), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [list, list, TooLargeError, list]
        assert len(ledger.stored()) == 4

    play(story)


def test_too_large_is_not_said_of_what_is_stored(play: Play) -> None:
    """The answer was lost, the limit was lowered, and the batch that is sent again is refused for its size."""

    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer_late(Api.PRODUCE, (0, 5.0), (10, 0))
        ledger.cluster.answer(Api.FETCH, READ_LATER)
        chained, value = an_append(ledger)
        (place,) = await ledger.control.append(chained, seconds=60)
        assert ledger.stored()[place] == value

    play(story, request_seconds=0.3)


def test_a_broker_that_went_away_is_waited_for_and_what_was_given_up_stays_so(scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        await goes_on(ledger)
        ledger.cluster.go_down()
        await in_doubt(ledger, scene)
        unsent, value = an_append(ledger)
        scene.give_up(ledger, value)
        with pytest.raises(UnavailableError, match="nothing was stored") as told:
            await ledger.control.append(unsent, seconds=SOON)
        assert not isinstance(told.value, UnknownOutcomeError)
        patient, value = an_append(ledger)
        waiting = asyncio.create_task(ledger.control.append(patient, seconds=60))
        await asyncio.sleep(SOON)
        ledger.cluster.come_up()
        (place,) = await waiting
        assert ledger.stored()[place] == value
        assert ledger.replacements == 1

    play(story, delivery_seconds=SOON)


def test_an_answer_behind_the_deadline_leaves_the_outcome_in_doubt_and_a_repeat_finds_out(play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.be_slow(1)
        chained, value = an_append(ledger)
        with pytest.raises(UnknownOutcomeError):
            await ledger.control.append(chained, seconds=SOON)
        await until(lambda: ledger.replacements == 1)
        ledger.cluster.behave()
        await ledger.control.catch_up()
        (place,) = await ledger.control.append(chained)
        assert ledger.stored().count(value) == 1
        assert ledger.stored()[place] == value
        await goes_on(ledger)

    play(story, delivery_seconds=SOON)


def test_a_batch_is_not_sent_over_a_connection_that_comes_about_after_it_was_given_up(
    scene: Scene, tmp_path: Path
) -> None:
    """The leader, which is another broker than the one that gave the producer its id, takes long to greet."""

    async def story() -> bool:
        cluster = scene.another(brokers=2)
        async with mocked(cluster, tmp_path, delivery_seconds=SOON) as ledger:
            await ledger.logs.producer.drop()
            before = ledger.replacements
            cluster.lead(ledger.topic, 2)
            cluster.answer_late(Api.API_VERSIONS, *[(0, 3 * SOON)] * 100, broker=2)
            chained, value = an_append(ledger)
            # A producer that asks the late broker for its id is not ready in time, and another is tried.
            waiting = asyncio.create_task(ledger.control.append(chained, seconds=60))
            await until(lambda: ledger.replacements > before or waiting.done(), 60)
            if waiting.done():
                return False  # it had a connection to the late broker by then, which this cannot rule out
            scene.give_up(ledger, value)
            await asyncio.sleep(5 * SOON)
            cluster.behave()
            assert value not in ledger.stored()
            waiting.cancel()
            return True

    assert any(asyncio.run(story()) for _ in range(_TRIES)), "no append met the late broker without a connection"


def test_an_append_that_nobody_waits_for_any_more_is_not_sent(scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        ledger.cluster.answer(Api.PRODUCE, [7] * 20)
        first, _ = an_append(ledger)
        ahead = asyncio.create_task(ledger.control.append(first, seconds=60))
        await asyncio.sleep(0.05)
        late, value = an_append(ledger)
        scene.give_up(ledger, value)
        with pytest.raises(UnavailableError, match="nothing was stored"):
            await ledger.control.append(late, seconds=0.1)
        await ahead
        await goes_on(ledger)
        assert value not in ledger.stored()

    play(story, delivery_seconds=30)


@pytest.mark.parametrize("code", [14, 15, 16])
def test_a_cluster_that_has_no_producer_id_yet_is_asked_again(code: int, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        await ledger.logs.producer.drop()
        ledger.cluster.answer(Api.INIT_PRODUCER_ID, [code] * 2)
        await goes_on(ledger)

    play(story)


@pytest.mark.parametrize("code", [14, 31])
def test_without_a_producer_id_nothing_is_stored_and_nothing_hangs(code: int, scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        await ledger.logs.producer.drop()
        ledger.cluster.answer(Api.INIT_PRODUCER_ID, [code] * FOR_EVER)
        chained, value = an_append(ledger)
        scene.give_up(ledger, value)
        with pytest.raises(UnavailableError, match="nothing was stored"):
            await ledger.control.append(chained, seconds=2 * SOON)
        ledger.cluster.behave()
        await goes_on(ledger)

    play(story, delivery_seconds=SOON)


def test_a_topic_that_the_cluster_denies_is_told_and_found_again(scene: Scene, play: Play) -> None:
    async def story(ledger: Mocked) -> None:
        await ledger.logs.producer.drop()
        ledger.cluster.say_of_topic(ledger.topic, 29)
        chained, value = an_append(ledger)
        scene.give_up(ledger, value)
        with pytest.raises(UnavailableError, match=f"{ledger.cluster.address}.*give this user the rights READ, WRITE"):
            await ledger.control.append(chained, seconds=2 * SOON)
        ledger.cluster.say_of_topic(ledger.topic, 5)
        patient = asyncio.create_task(ledger.control.append(an_append(ledger)[0]))
        await asyncio.sleep(SOON)
        ledger.cluster.say_of_topic(ledger.topic, 0)
        assert await patient == [1]
        await goes_on(ledger)

    play(story, delivery_seconds=SOON)


@pytest.mark.parametrize(
    ("api", "code", "said"),
    [
        (Api.INIT_PRODUCER_ID, 14, "TimeoutError"),
        (Api.INIT_PRODUCER_ID, 31, "ClusterAuthorizationFailed.*give this user the right"),
        (Api.API_VERSIONS, DISCONNECT, "."),
    ],
)
def test_a_producer_that_cannot_start_says_where_and_why_and_leaves_nothing(
    api: Api, code: int, said: str, scene: Scene
) -> None:
    async def story() -> None:
        cluster = scene.cluster
        cluster.answer(api, [code] * FOR_EVER)
        connection = Connection(parse_address(f"kafka://{cluster.address}/s"), request_seconds=1)
        producer = Producer(connection)
        try:
            with pytest.raises(UnavailableError, match=f"kafka://{cluster.address}/s .*{said}"):
                await producer.send({("none", 0): [Record(b"k", (), b"v")]}, SOON)
        finally:
            cluster.behave()
        async with asyncio.timeout(10):
            await connection.settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())
