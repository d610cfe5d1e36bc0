"""The Kafka cluster of a workspace: does it answer, are its topics right, is all read, what time is it there."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import LogRefusedError
from runledger.doctor.finding import Finding, fail, looked, ok, warn
from runledger.topics import look_at_topics

if TYPE_CHECKING:
    from ledger.logs.kafka.address import KafkaAddress
    from ledger.logs.kafka.operating import ClusterFacts
    from ledger.store.database import Database
    from schemas.streams import LogName

CLOCK_SECONDS = 2.0


def look_at_kafka(address: "KafkaAddress", database: "Database | None") -> Iterator[Finding]:
    """All of it; `database` is the replica, if there is one."""
    cluster, complaints = look_at_topics(address)
    brokers = "1 broker" if cluster.brokers == 1 else f"{cluster.brokers} brokers"
    cluster_id = cluster.cluster_id or "without an id"
    yield ok(
        "broker", f"{address} answers: cluster {cluster_id}, {brokers}, {cluster.release}, {address.security.protocol}"
    )
    for each in complaints:
        level = warn if each.minor else fail
        yield level("topics", f"{each.topic}: {each.text}", each.command)
    if not complaints:
        yield ok("topics", ", ".join(facts.name for facts in cluster.topics.values() if facts is not None))
    if database is not None:
        yield from looked("lag", lambda: _lag(cluster, database))
        yield from looked("clock", lambda: [_clock(database)])


def _lag(cluster: "ClusterFacts", database: "Database") -> Iterator[Finding]:
    known = database.identities()
    for log, contents in cluster.contents.items():
        if contents.identity is not None and log in known and known[log] != contents.identity:
            raise LogRefusedError(
                f"{database.path} was filled from the {log} log {known[log].id}, and the topic is "
                f"{contents.identity.id}: name the ledger that it belongs to, or begin with another folder"
            )
        yield _lag_of(log, contents.end, database)


def _lag_of(log: "LogName", ends: Mapping[int, int], database: "Database") -> Finding:
    what = f"{log} lag"
    progress = {partition: database.progress(log, partition) for partition in ends}
    missing = sum(max(0, end - progress[partition].next_offset) for partition, end in ends.items())
    if not missing:
        return ok(what, "none: this replica has all that is in the topic")
    read_at = max((each.recorded_at for each in progress.values()), default=0)
    since = f", the last of which is {time.time() - read_at / 1000:,.0f} s old" if read_at else ""
    text = f"{missing:,} record(s) are not in {Path(database.path).name} yet; it holds those before{since}"
    return warn(what, text, "a running `runledger server` reads them; so does the next command, when it is asked")


def _clock(database: "Database") -> Finding:
    """Compare our clock with the broker's LogAppendTime, which no event can bear before it is written."""
    last = database.latest_events(1)
    if not last:
        return ok("clock", "nothing was stored yet that would bear the broker's time")
    ahead = last[0].recorded_at / 1000 - time.time()
    way_out = "set both clocks by NTP (chrony, systemd-timesyncd)"
    if ahead > CLOCK_SECONDS:
        return fail("clock", f"the broker's clock is {ahead:.0f} s ahead of this one, or more", way_out)
    early = min(_early(each.recorded_at, each.envelope.time) for each in database.latest_events(100))
    if early < -CLOCK_SECONDS:
        return warn("clock", f"an event of late was written {-early:.0f} s after the broker stored it", way_out)
    return ok("clock", f"the broker stamped the last event {-ahead:,.0f} s ago by this clock")


def _early(recorded_at: int, occurred_at: str) -> float:
    return recorded_at / 1000 - datetime.fromisoformat(occurred_at).timestamp()
