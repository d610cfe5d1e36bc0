"""The Kafka log under fire: writers on shared runs are killed and frozen, brokers too, and every answer is checked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from examples.kafka_broker import KafkaBroker
from schemas.streams import CONTROL
from tests.faults.kafka.acts import on_a_broker, on_a_cluster
from tests.faults.kafka.checker import LOST_EVENT, READER
from tests.faults.kafka.cluster import NODES, KafkaCluster
from tests.faults.kafka.judging import Verdict, judge, topic_of
from tests.faults.kafka.notes import ACCEPTED, LOST, NONE, REFUSED
from tests.faults.kafka.storm import Acts, Harm, Plan, Storm
from tests.faults.kafka.topic import copies_of
from tests.faults.kafka.writer import Load
from tests.faults.kafka.writers import writers
from tests.faults.row import Row

WRITERS = 4
HOT = "run:hot"
TIERS = (
    (HOT, 20, 16),
    ("run:warm", 200, 24),
    ("run:cool", 2_000, 40),
    ("run:cold", 20_000, 100),
    ("values:v", 2_000, 20),
)
"""Kinds of streams: how many streams, and how many callers of each process append to them."""
CONFLICTS = 0.05


def writers_under_fire(folder: Path, broker: KafkaBroker, plan: Plan, *, restarted_only: bool) -> Sequence[Row]:
    """Writers are killed and frozen, and so is the only broker, or it is only killed."""
    acts = on_a_broker(broker)
    return _under_fire(folder, broker.address, _new_ledger(), plan, acts[:1] if restarted_only else acts)


def cluster_under_fire(folder: Path, plan: Plan) -> Sequence[Row]:
    """The same with three brokers, of which one, the leader, and all are killed or frozen."""
    ledger = _new_ledger()
    with KafkaCluster(folder / "kafka") as cluster:
        topic = topic_of(ledger, CONTROL)
        rows = _under_fire(folder, cluster.address, ledger, plan, on_a_cluster(cluster, topic))
        copies = asyncio.run(copies_of(cluster.address, topic))
        return [*rows, Row("copies of the log, 3 nodes", {"copies": len(copies)}, len(copies) == NODES)]


def _new_ledger() -> str:
    return f"f{uuid4().hex[:10]}"


def _under_fire(folder: Path, servers: str, ledger: str, plan: Plan, acts: Acts) -> Sequence[Row]:
    load = Load(servers, ledger, writer=0, life=0, folder=str(folder), tiers=TIERS)
    with writers(load, WRITERS) as started:
        harm = Storm(started, plan, acts).rage()
        started.finish()
    verdict = judge([writer.load for writer in started.each], folder)
    where = "3 nodes" if "," in servers else "1 node"
    return [
        _answers(where, verdict, plan),
        _harm(where, harm, plan),
        *[_recovery(where, name, seconds, plan) for name, seconds in harm.recoveries],
        _agreement(where, verdict),
        _readers(where, verdict),
    ]


@dataclass(frozen=True)
class _Share:
    """Conflicts among answers."""

    lost: int
    answered: int

    def __str__(self) -> str:
        return f"{self.lost} of {self.answered} ({self.of_all:.1%})"

    @property
    def of_all(self) -> float:
        return self.lost / max(self.answered, 1)


def _answers(where: str, verdict: Verdict, plan: Plan) -> Row:
    found = verdict.findings
    shares = {prefix: _Share(found.count(LOST, prefix), found.answered(prefix)) for prefix, _, _ in TIERS}
    every = _Share(found.count(LOST), found.answered())
    figures = {
        "processes": WRITERS,
        "answered": every.answered,
        "accepted": found.count(ACCEPTED),
        "conflicts": every,
        **{f"conflicts on {streams} {prefix}": shares[prefix] for prefix, streams, _ in TIERS},
        "in doubt at first": verdict.doubts.unknown,
        "asked again by the next process": verdict.doubts.asked_again,
        "not sent, as the broker was away": found.count(REFUSED),
        "never answered": found.count(NONE),
    }
    enough = every.answered >= plan.answers and shares[HOT].answered >= plan.hot and not found.count(NONE)
    return Row(f"appends, {where}", figures, enough and every.of_all >= CONFLICTS)


def _harm(where: str, harm: Harm, plan: Plan) -> Row:
    figures = {
        "SIGKILLs in an open append": harm.kills,
        "freezes in an open append": harm.freezes,
        "killed between a fetch and its commit": harm.tails,
        "started again": harm.restarts,
        "hit no open append": harm.missed,
    }
    done = harm.kills >= plan.kills and harm.freezes >= plan.freezes and harm.tails >= plan.tails
    return Row(f"writers hurt, {where}", figures, done)


def _recovery(where: str, name: str, seconds: float | None, plan: Plan) -> Row:
    said = "never" if seconds is None else f"{seconds:.1f} s"
    figures = {"until the slowest writer, not started anew, had an append accepted": said}
    return Row(f"{name}, {where}", figures, seconds is not None and seconds <= plan.recovery)


def _agreement(where: str, verdict: Verdict) -> Row:
    found = verdict.findings.violations
    figures: dict[str, object] = {
        "events": verdict.events,
        "void records": verdict.voids,
        "acknowledged events lost": found[LOST_EVENT],
        "violations": found.total(),
    }
    if found:
        figures |= {**found, "the first": "\n  ".join(["", *verdict.findings.shown])}
    return Row(f"answers against the logs, {where}", figures, verdict.events > 0 and not found)


def _readers(where: str, verdict: Verdict) -> Row:
    figures = {"replicas, one made anew": verdict.replicas, "unlike the log": verdict.findings.violations[READER]}
    return Row(f"readers against the logs, {where}", figures, not verdict.findings.violations[READER])
