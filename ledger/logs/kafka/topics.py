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


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What the cluster says of a topic."""

    name: str
    partitions: int
    replicas: int
    brokers: int
    settings: Mapping[str, str]

    @property
    def max_message_bytes(self) -> int:
        """The largest batch that the topic takes."""
        return int(self.settings.get(_MAX_MESSAGE_BYTES, "1048588"))


def replicas_for(brokers: int) -> int:
    """Three copies where there are three brokers."""
    return min(_SAFE_BROKERS, brokers)


def settings_for(brokers: int) -> dict[str, str]:
    """The settings of a topic that the ledger makes itself."""
    return REQUIRED | {_MIN_IN_SYNC: str(_SAFE_COPIES) if brokers >= _SAFE_BROKERS else "1"}


def partitions_for(log: LogName) -> int:
    """How many partitions a topic is made with; the control log has one, for a total order."""
    return CONTROL_PARTITIONS if log == CONTROL else VALUES_PARTITIONS


def problems(facts: TopicFacts, partitions: int) -> list[str]:
    """What is set in a way that could lose or reorder history; empty when all is right."""
    found = [
        f"{name}={facts.settings.get(name)} (it must be {value})"
        for name, value in REQUIRED.items()
        if facts.settings.get(name) != value
    ]
    if facts.partitions != partitions:
        found.append(f"{facts.partitions} partition(s) (it must have {partitions})")
    return found + _of_copies(facts)


def _of_copies(facts: TopicFacts) -> list[str]:
    found = []
    if facts.settings.get(_UNCLEAN) == "true":
        # A copy that lacks what was acknowledged could become the one that counts.
        found.append(f"{_UNCLEAN}=true (it must be false)")
    if facts.brokers < _SAFE_BROKERS:
        return found
    if facts.replicas < _SAFE_BROKERS:
        found.append(f"{facts.replicas} replica(s) (with {facts.brokers} brokers it must have at least 3)")
    in_sync = facts.settings.get(_MIN_IN_SYNC, "1")
    if int(in_sync) < _SAFE_COPIES:
        found.append(f"{_MIN_IN_SYNC}={in_sync} (with {facts.brokers} brokers it must be at least 2)")
    return found


def refusal(facts: TopicFacts, wrong: Sequence[str]) -> str:
    """What is told to whoever runs the server, with the way out."""
    return (
        f"topic {facts.name} could lose history and is not used: {'; '.join(wrong)}. Set it back as docs/refusals.md "
        f"shows (kafka-configs.sh --alter --entity-type topics --entity-name {facts.name} --add-config NAME=VALUE), or "
        "let runledger make the topic itself under another name."
    )
