"""Opening a ledger's topics: made if they are not there, refused if they lost history or could lose it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
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
from ledger.logs.kafka.checkpointing import keep_checkpointing
from ledger.logs.kafka.client import CONNECT_SECONDS, Connection, Producer, Spot, batch_limit
from ledger.logs.kafka.consumer import Consumer, consuming
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.looking import Look, history_at
from ledger.logs.kafka.rights import lacking, refused
from ledger.logs.kafka.sender import Neighbours, Sender
from ledger.logs.kafka.standing import Standing
from ledger.logs.kafka.tail import Tail
from ledger.logs.kafka.topics import TopicFacts, partitions_for, problems, refusal, replicas_for, settings_for
from ledger.logs.kafka.trust import another_cluster, lost_topic
from ledger.logs.kafka.waiters import Waiters
from ledger.logs.kafka.watching import CHECK_SECONDS, Clock, Watch
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Arrival, Partition
from schemas.errors import LedgerError
from schemas.streams import CONTROL, VALUES, LogName

_LOGS: tuple[LogName, LogName] = (CONTROL, VALUES)
_CHECK_WAIT = 10
# One record is asked for; a batch that is larger comes all the same.
_CHECK_BYTES = 16 * 1024
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


@dataclass(frozen=True, slots=True)
class _Topics:
    """What the topics of a ledger are, once they are known to be its own."""

    facts: Mapping[LogName, TopicFacts]
    identities: Mapping[LogName, LogIdentity]

    def partitions(self) -> dict[Spot, Partition]:
        return {
            (self.facts[name].name, number): Partition(name, identity.id, number, identity.partitions)
            for name, identity in self.identities.items()
            for number in range(identity.partitions)
        }


Work = Callable[[], Coroutine[Any, Any, None]]
"""Something that goes on for as long as the logs are open."""


@asynccontextmanager
async def kafka_logs(
    address: KafkaAddress, database: Database, writer: Writer, *, check_seconds: float = CHECK_SECONDS
) -> AsyncIterator[KafkaLogs]:
    """Open both logs, and tail them into `database` until the end of the block.

    They are looked at again every `check_seconds`, and whenever a connection was lost.

    Raises:
        UnavailableError: no broker answers.
        LogRefusedError: a topic is set up wrongly, has lost records, is not a ledger's, or is another ledger's.
    """
    connection = Connection(address)
    producer = Producer(connection)
    try:
        async with consuming(connection, wait=_CHECK_WAIT, fetch_bytes=_CHECK_BYTES) as checker:
            facts = await _facts(connection, checker, database)
            look = Look(checker, database, _spots(facts))
            await look.at_bounds()
            identities = {name: await _identity(checker, producer, facts, name, database, writer) for name in _LOGS}
            _pin(database, identities)
            await look.at_records()
            async with consuming(connection, on_connect=look.at_all) as reader:
                clock = Clock()
                clock.read(database.progress(CONTROL).recorded_at)
                logs, sender, standing = _assemble(
                    connection,
                    database,
                    _Topics(facts, identities),
                    producer,
                    checker,
                    _Acknowledging(reader, clock),
                )
                watch = Watch(connection, list(facts.values()), look, standing, database)
                works: Sequence[Work] = (
                    sender.run,
                    lambda: _tail(logs, reader),
                    lambda: _measure(logs),
                    lambda: watch.run(check_seconds),
                    lambda: keep_checkpointing(database),
                )
                async with _running(standing, works):
                    yield logs
    finally:
        await producer.drop()
        await connection.settle()


@dataclass(frozen=True, slots=True)
class _Acknowledging:
    """What is done with records that the brokers have just stored."""

    reader: Consumer
    clock: Clock

    def to(self, tail: Tail) -> Callable[[Spot, list[Arrival]], None]:
        def acknowledged(spot: Spot, arrivals: list[Arrival]) -> None:
            self.clock.heard(arrivals)
            # The producer may have found its brokers again before anybody looked what they still hold.
            if self.reader.is_sure:
                tail.acknowledged(spot, arrivals)

        return acknowledged


def _assemble(
    connection: Connection,
    database: Database,
    topics: _Topics,
    producer: Producer,
    ends: Consumer,
    acknowledging: _Acknowledging,
) -> tuple[KafkaLogs, Sender, Standing]:
    waiters = Waiters(asyncio.get_running_loop())
    tail = Tail(database, topics.partitions(), waiters)
    neighbours = Neighbours(
        acknowledging.to(tail), partial(_limit_now, connection), partial(_read_to_end, ends, tail, waiters)
    )
    limits = {topics.facts[name].name: batch_limit(topics.facts[name]) for name in _LOGS}
    sender = Sender(producer, limits, waiters, neighbours)
    standing = Standing(waiters.fail_all)

    def log(name: LogName) -> KafkaLog:
        return KafkaLog(
            topics.identities[name],
            topics.facts[name].name,
            sender=sender,
            tail=tail,
            waiters=waiters,
            standing=standing,
            database=database,
            ends=ends,
        )

    return KafkaLogs(log(CONTROL), log(VALUES), producer, tail), sender, standing


async def _limit_now(connection: Connection, topic: str) -> int:
    async with administering(connection) as admin:
        facts = await admin.facts(topic)
    if facts is None:
        raise UnavailableError(f"topic {topic} is gone from Kafka at {connection.address}")
    return batch_limit(facts)


async def _read_to_end(ends: Consumer, tail: Tail, waiters: Waiters, spot: Spot) -> None:
    await waiters.until(await ends.ends([spot]), tail.offsets())


@asynccontextmanager
async def _running(standing: Standing, works: Sequence[Work]) -> AsyncIterator[None]:
    tasks: list[asyncio.Task[None]] = []

    async def guarded(work: Work) -> None:
        """When one of them ends, none goes on: nobody is answered, and everybody is told why."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - told to everybody who waits or asks
            standing.refuse(
                str(error)
                if isinstance(error, LedgerError)
                else f"the log stopped working: {error!r}. Start this process again."
            )
            for task in tasks:
                if task is not asyncio.current_task():
                    task.cancel()

    tasks += [asyncio.create_task(guarded(work)) for work in works]
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
            # The disk is full, the file is locked, the broker lets nobody read, or nobody could look at a new
            # connection: nothing was folded, so it is read again. Who waits for the end is told when that
            # failed as well.
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


