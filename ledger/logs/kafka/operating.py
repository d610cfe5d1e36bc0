"""What operators do with a ledger's topics before and beside its servers: make them, check them, look at them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.errors import LogRefusedError, UnavailableError
from ledger.logs.genesis import identity_of
from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.admin import Admin, administering
from ledger.logs.kafka.client import Connection, Spot
from ledger.logs.kafka.consumer import consuming
from ledger.logs.kafka.rights import LacksRightError, lacking
from ledger.logs.kafka.scripts import create_command, grant_command, setting_command
from ledger.logs.kafka.topics import (
    Fault,
    TopicFacts,
    concerns,
    faults,
    partitions_for,
    replicas_for,
    settings_for,
)
from ledger.store.database import LogIdentity
from schemas.records import Record
from schemas.streams import CONTROL, VALUES, LogName

LOGS: tuple[LogName, LogName] = (CONTROL, VALUES)
_CHECK_WAIT = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """A topic as it would be made; `there` is what lies in its place."""

    log: LogName
    topic: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]
    command: str
    there: TopicFacts | None


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that is wrong with a topic, and the command that mends it, if one does."""

    topic: str
    text: str
    command: str | None
    minor: bool = False


@dataclass(frozen=True, slots=True)
class TopicContents:
    """What lies in a topic: the first offset and the one behind the last, and bytes, of each partition.

    Without a genesis `trouble` says why; bytes are missing for a user who may not ask.
    """

    first: Mapping[int, int]
    end: Mapping[int, int]
    sizes: Mapping[int, int]
    identity: LogIdentity | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What a cluster says of a ledger, as far as this user may know."""

    cluster_id: str | None
    release: str
    brokers: int
    topics: Mapping[LogName, TopicFacts | None]
    contents: Mapping[LogName, TopicContents] = field(default_factory=dict)


async def plans(address: KafkaAddress, partitions: int | None = None) -> list[Plan]:
    """How both topics would be made, with so many partitions for the values; nothing is made."""
    async with administering(Connection(address)) as admin:
        return await _plans(admin, partitions)


async def create(address: KafkaAddress, partitions: int | None = None) -> list[Plan]:
    """Make the topics that are not there; each plan says what was there before. No topic is changed."""
    async with administering(Connection(address)) as admin:
        made = await _plans(admin, partitions)
        for plan in made:
            if plan.there is None:
                await admin.create(plan.topic, plan.partitions, plan.replicas, plan.settings)
        return made


async def look(address: KafkaAddress, *, inside: bool = False) -> ClusterFacts:
    """What the cluster says; `inside` also what lies in the topics, for which one must be allowed to read."""
    connection = Connection(address)
    async with administering(connection) as admin:
        topics = {log: await admin.facts(address.topic(log)) for log in LOGS}
        there = {log: facts for log, facts in topics.items() if facts is not None}
        contents = await _contents(connection, admin, there) if inside else {}
        return ClusterFacts(await admin.cluster_id(), await admin.release(), await admin.brokers(), topics, contents)


def complaints(
    address: KafkaAddress,
    topics: Mapping[LogName, TopicFacts | None],
    contents: Mapping[LogName, TopicContents] | None = None,
) -> list[Complaint]:
    """All that is wrong with the topics of a ledger, and with what lies in them, as far as that is known."""
    return [
        complaint
        for log, facts in topics.items()
        for complaint in (*_complaints(address, log, facts), *_of_contents(facts, (contents or {}).get(log)))
    ]


def _of_contents(facts: TopicFacts | None, contents: TopicContents | None) -> Iterator[Complaint]:
    if facts is None or contents is None:
        return
    if contents.identity is None and any(contents.end.values()):
        yield Complaint(facts.name, contents.trouble or "it is not a ledger's", None)
    elif contents.identity is not None and contents.identity.partitions != facts.partitions:
        text = (
            f"{facts.partitions} partition(s), and it was made with {contents.identity.partitions}: restore the topic"
        )
        yield Complaint(facts.name, text, None)


def _complaints(address: KafkaAddress, log: LogName, facts: TopicFacts | None) -> list[Complaint]:
    topic = address.topic(log)
    if facts is None:
        return [Complaint(topic, "it is not there", f"runledger topic create {address}")]
    missing = lacking(facts.allowed)
    found: list[Complaint] = []
    if missing:
        security = address.security
        command = grant_command(security.principal, topic, address.bootstrap, missing)
        found.append(Complaint(topic, f"{security.principal} lacks {' and '.join(missing)}", command))
    if facts.settings:
        expected = partitions_for(log) if log == CONTROL else facts.partitions
        found += [_complaint(address, topic, fault) for fault in (*faults(facts, expected), *concerns(facts))]
    return found


def _complaint(address: KafkaAddress, topic: str, fault: Fault) -> Complaint:
    mends = fault.name is not None and fault.value is not None
    command = setting_command(topic, str(fault.name), str(fault.value), address.bootstrap) if mends else None
    return Complaint(topic, fault.text, command, fault.minor)


async def _plans(admin: Admin, partitions: int | None) -> list[Plan]:
    brokers = await admin.brokers()
    settings, replicas = settings_for(brokers), replicas_for(brokers)
    found = []
    for log in LOGS:
        topic = admin.address.topic(log)
        count = partitions if partitions is not None and log == VALUES else partitions_for(log)
        command = create_command(topic, count, replicas, settings, admin.address.bootstrap)
        found.append(Plan(log, topic, count, replicas, settings, command, await _there(admin, topic)))
    return found


async def _there(admin: Admin, topic: str) -> TopicFacts | None:
    """None also for a user who may not know; to make it will tell."""
    try:
        return await admin.facts(topic)
    except LacksRightError:
        return None


async def _contents(
    connection: Connection, admin: Admin, topics: Mapping[LogName, TopicFacts]
) -> dict[LogName, TopicContents]:
    sizes = await _sizes(admin, [spot for facts in topics.values() for spot in _spots(facts)])
    readable = {log: facts for log, facts in topics.items() if not lacking(facts.allowed, ["READ"])}
    async with consuming(connection, wait=_CHECK_WAIT) as reader:
        wanted = [spot for facts in readable.values() for spot in _spots(facts)]
        firsts, ends = await reader.begins(wanted), await reader.ends(wanted)
        begun = {spot: 0 for spot in wanted if spot[1] == 0 and firsts[spot] == 0 < ends[spot]}
        records = await reader.records_at(begun)
    principal = connection.address.security.principal
    return {
        log: _content(log, facts, (firsts, ends, sizes), records)
        if log in readable
        else TopicContents({}, {}, _of(facts, sizes), trouble=f"{principal} lacks READ")
        for log, facts in topics.items()
    }


def _content(
    log: LogName, facts: TopicFacts, figures: Sequence[Mapping[Spot, int]], records: Mapping[Spot, Record | None]
) -> TopicContents:
    first, end, sizes = (_of(facts, each) for each in figures)
    identity, trouble = None, None
    record = records.get((facts.name, 0))
    if record is None:
        trouble = "its first record is lost" if end[0] else "nothing was written to it yet"
    else:
        try:
            identity = identity_of(record, log, f"topic {facts.name}")
        except LogRefusedError as error:
            trouble = str(error)
    return TopicContents(first, end, sizes, identity, trouble)


async def _sizes(admin: Admin, spots: Sequence[Spot]) -> dict[Spot, int]:
    try:
        return await admin.sizes(spots)
    except UnavailableError:
        return {}


def _spots(facts: TopicFacts) -> list[Spot]:
    return [(facts.name, each.number) for each in facts.layout]


def _of(facts: TopicFacts, figures: Mapping[Spot, int]) -> dict[int, int]:
    return {partition: figure for (topic, partition), figure in figures.items() if topic == facts.name}
