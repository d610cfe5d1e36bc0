"""Opening a ledger's topics: made if they are not there, refused if they could lose history."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from ledger.errors import LogRefusedError, NotReadyError, UnavailableError
from ledger.logs.genesis import genesis, identity_of
from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.admin import Admin, administering
from ledger.logs.kafka.client import (
    CONNECT_SECONDS,
    Connection,
    Consumer,
    Producer,
    Spot,
    batch_limit,
    consuming,
)
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.rights import lacking, refused
from ledger.logs.kafka.sender import Neighbours, Sender
from ledger.logs.kafka.tail import Tail
from ledger.logs.kafka.topics import TopicFacts, partitions_for, problems, replicas_for, settings_for
from ledger.logs.kafka.waiters import Waiters
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Partition
from ledger.store.tables import place_of
from schemas.errors import LedgerError
from schemas.records import Record, parse_record
from schemas.streams import CONTROL, VALUES, LogName

_LOGS: tuple[LogName, LogName] = (CONTROL, VALUES)
_CHECK_WAIT = 10
_MADE_SECONDS = 0.05
_READY_SECONDS = 0.2
_AT_ONCE_SECONDS = 2.0
_MEASURE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes a genesis, and the clock it takes its time from."""

    source: str
    actor: str
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class KafkaLogs:
    """The two logs of a ledger, and what they share."""

    control: KafkaLog
    values: KafkaLog
    producer: Producer
    tail: Tail


@asynccontextmanager
async def kafka_logs(address: KafkaAddress, database: Database, writer: Writer) -> AsyncIterator[KafkaLogs]:
    """Open both logs, and tail them into `database` until the end of the block.

    Raises:
        UnavailableError: no broker answers.
        LogRefusedError: a topic is set up wrongly, is not a ledger's, or is another ledger's.
    """
    connection = Connection(address)
    producer = Producer(connection)
    try:
        facts = await _topics(connection)
        async with consuming(connection, wait=_CHECK_WAIT) as checker:
            identities = {name: await _identity(checker, producer, facts[name], name, writer) for name in _LOGS}
            _pin(database, identities)
            await _check_last_records(checker, database, _partitions(facts, identities))
            async with consuming(connection) as reader:
                logs, sender = _assemble(connection, database, facts, identities, producer, checker)
                async with _running(logs, sender, reader):
                    yield logs
    finally:
        await producer.drop()
        await connection.settle()


def _assemble(
    connection: Connection,
    database: Database,
    facts: Mapping[LogName, TopicFacts],
    identities: Mapping[LogName, LogIdentity],
    producer: Producer,
    ends: Consumer,
) -> tuple[KafkaLogs, Sender]:
    waiters = Waiters(asyncio.get_running_loop())
    tail = Tail(database, _partitions(facts, identities), waiters)
    neighbours = Neighbours(
        tail.acknowledged, partial(_limit_now, connection), partial(_read_to_end, ends, tail, waiters)
    )
    limits = {facts[name].name: batch_limit(facts[name]) for name in _LOGS}
    sender = Sender(producer, limits, waiters, neighbours)

    def log(name: LogName) -> KafkaLog:
        return KafkaLog(
            identities[name],
            facts[name].name,
            sender=sender,
            tail=tail,
            waiters=waiters,
            database=database,
            ends=ends,
        )

    return KafkaLogs(log(CONTROL), log(VALUES), producer, tail), sender


async def _limit_now(connection: Connection, topic: str) -> int:
    async with administering(connection) as admin:
        facts = await admin.facts(topic)
    if facts is None:
        raise UnavailableError(f"topic {topic} is gone from Kafka at {connection.address}")
    return batch_limit(facts)


async def _read_to_end(ends: Consumer, tail: Tail, waiters: Waiters, spot: Spot) -> None:
    await waiters.until(await ends.ends([spot]), tail.offsets())


@asynccontextmanager
async def _running(logs: KafkaLogs, sender: Sender, reader: Consumer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_guarded(logs, work)) for work in (sender.run(), _tail(logs, reader), _measure(logs))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tail(logs: KafkaLogs, reader: Consumer) -> None:
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await logs.tail.run(reader)
        except UnavailableError as error:
            # The disk is full, the file is locked or the broker lets nobody read: nothing was folded, so it
            # is read again. Who waits for the end is told when that failed as well.
            if loop.time() - began < _AT_ONCE_SECONDS:
                logs.control.cannot_read(error)
            await asyncio.sleep(1)


async def _measure(logs: KafkaLogs) -> None:
    while True:
        for log in (logs.control, logs.values):
            # While nobody answers, the seconds grow by themselves.
            with suppress(UnavailableError):
                await log.measure()
        await asyncio.sleep(_MEASURE_SECONDS)


