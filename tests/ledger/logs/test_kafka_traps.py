"""The traps of aiokafka and of the log (one each), so that a new version of either cannot spring them unseen."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import for_code
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import LostRaceError, UnavailableError, UnknownOutcomeError
from ledger.logs.kafka import client, log, sender
from ledger.logs.kafka.address import KafkaAddress, parse_address
from ledger.logs.kafka.client import BATCH_BYTES, Connection, Producer, size_of
from ledger.logs.kafka.consumer import consuming
from ledger.logs.kafka.tail import Tail
from ledger.logs.kafka.waiters import Waiters
from ledger.logs.log import Link, chain
from ledger.store.database import Database
from ledger.store.fold import Arrival
from schemas.records import Envelope, Record
from tests.ledger.logs.mock_cluster import Api, MockCluster
from tests.ledger.logs.mocked import FETCH_WAIT, SOON, mocked
from tests.ledger.logs.test_contract import an_event
from tests.ledger.logs.test_tail import LOG_ID, SPOT, with_tail

RECORDS = st.builds(
    Record,
    st.binary(max_size=300),
    st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=30), st.binary(max_size=300)), max_size=12).map(
        tuple
    ),
    st.binary(max_size=3_000),
)


@settings(max_examples=25)
@given(st.lists(RECORDS, min_size=1, max_size=30))
def test_sizes_are_never_estimated_too_small_so_that_no_append_is_torn(records: list[Record]) -> None:
    """A batch takes its first record whatever its size, and silently none that does not fit behind it."""
    batch = BatchBuilder(BATCH_BYTES, 0)
    for record in records:
        assert batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))

    assert len(batch._build()) <= sum(map(size_of, records)) + client._BATCH_OVERHEAD


def test_the_private_parts_of_aiokafka_that_we_touch_are_there() -> None:
    """Letting a producer go without a flush has no public way (`ledger.logs.kafka.client._let_go`)."""

    async def look() -> None:
        producer = AIOKafkaProducer(enable_idempotence=True)
        try:
            asked: dict[str, Callable[[], object]] = {
                "AIOKafkaProducer._closed is False while it is open": lambda: producer._closed is False,
                "AIOKafkaProducer._sender.sender_task is None before its start": lambda: (
                    producer._sender.sender_task is None
                ),
                "AIOKafkaProducer._sender._send_produce_req(node, batches) is a coroutine function": lambda: (
                    inspect.iscoroutinefunction(producer._sender._send_produce_req)
                    and list(inspect.signature(producer._sender._send_produce_req).parameters) == ["node_id", "batches"]
                ),
                "AIOKafkaProducer.client.close() is a coroutine function": lambda: inspect.iscoroutinefunction(
                    producer.client.close
                ),
                "AIOKafkaProducer.start() is client.bootstrap() and _sender.start(), and nothing else": lambda: (
                    [line.strip() for line in inspect.getsource(AIOKafkaProducer.start).splitlines() if "await" in line]
                    == ["await self.client.bootstrap()", "await self._sender.start()"]
                ),
                "DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers) is a number": lambda: isinstance(
                    DefaultRecordBatchBuilder.estimate_size_in_bytes(b"k", b"v", [("h", b"v")]), int
                ),
            }
            gone = [what for what, holds in asked.items() if not _holds(holds)]
            assert gone == [], "ledger.logs.kafka.client builds on this, and this aiokafka has it no more"
        finally:
            producer._closed = True

    asyncio.run(look())


def _holds(question: Callable[[], object]) -> bool:
    try:
        return bool(question())
    except AttributeError:
        return False


def test_the_errors_that_decide_something_have_their_numbers() -> None:
    names = {code: for_code(code).__name__ for code in (1, 2, 10, 18, 29, 31, 46)}

    assert names == {
        1: "OffsetOutOfRangeError",
        2: "CorruptRecordException",
        10: "MessageSizeTooLargeError",
        18: "RecordListTooLargeError",
        29: "TopicAuthorizationFailedError",
        31: "ClusterAuthorizationFailedError",
        46: "DuplicateSequenceNumber",
    }


@pytest.mark.parametrize("api", [Api.PRODUCE, Api.INIT_PRODUCER_ID])
def test_a_producer_is_let_go_at_once_whatever_it_waits_for(api: Api) -> None:
    """Its own `stop` waits for as long as the broker takes."""

    async def story(cluster: MockCluster) -> None:
        cluster.make_topic("t", 1)
        cluster.answer_late(api, *[(0, 60.0)] * 5)
        producer = Producer(Connection(_address(cluster)))
        with pytest.raises(UnavailableError):
            await producer.send({("t", 0): [Record(b"k", (), b"v")]}, SOON)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    on_cluster(story)


def test_a_batch_is_read_whole() -> None:
    """Half of an append must not be stored here without the other."""

    async def story(cluster: MockCluster) -> None:
        cluster.make_topic("t", 1)
        connection = Connection(_address(cluster))
        producer = Producer(connection)
        await producer.send({("t", 0): [Record(b"k", (), b"%d" % number) for number in range(2_000)]}, 20)
        await producer.drop()
        async with consuming(connection, wait=FETCH_WAIT) as consumer:
            consumer.read_from({("t", 0): 0})
            while not (found := await consumer.fetch()):
                pass
        assert [arrival.offset for arrival in found["t", 0]] == list(range(2_000))

    on_cluster(story)


def test_nothing_is_sent_behind_an_append_that_has_no_answer_yet(tmp_path: Path) -> None:
    """It would be void, or be accepted on what a rival wrote."""

    async def story(cluster: MockCluster) -> None:
        async with mocked(cluster, tmp_path) as ledger:
            cluster.answer(Api.PRODUCE, [45])
            links = [chain(ledger.control.id, [an_event("run:a", 1, value=value)]) for value in (b"1", b"2", b"3")]
            answers = await asyncio.gather(
                ledger.control.append(links[0], seconds=SOON),
                ledger.control.append(links[1]),
                ledger.control.append(links[2]),
                return_exceptions=True,
            )
            assert [type(answer) for answer in answers] == [UnknownOutcomeError, list, LostRaceError]
            assert ledger.stored()[1:] == [b"2"]

    on_cluster(story)


def test_a_writer_waits_for_its_record_and_not_for_its_id(tmp_path: Path) -> None:
    """A late copy of a void record may bear the same id."""

    def story(tail: Tail, waiters: Waiters, _: Database) -> None:
        mine = _link(b"mine")
        waiter = waiters.add([mine], 5)
        stray = chain(LOG_ID, [mine.envelope._replace(seq=7, prev="0" * 64)])[0]
        tail.take(SPOT, [Arrival(0, 1_000, stray.envelope.record())])
        assert not waiter.answer.done()
        tail.take(SPOT, [Arrival(1, 1_001, mine.envelope.record())])
        assert waiter.answer.result() == [1]

    with_tail(tmp_path, story)


def test_a_rival_with_the_same_id_is_no_success(tmp_path: Path) -> None:
    def story(tail: Tail, waiters: Waiters, _: Database) -> None:
        waiter = waiters.add([_link(b"mine")], 5)
        tail.take(SPOT, [Arrival(0, 1_000, _link(b"rival").envelope.record())])
        assert isinstance(waiter.answer.exception(), LostRaceError)

    with_tail(tmp_path, story)


def test_heads_are_trusted_only_once_they_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def story(tail: Tail, waiters: Waiters, database: Database) -> None:
        mine = _link(b"mine")
        waiter = waiters.add([mine], 5)
        arrivals = [Arrival(0, 1_000, mine.envelope.record())]
        with monkeypatch.context() as patched:
            patched.setattr(Database, "store", _full)
            with pytest.raises(UnavailableError):
                tail.take(SPOT, arrivals)
            tail.acknowledged(SPOT, arrivals)
        assert not waiter.answer.done()
        assert tail.head("run:a") is None
        assert tail.offsets() == {SPOT: 0}
        tail.take(SPOT, arrivals)
        assert waiter.answer.result() == [0]
        assert database.progress("control").next_offset == 1

    with_tail(tmp_path, story)


def test_an_append_waits_longer_than_a_delivery_and_its_end_take() -> None:
    assert sender.DELIVERY_SECONDS + client.CLOSE_SECONDS < log.APPEND_SECONDS


def _full(*_: object) -> None:
    raise UnavailableError("the disk is full")


def _link(value: bytes) -> Link:
    event = Envelope("run:a", 1, "", "one-id", "//s", "t", "2026-11-23T10:00:00Z", "a", value)
    return chain(LOG_ID, [event])[0]


def _address(cluster: MockCluster) -> KafkaAddress:
    return parse_address(f"kafka://{cluster.address}/traps")


def on_cluster(story: Callable[[MockCluster], Coroutine[None, None, None]]) -> None:
    with MockCluster() as cluster:
        asyncio.run(story(cluster))
