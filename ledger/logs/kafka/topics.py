"""What a topic must be set to so that it cannot lose history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.streams import CONTROL, LogName

CONTROL_PARTITIONS = 1
VALUES_PARTITIONS = 8

REQUIRED = {
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
}
# Of three copies two must have a record before it counts as stored (design section 4).
_SAFE_BROKERS = 3
_SAFE_COPIES = 2
_MAX_MESSAGE_BYTES = "max.message.bytes"
_MIN_IN_SYNC = "min.insync.replicas"
_UNCLEAN = "unclean.leader.election.enable"
# The seal in a run's last event is at most 128 kB, beside the last log lines and a header (design section 5).
_LEAST_BATCH = 262_144
_USUAL_BATCH = 1_048_588


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """Which brokers keep a partition: who leads (-1: nobody), and who has all of it."""

    number: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What the cluster says of a topic; `allowed` is what the user may do with it, None if the broker is silent."""

    name: str
    partitions: int
    replicas: int
    brokers: int
    settings: Mapping[str, str]
    allowed: frozenset[str] | None = None
    layout: tuple[PartitionFacts, ...] = ()

    @property
    def max_message_bytes(self) -> int:
        """The largest batch that the topic takes."""
        return int(self.settings.get(_MAX_MESSAGE_BYTES, _USUAL_BATCH))


def replicas_for(brokers: int) -> int:
    """Three copies where there are three brokers."""
    return min(_SAFE_BROKERS, brokers)


def settings_for(brokers: int) -> dict[str, str]:
    """The settings of a topic that the ledger makes itself."""
    return REQUIRED | {_MIN_IN_SYNC: str(_SAFE_COPIES) if brokers >= _SAFE_BROKERS else "1"}


def partitions_for(log: LogName) -> int:
    """How many partitions a topic is made with; the control log has one, for a total order."""
    return CONTROL_PARTITIONS if log == CONTROL else VALUES_PARTITIONS


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of a topic that is not as it must be; `value` is what the setting `name` must become, if that mends it.

    One that is `minor` is not refused at start: the topic works, and may work worse than it could.
    """

    text: str
    name: str | None = None
    value: str | None = None
    minor: bool = False


def problems(facts: TopicFacts, partitions: int) -> list[str]:
    """What is set in a way that could lose or reorder history; empty when all is right."""
    return [fault.text for fault in faults(facts, partitions)]


def faults(facts: TopicFacts, partitions: int) -> list[Fault]:
    """What no server works with."""
    found = [
        Fault(f"{name}={facts.settings.get(name)} (it must be {value})", name, value)
        for name, value in REQUIRED.items()
        if facts.settings.get(name) != value
    ]
    if facts.partitions != partitions:
        found.append(Fault(f"{facts.partitions} partition(s) (it must have {partitions})"))
    return found + _of_copies(facts)


def _of_copies(facts: TopicFacts) -> list[Fault]:
    found = []
    if facts.settings.get(_UNCLEAN) == "true":
        # A copy that lacks what was acknowledged could become the one that counts.
        found.append(Fault(f"{_UNCLEAN}=true (it must be false)", _UNCLEAN, "false"))
    if facts.brokers < _SAFE_BROKERS:
        return found
    if facts.replicas < _SAFE_BROKERS:
        found.append(Fault(f"{facts.replicas} replica(s) (with {facts.brokers} brokers it must have at least 3)"))
    in_sync = facts.settings.get(_MIN_IN_SYNC, "1")
    if int(in_sync) < _SAFE_COPIES:
        text = f"{_MIN_IN_SYNC}={in_sync} (with {facts.brokers} brokers it must be at least {_SAFE_COPIES})"
        found.append(Fault(text, _MIN_IN_SYNC, str(_SAFE_COPIES)))
    return found


def concerns(facts: TopicFacts) -> list[Fault]:
    """What a server works with, and an operator should know."""
    found = []
    in_sync = int(facts.settings.get(_MIN_IN_SYNC, "1"))
    if facts.max_message_bytes < _LEAST_BATCH:
        text = f"{_MAX_MESSAGE_BYTES}={facts.max_message_bytes} (the end of a run takes up to {_LEAST_BATCH})"
        found.append(Fault(text, _MAX_MESSAGE_BYTES, str(_USUAL_BATCH)))
    for each in facts.layout:
        if each.leader < 0:
            found.append(Fault(f"partition {each.number} has no leader: nobody reads or writes it"))
        elif len(each.in_sync) < in_sync:
            text = f"partition {each.number} has {len(each.in_sync)} copies in sync and needs {in_sync} to be written"
            found.append(Fault(text))
        elif len(each.in_sync) < len(each.replicas):
            text = f"partition {each.number} has {len(each.in_sync)} of {len(each.replicas)} copies in sync"
            found.append(Fault(text, minor=True))
    return found


def refusal(facts: TopicFacts, wrong: Sequence[str], where: str) -> str:
    """What is told to whoever runs the server, with the way out; `where` is the address of the log."""
    return (
        f"topic {facts.name} could lose history and is not used: {'; '.join(wrong)}. "
        f"`runledger topic check {where}` says which commands mend it; or use another name."
    )