async def _guarded(logs: KafkaLogs, work: Coroutine[Any, Any, None]) -> None:
    """A log whose reader or sender has ended answers nobody: it says why."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - told to everybody who waits or asks
        told = error if isinstance(error, LedgerError) else LogRefusedError(f"the log stopped working: {error!r}")
        logs.control.refuse(told)
        logs.values.refuse(told)


async def _topics(connection: Connection) -> dict[LogName, TopicFacts]:
    end = asyncio.get_running_loop().time() + CONNECT_SECONDS
    while True:
        try:
            async with administering(connection) as admin:
                return {name: await _topic(admin, connection.address.topic(name), name) for name in _LOGS}
        except NotReadyError:
            # A broker that comes back answers before it is part of its cluster again.
            if asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(_READY_SECONDS)


async def _topic(admin: Admin, topic: str, name: LogName) -> TopicFacts:
    facts = await admin.facts(topic)
    if facts is None:
        brokers = await admin.brokers()
        await admin.create(topic, partitions_for(name), replicas_for(brokers), settings_for(brokers))
        facts = await _until_known(admin, topic)
    missing = lacking(facts.allowed)
    if missing:
        raise refused(admin.address.security.principal, missing, topic, admin.address.bootstrap)
    expected = partitions_for(name) if name == CONTROL else facts.partitions
    wrong = problems(facts, expected)
    if wrong:
        raise LogRefusedError(
            f"topic {topic} could lose history and is not used: {'; '.join(wrong)}. "
            f"`runledger topic check {admin.address}` says which commands mend it; or use another name."
        )
    return facts


async def _until_known(admin: Admin, topic: str) -> TopicFacts:
    for _ in range(int(CONNECT_SECONDS / _MADE_SECONDS)):
        facts = await admin.facts(topic)
        if facts is not None and facts.partitions:
            return facts
        await asyncio.sleep(_MADE_SECONDS)
    raise UnavailableError(f"Kafka made topic {topic} and does not show it after {CONNECT_SECONDS:.0f} s; try again")


async def _identity(
    reader: Consumer, producer: Producer, facts: TopicFacts, name: LogName, writer: Writer
) -> LogIdentity:
    spot = (facts.name, 0)
    if (await reader.ends([spot]))[spot] == 0:
        identity = LogIdentity(name, str(uuid4()), facts.partitions)
        first = genesis(identity, source=writer.source, actor=writer.actor, now=writer.now)
        # Two may do this at once: the first record of the log is the genesis, the other is void.
        await producer.send({spot: [first.record()]}, CONNECT_SECONDS)
    record = (await reader.records_at({spot: 0})).get(spot)
    if record is None:
        raise LogRefusedError(f"topic {facts.name} has lost its first record; restore it from a backup")
    identity = identity_of(record, name, f"topic {facts.name}")
    if identity.partitions != facts.partitions:
        raise LogRefusedError(
            f"topic {facts.name} has {facts.partitions} partition(s) and was made with {identity.partitions}: "
            "adding partitions tears runs apart; restore the topic"
        )
    return identity


def _pin(database: Database, identities: Mapping[LogName, LogIdentity]) -> None:
    with database.writing() as connection:
        for identity in identities.values():
            database.identify(connection, identity)


def _partitions(
    facts: Mapping[LogName, TopicFacts], identities: Mapping[LogName, LogIdentity]
) -> dict[Spot, Partition]:
    return {
        (facts[name].name, number): Partition(name, identities[name].id, number, identities[name].partitions)
        for name in _LOGS
        for number in range(identities[name].partitions)
    }


async def _check_last_records(reader: Consumer, database: Database, partitions: Mapping[Spot, Partition]) -> None:
    """Compare the last record that was stored here with the log: aiokafka does not notice a cut log."""
    nexts = {spot: database.progress(each.log, each.number).next_offset for spot, each in partitions.items()}
    ends = await reader.ends(list(partitions))
    last = {spot: offset - 1 for spot, offset in nexts.items() if offset > 0}
    found = await reader.records_at({spot: offset for spot, offset in last.items() if offset < ends[spot]})
    for spot, offset in last.items():
        if not _is_stored(database, partitions[spot], offset, found.get(spot)):
            raise LogRefusedError(
                f"record {offset} of topic {spot[0]} partition {spot[1]} is not the one that {database.path} holds: "
                "the topic was cut or made anew. Restore the topic, or begin with another data folder."
            )


def _is_stored(database: Database, partition: Partition, offset: int, record: Record | None) -> bool:
    if record is None:
        return False
    stored = database.recorded(partition.log, place_of(partition.number, offset))
    if stored is None:
        return any(void.offset == offset and void.record == record for void in database.voids(partition.log))
    try:
        return parse_record(record).hash(partition.log_id) == stored.hash
    except LedgerError:
        return False