def _spots(facts: Mapping[LogName, TopicFacts]) -> dict[Spot, tuple[LogName, int]]:
    return {(facts[name].name, number): (name, number) for name in _LOGS for number in range(facts[name].partitions)}


async def _facts(connection: Connection, checker: Consumer, database: Database) -> dict[LogName, TopicFacts]:
    end = asyncio.get_running_loop().time() + CONNECT_SECONDS
    while True:
        try:
            async with administering(connection) as admin:
                await _check_cluster(admin, connection.address, database)
                return await _topics(admin, connection.address, checker, database)
        except NotReadyError:
            # A broker that comes back answers before it is part of its cluster again.
            if asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(_READY_SECONDS)


async def _check_cluster(admin: Admin, address: KafkaAddress, database: Database) -> None:
    found = await admin.cluster_id()
    other = another_cluster(database.cluster(), found, str(address), database.path)
    if other is not None:
        raise LogRefusedError(other)
    if found is not None:
        database.pin_cluster(found)


async def _topics(
    admin: Admin, address: KafkaAddress, checker: Consumer, database: Database
) -> dict[LogName, TopicFacts]:
    found = {name: await admin.facts(address.topic(name)) for name in _LOGS}
    for name in _LOGS:
        topic = address.topic(name)
        if found[name] is None:
            lost = await _lost(checker, database, found, name, f"topic {topic} is gone")
            # Asked again where it seems lost: another server may be making both topics just now.
            found[name] = await admin.facts(topic) if lost else await _made(admin, topic, name)
            if lost and found[name] is None:
                raise LogRefusedError(lost)
    known = {name: facts for name, facts in found.items() if facts is not None}
    for name, facts in known.items():
        missing = lacking(facts.allowed)
        if missing:
            raise refused(address.security.principal, missing, facts.name, address.bootstrap)
        wrong = problems(facts, partitions_for(name) if name == CONTROL else facts.partitions)
        if wrong:
            raise LogRefusedError(refusal(facts, wrong, str(address)))
    return known


async def _lost(
    checker: Consumer, database: Database, facts: Mapping[LogName, TopicFacts | None], name: LogName, what: str
) -> str | None:
    """Why a topic is neither made anew nor begun: its ledger has a history."""
    other = facts[VALUES if name == CONTROL else CONTROL]
    others = await history_at(checker, (other.name, 0)) if other is not None else 0
    return lost_topic(what, database.progress(name).next_offset, others, database.path)


async def _made(admin: Admin, topic: str, name: LogName) -> TopicFacts:
    brokers = await admin.brokers()
    await admin.create(topic, partitions_for(name), replicas_for(brokers), settings_for(brokers))
    return await _until_known(admin, topic)


async def _until_known(admin: Admin, topic: str) -> TopicFacts:
    for _ in range(int(CONNECT_SECONDS / _MADE_SECONDS)):
        facts = await admin.facts(topic)
        if facts is not None and facts.partitions:
            return facts
        await asyncio.sleep(_MADE_SECONDS)
    raise UnavailableError(f"Kafka made topic {topic} and does not show it after {CONNECT_SECONDS:.0f} s; try again")


async def _identity(
    reader: Consumer,
    producer: Producer,
    topics: Mapping[LogName, TopicFacts],
    name: LogName,
    database: Database,
    writer: Writer,
) -> LogIdentity:
    facts = topics[name]
    spot = (facts.name, 0)
    if (await reader.ends([spot]))[spot] == 0:
        lost = await _lost(reader, database, topics, name, f"topic {facts.name} is empty")
        if lost and (await reader.ends([spot]))[spot] == 0:
            raise LogRefusedError(lost)
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
