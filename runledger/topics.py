"""The Kafka topics of a ledger as documents, for who operates them."""
# ruff: noqa: PLC0415 - the Kafka client is loaded where it is needed

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ledger.errors import UnavailableError, WorkspaceError
from runledger.locating import folder_of, is_url
from runledger.settings import resolve
from runledger.wiring import SQLITE, kafka_address

if TYPE_CHECKING:
    from types import ModuleType

    from ledger.logs.kafka.address import KafkaAddress
    from ledger.logs.kafka.operating import ClusterFacts, Complaint, Plan, TopicContents
    from ledger.logs.kafka.topics import PartitionFacts, TopicFacts

T = TypeVar("T")
Document = dict[str, Any]

_SHOWN = (
    "cleanup.policy",
    "max.message.bytes",
    "message.timestamp.type",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
    "unclean.leader.election.enable",
)


def address_of_workspace(location: str) -> "KafkaAddress":
    """Where the log of a workspace folder is, and how to be let in there.

    Raises:
        WorkspaceError: its log is not on Kafka, or is known to a server only.
    """
    if is_url(location):
        raise WorkspaceError(f"{location} is a server; only there is known where its topics are. Name their address.")
    folder = folder_of(location)
    known = folder if folder.config.is_file() else None
    log = resolve(os.environ, known.settings() if known is not None else {})["log"].value or SQLITE
    if log == SQLITE:
        raise WorkspaceError(
            f"the log of {location} is a SQLite file and has no topics; name an address, kafka://HOST:PORT/NAME"
        )
    return kafka_address(log, os.environ, known)


def address_named(text: str) -> "KafkaAddress":
    """An address that somebody typed, with what the environment says of being let in there."""
    return kafka_address(text, os.environ)


def make_topics(address: "KafkaAddress", partitions: int | None, *, dry_run: bool) -> list[Document]:
    """Make the topics that are not there, or tell how; each document says what was there before."""
    work = _operating().plans if dry_run else _operating().create
    found: list[Plan] = _wait(lambda: work(address, partitions))
    return [_plan(address, plan, partitions, dry_run=dry_run) for plan in found]


def check_topics(address: "KafkaAddress") -> list[Document]:
    """All that is wrong with the topics, each with its `level` and the command that mends it, if one does."""
    _, complaints = look_at_topics(address)
    return [
        {
            "topic": complaint.topic,
            "level": "warn" if complaint.minor else "fail",
            "problem": complaint.text,
            "command": complaint.command,
        }
        for complaint in complaints
    ]


def describe_topics(address: "KafkaAddress") -> list[Document]:
    """How both topics are set and what lies in them."""
    cluster: ClusterFacts = _wait(lambda: _operating().look(address, inside=True))
    return [
        {"log": log, "topic": address.topic(log), "there": False}
        if facts is None
        else _description(log, facts, cluster.contents[log])
        for log, facts in cluster.topics.items()
    ]


def look_at_topics(address: "KafkaAddress") -> "tuple[ClusterFacts, list[Complaint]]":
    """What the cluster says of itself and of both topics, and all that is wrong with them."""
    facts: ClusterFacts = _wait(lambda: _operating().look(address, inside=True))
    return facts, _operating().complaints(address, facts.topics, facts.contents)


def _operating() -> "ModuleType":
    try:
        from ledger.logs.kafka import operating
    except ImportError as error:
        raise UnavailableError("topics need the Kafka client: pip install 'runledger[kafka]'") from error
    return operating


def _wait(work: Callable[[], Awaitable[T]]) -> T:
    async def done() -> T:
        return await work()

    return asyncio.run(done())


def _plan(address: "KafkaAddress", plan: "Plan", partitions: int | None, *, dry_run: bool) -> Document:
    there = plan.there
    wrong = [] if there is None else _operating().complaints(address, {plan.log: there})
    problems = [each.text for each in wrong if not each.minor]
    if there is not None and partitions is not None and there.partitions != plan.partitions:
        problems.append(f"it has {there.partitions} partition(s), not {plan.partitions}, and keeps them for good")
    return {
        "topic": plan.topic,
        "result": "there" if there is not None else "would be made" if dry_run else "made",
        "partitions": plan.partitions if there is None else there.partitions,
        "replicas": plan.replicas if there is None else there.replicas,
        "settings": dict(plan.settings) if there is None else _settings(there),
        "problems": problems,
        "command": plan.command if there is None else None,
        "grant": _grant(address, plan.topic),
    }


def _grant(address: "KafkaAddress", topic: str) -> str | None:
    """The command that gives a server its rights, where there are users at all."""
    from ledger.logs.kafka.scripts import grant_command

    if address.security.protocol == "PLAINTEXT":
        return None
    return grant_command(address.security.principal, topic, address.bootstrap)


def _settings(facts: "TopicFacts") -> dict[str, str]:
    return {name: facts.settings[name] for name in _SHOWN if name in facts.settings}


def _description(log: str, facts: "TopicFacts", contents: "TopicContents") -> Document:
    return {
        "log": log,
        "topic": facts.name,
        "there": True,
        "log_id": contents.identity and contents.identity.id,
        "recorded_partitions": contents.identity and contents.identity.partitions,
        "trouble": contents.trouble,
        "replicas": facts.replicas,
        "brokers": facts.brokers,
        "settings": _settings(facts),
        "allowed": None if facts.allowed is None else sorted(facts.allowed),
        "partitions": [_partition(each, contents) for each in facts.layout],
    }


def _partition(facts: "PartitionFacts", contents: "TopicContents") -> Document:
    number = facts.number
    return {
        "partition": number,
        "leader": facts.leader if facts.leader >= 0 else None,
        "replicas": list(facts.replicas),
        "in_sync": list(facts.in_sync),
        "first": contents.first.get(number),
        "end": contents.end.get(number),
        "bytes": contents.sizes.get(number),
    }
