"""Whether topics still are what a replica was filled from: what was expected, what is found, and the way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Spot = tuple[str, int]
"""A topic and one of its partitions."""

CLOCK_SECONDS = 30.0
"""Beyond this a clock is said to be off: no delivery takes as long as that."""

_KEPT = "Nothing was changed here."


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds, from `begin` up to `end`, and how many of its records were read before."""

    begin: int
    end: int
    read: int


def cut(bounds: Mapping[Spot, Bounds]) -> list[str]:
    """Which partitions do not hold any more all that they once held."""
    found = []
    for (topic, number), each in bounds.items():
        if each.begin > 0:
            found.append(
                f"topic {topic} partition {number} begins at offset {each.begin} and must begin at 0: "
                f"it has lost its first record{'s' if each.begin > 1 else ''}"
            )
        elif each.end < each.read:
            found.append(
                f"topic {topic} partition {number} ends at offset {each.end}, and {each.read} records were read from "
                "it: it was cut or made anew"
            )
    return found


def replaced(spot: Spot, offset: int, path: Path) -> str:
    """That another record lies where the last one was read."""
    return (
        f"record {offset} of topic {spot[0]} partition {spot[1]} is not the one that {path} holds: "
        "the topic was cut or made anew, or is another ledger's"
    )


def refusal_of_loss(wrong: Sequence[str], path: Path) -> str:
    """What is told of topics that lost records, with the way out."""
    return (
        f"{'; '.join(wrong)}. {_KEPT} Restore the topic from a backup; `runledger verify` names what is missing. If "
        f"what the topic holds now shall count, put {path.name} and views.db aside, as evidence, and start again."
    )


def lost_topic(what: str, read: int, others: int, path: Path) -> str | None:
    """Why a topic that is gone or empty, which is `what` is said of it, is not made anew, if so.

    `read` records of it were stored here, and `others` lie in the ledger's other topic if that has a
    history, which it can have only once both topics are there.
    """
    if read:
        reason = f"{read} records of it were stored in {path}"
    elif others:
        reason = f"the other topic of the ledger holds {others} records"
    else:
        return None
    return (
        f"{what}, and {reason}: it was deleted. {_KEPT} Restore the topic from a backup, or begin a "
        "new ledger: another name in the log's address, and another data folder."
    )


def another_cluster(known: str | None, found: str | None, where: str, path: Path) -> str | None:
    """Why a cluster is not the one that a replica was filled from, if so; one without an id may be any."""
    if known is None or found is None or known == found:
        return None
    return (
        f"{path} was filled from the Kafka cluster {known}, and {where} answers as cluster {found}. {_KEPT} "
        "Name the brokers of the old cluster; or, if the topics were moved record by record, see with `runledger "
        f"verify` that they hold the same, put {path.name} and views.db aside, and start again."
    )


def clock_problem(here: float, there: float, whose: str) -> str | None:
    """What is wrong with one of two clocks, in seconds since 1970; which one, nobody can tell here."""
    seconds = there - here
    if abs(seconds) <= CLOCK_SECONDS:
        return None
    return (
        f"{whose} is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the clock of this machine. The "
        "order of events does not depend on it, their times do: have both follow NTP (timedatectl, chronyc tracking)."
    )
