"""Topics that are tampered with, on a real broker: noticed at start, and while the ledger is open."""

import logging
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from examples.kafka_broker import KafkaBroker
from ledger.errors import LogRefusedError, LogStoppedError, UnavailableError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.opening import Writer
from ledger.logs.kafka.thread import KafkaThread
from ledger.logs.kafka.watching import Clock
from ledger.store.database import Database
from ledger.store.fold import Arrival
from schemas.records import Record
from tests.ledger.conftest import CALLER, now
from tests.ledger.logs.test_contract import links
from tests.ledger.logs.test_kafka import GOOD, admin, make_topic, wait_until_gone

OFTEN, NEVER = 0.2, 1000.0
SECONDS = 60


@dataclass
class Ledger:
    """A ledger on a broker, and the operator who spoils its topics."""

    broker: KafkaBroker
    folder: Path
    stack: ExitStack
    name: str = field(default_factory=lambda: f"f{uuid4().hex[:10]}")

    @property
    def control(self) -> str:
        return f"runledger.{self.name}.events.v1"

    @property
    def values(self) -> str:
        return f"runledger.{self.name}.values.v1"

    def open(self, check_seconds: float = OFTEN, *, replica: str = "ledger.db") -> KafkaThread:
        folder = self.folder / self.name
        folder.mkdir(exist_ok=True)
        database = Database(folder / replica, durable=False)
        self.stack.callback(database.close)
        address = parse_address(f"kafka://{self.broker.address}/{self.name}")
        writer = Writer(CALLER.source, CALLER.actor, now)
        thread = KafkaThread(address, database, writer, check_seconds=check_seconds)
        self.stack.callback(thread.close)
        return thread

    def filled(self, thread: KafkaThread, count: int = 9) -> None:
        """Each record in a batch of its own."""
        for number in range(count):
            thread.control.append(links(thread.control, f"run:{number}-{uuid4().hex}"))

    def refused(self, *said: str, replica: str = "ledger.db") -> None:
        with pytest.raises(LogRefusedError) as refused:
            self.open(replica=replica)
        for each in said:
            assert each in str(refused.value)

    def set(self, topic: str, **settings: str) -> None:
        wanted = {name.replace("_", "."): value for name, value in settings.items()}
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=GOOD | wanted)
        admin(self.broker.address, lambda client: client.alter_configs([resource]))

    def segment(self, topic: str, partition: int = 0) -> Path:
        return self.broker.log.parent / "data" / f"{topic}-{partition}" / f"{0:020}.log"


@pytest.fixture
def make(kafka_broker: KafkaBroker, tmp_path: Path) -> Iterator[Callable[[], Ledger]]:
    with ExitStack() as stack:
        yield lambda: Ledger(kafka_broker, tmp_path, stack)


@pytest.fixture
def ledger(make: Callable[[], Ledger]) -> Ledger:
    return make()


def stopped(thread: KafkaThread, *said: str) -> None:
    """Nothing is written any more, and it is said why."""
    deadline = time.monotonic() + SECONDS
    # Something that may pass, such as a topic that is gone for a moment, may be said before.
    while (found := thread.control.stopped()) is None or not all(each in str(found) for each in said):
        assert time.monotonic() < deadline, f"noticed was {found}"
        time.sleep(0.02)
    with pytest.raises(LogStoppedError):
        thread.control.append(links(thread.control, f"run:{uuid4().hex}"))
    assert str(thread.values.stopped()) == str(found)


def goes_on(thread: KafkaThread) -> None:
    deadline = time.monotonic() + SECONDS
    while thread.control.stopped() is not None:
        assert time.monotonic() < deadline, "it does not go on"
        time.sleep(0.02)
    thread.control.append(links(thread.control, f"run:{uuid4().hex}"))


