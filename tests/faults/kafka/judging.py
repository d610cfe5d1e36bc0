"""After the storm: the logs are read independently and held against every answer and every reader."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from schemas.streams import CONTROL, VALUES, LogName, log_of
from tests.faults.kafka.checker import Findings, check
from tests.faults.kafka.notes import Doubts, calls_of
from tests.faults.kafka.replicas import Histories, compare, new_replica
from tests.faults.kafka.rule import History
from tests.faults.kafka.topic import read_topic
from tests.faults.kafka.writer import Load

_TOPICS: dict[LogName, str] = {CONTROL: "events", VALUES: "values"}


@dataclass
class Verdict:
    """What the logs hold, and what was found."""

    histories: Histories
    findings: Findings = field(default_factory=Findings)
    doubts: Doubts = field(default_factory=Doubts)
    replicas: int = 0

    @property
    def events(self) -> int:
        return sum(history.accepted for history in self.histories.values())

    @property
    def voids(self) -> int:
        return sum(history.voids for history in self.histories.values())


def topic_of(ledger: str, log: LogName) -> str:
    """The topic of one of a ledger's logs."""
    return f"runledger.{ledger}.{_TOPICS[log]}.v1"


def judge(loads: Sequence[Load], folder: Path) -> Verdict:
    """Hold the notes and the replicas of writers that have ended against the logs."""
    servers, ledger = loads[0].servers, loads[0].ledger
    rebuilt = folder / "rebuilt.db"
    pinned = asyncio.run(new_replica(servers, ledger, rebuilt))
    verdict = Verdict(
        {
            log: asyncio.run(read_topic(servers, topic_of(ledger, log), History.empty(*identity)))
            for log, identity in pinned.items()
        }
    )
    calls = chain.from_iterable(calls_of(load.lives, verdict.doubts) for load in loads)
    check(calls, lambda stream: verdict.histories[log_of(stream)], verdict.findings)
    replicas = [*(load.replica for load in loads), rebuilt]
    compare(replicas, verdict.histories, verdict.findings)
    verdict.replicas = len(replicas)
    return verdict