def test_settings_changed_under_an_open_ledger_stop_it_until_they_are_set_back(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    thread = ledger.open()
    for topic, name, value in [
        (ledger.control, "retention_ms", "604800000"),
        (ledger.values, "cleanup_policy", "compact"),
        (ledger.control, "message_timestamp_type", "CreateTime"),
        (ledger.values, "retention_bytes", "1000000"),
    ]:
        ledger.set(topic, **{name: value})
        stopped(thread, topic, f"{name.replace('_', '.')}={value} (it must be", "runledger topic check kafka://")
        thread.control.catch_up()  # what is there is read all the same
        ledger.set(topic)
        goes_on(thread)

    assert "nothing is written until this is put right: topic" in caplog.text
    assert "was put right" in caplog.text


def test_partitions_added_under_an_open_ledger_stop_it(ledger: Ledger) -> None:
    thread = ledger.open()
    admin(ledger.broker.address, lambda client: client.create_partitions({ledger.control: NewPartitions(2)}))

    stopped(thread, f"topic {ledger.control}", "2 partition(s) (it must have 1)")
    thread.close()
    ledger.refused("2 partition(s) (it must have 1)")


def test_a_topic_deleted_under_an_open_ledger_stops_it_and_is_not_made_anew_at_start(ledger: Ledger) -> None:
    thread = ledger.open()
    ledger.filled(thread, 2)
    delete(ledger, ledger.values)

    stopped(thread, f"topic {ledger.values} is gone", "Restore it")
    thread.close()
    ledger.refused(f"topic {ledger.values} is gone", "1 records of it were stored", "it was deleted")
    ledger.refused(f"topic {ledger.values} is gone", "other topic of the ledger holds 3 records", replica="new.db")
    make_topic(ledger.broker.address, ledger.values, GOOD, 8)
    ledger.refused(f"topic {ledger.values} is empty", "other topic of the ledger holds 3 records", replica="new.db")


def delete(ledger: Ledger, *topics: str) -> None:
    admin(ledger.broker.address, lambda client: client.delete_topics(list(topics)))
    wait_until_gone(ledger.broker.address, list(topics))


def test_topics_deleted_and_made_anew_under_an_open_ledger_stop_it_for_good(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    thread = ledger.open(NEVER)
    ledger.filled(thread, 5)
    delete(ledger, ledger.control, ledger.values)
    other = ledger.open(replica="other.db")
    ledger.filled(other, 3)

    # Nobody looks at it, and the reader itself finds that its place is not there.
    stopped(thread, f"topic {ledger.control} partition 0 ends at offset 4, and 6 records were read", "cut or made anew")
    with pytest.raises(LogStoppedError, match="Restore the topic"):
        thread.control.catch_up()
    assert "nothing is written any more: topic" in caplog.text


def test_a_topic_made_anew_whose_records_took_the_old_offsets_stops_it_for_good(ledger: Ledger) -> None:
    thread = ledger.open()
    ledger.filled(thread, 3)
    delete(ledger, ledger.control, ledger.values)
    ledger.filled(ledger.open(replica="other.db"), 9)

    stopped(thread, f"topic {ledger.control}")
    thread.close()
    ledger.refused("It is another log, or the topic was made anew")


@pytest.mark.parametrize("partition", [0, 5])
def test_records_deleted_under_an_open_ledger_stop_it_for_good(partition: int, ledger: Ledger) -> None:
    thread = ledger.open()
    for number in range(40):
        thread.values.append(links(thread.values, f"values:r{number}:w"))
    spot = TopicPartition(ledger.values, partition)
    admin(ledger.broker.address, lambda client: client.delete_records({spot: RecordsToDelete(before_offset=1)}))

    said = f"topic {ledger.values} partition {partition} begins at offset 1 and must begin at 0"
    stopped(thread, said, "Restore the topic from a backup")
    thread.close()
    ledger.refused(said)
    ledger.refused(said, replica="new.db")


def test_another_cluster_is_refused(ledger: Ledger) -> None:
    thread = ledger.open()
    database = Database(ledger.folder / ledger.name / "ledger.db", durable=False)
    ledger.stack.callback(database.close)
    assert database.cluster() is not None
    with database.writing() as connection:
        connection.execute("UPDATE cluster SET id = 'elsewhere'")

    stopped(thread, "was filled from the Kafka cluster elsewhere, and kafka://", "runledger verify")
    thread.close()
    ledger.refused("was filled from the Kafka cluster elsewhere, and kafka://", "answers as cluster")


def test_a_segment_cut_or_exchanged_while_the_broker_was_down_is_noticed_as_soon_as_it_is_back(
    make: Callable[[], Ledger], kafka_broker: KafkaBroker
) -> None:
    cut, exchanged, donor, closed, whole = (make() for _ in range(5))
    opened = {each.name: each.open(NEVER) for each in (cut, exchanged, donor, closed, whole)}
    for each in (cut, exchanged, donor, closed, whole):
        each.filled(opened[each.name])
    opened[closed.name].close()
    kafka_broker.stop()
    for each in (cut, closed):
        keep_batches(each.segment(each.control), 6)
    exchange(exchanged.segment(exchanged.control), donor.segment(donor.control))
    trying = ThreadPoolExecutor(1)
    accepted = trying.submit(try_to_append, opened[exchanged.name])
    kafka_broker.start()

    stopped(opened[cut.name], f"topic {cut.control} partition 0 ends at offset 6, and 10 records were read")
    stopped(opened[exchanged.name], f"record 9 of topic {exchanged.control} partition 0 is not the one that")
    # Its producer found the broker again, perhaps before anybody had looked: nothing was accepted all the same.
    assert accepted.result() == 0
    trying.shutdown()
    closed.refused(f"topic {closed.control} partition 0 ends at offset 6, and 10 records were read")
    goes_on(opened[whole.name])
    # New records take the old offsets.
    closed.filled(closed.open(replica="new.db"), 12)
    closed.refused(f"record 9 of topic {closed.control} partition 0 is not the one that")


def try_to_append(thread: KafkaThread) -> int:
    """Append again and again until the log is stopped; how often that was accepted."""
    accepted = 0
    while True:
        try:
            thread.control.append(links(thread.control, f"run:{uuid4().hex}"))
            accepted += 1
        except LogStoppedError:
            return accepted
        except UnavailableError:
            continue


def keep_batches(segment: Path, count: int) -> None:
    """Cut a segment behind so many batches."""
    content = segment.read_bytes()
    end = end_of_batches(content, count)
    assert end < len(content)
    segment.write_bytes(content[:end])


def exchange(segment: Path, other: Path) -> None:
    """Put another log's records behind the first one."""
    own, theirs = segment.read_bytes(), other.read_bytes()
    segment.write_bytes(own[: end_of_batches(own, 1)] + theirs[end_of_batches(theirs, 1) :])


def end_of_batches(content: bytes, count: int) -> int:
    """Where so many batches end: each begins with its offset and its length."""
    end = 0
    for _ in range(count):
        end += 12 + struct.unpack_from(">i", content, end + 8)[0]
    return end


def test_a_clock_far_off_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    clock, here = Clock(), int(time.time() * 1000)

    def stamped(milliseconds: int) -> list[Arrival]:
        return [Arrival(0, milliseconds, Record(None, (), None))]

    with caplog.at_level(logging.WARNING):
        clock.heard(stamped(here))
        clock.read(here - 10_000_000)
        assert caplog.text == ""
        clock.heard(stamped(here - 60_000))
        clock.heard(stamped(here - 61_000))
        assert caplog.text.count("the brokers' clock is 60 s behind the clock of this machine") == 1
        clock.heard(stamped(here))
        clock.read(here + 90_000)
        assert "the time of the newest record is" in caplog.text


def test_servers_that_begin_a_ledger_at_once_all_begin_it(ledger: Ledger) -> None:
    """Each leaves a first record, of which one counts; none takes those of the others for a history."""
    with ThreadPoolExecutor(6) as pool:
        threads = list(pool.map(lambda number: ledger.open(NEVER, replica=f"{number}.db"), range(6)))

    assert len({(thread.control.id, thread.values.id) for thread in threads}) == 1
    ledger.filled(threads[0], 1)
