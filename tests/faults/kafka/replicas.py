"""Whether every reader has the same history: each writer's replica, a replica made anew, the independent reader."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.opening import KafkaLogs, Writer, kafka_logs
from ledger.store.database import Database
from ledger.store.tables import EVENT_TABLES
from schemas.streams import LogName
from tests.faults.kafka.checker import READER, Findings
from tests.faults.kafka.rule import VOID, History, split

_READ_SECONDS = 600.0

Histories = Mapping[LogName, History]


async def new_replica(servers: str, ledger: str, replica: Path) -> dict[LogName, tuple[str, int]]:
    """Fill a new replica from the logs; the id and the number of partitions of each."""
    who = Writer("//checker", "checker", lambda: datetime.now(UTC))
    with closing(Database(replica, durable=False)) as database:
        async with kafka_logs(parse_address(f"kafka://{servers}/{ledger}"), database, who) as logs:
            await read_all(logs)
        return {name: (each.id, each.partitions) for name, each in database.identities().items()}


async def read_all(logs: KafkaLogs) -> None:
    """Wait until a replica holds all that is in the logs now, however long they are."""
    for log in (logs.control, logs.values):
        await log.catch_up(seconds=_READ_SECONDS)


def compare(replicas: Sequence[Path], histories: Histories, findings: Findings) -> None:
    """Every replica holds exactly the history, and all of them have the same hash over each whole partition."""
    running: dict[tuple[LogName, int], object] = {}
    for replica in replicas:
        with closing(Database(replica, durable=False)) as database:
            for log, history in histories.items():
                _compare_events(database, log, history, findings)
                if database.count_voids(log) != history.voids:
                    findings.add(READER, f"{replica.name} has {database.count_voids(log)} voids, not {history.voids}")
                for number in range(len(history.partitions)):
                    progress = database.progress(log, number)
                    if running.setdefault((log, number), progress) != progress:
                        findings.add(READER, f"{replica.name} differs in {log}/{number}: {progress}")


def _compare_events(database: Database, log: LogName, history: History, findings: Findings) -> None:
    rows = database.reading().execute(
        f"SELECT e.place, s.name, e.hash FROM {EVENT_TABLES[log]} e JOIN streams s ON s.id = e.stream "
        "WHERE s.name NOT LIKE 'log:%'"
    )
    found = 0
    for place, name, hash_ in rows:
        found += 1
        partition, offset = split(place)
        there = history.partitions[partition]
        stream = there.streams[offset] if offset < len(there.streams) else VOID
        if stream == VOID or history.names[stream] != name or there.hash_at(offset) != hash_:
            findings.add(
                READER, f"{database.path.name} accepts {name} at {partition}/{offset}; by the rule it is not there"
            )
    if found != history.accepted:
        findings.add(READER, f"{database.path.name} has {found} events of the {log} log, not {history.accepted}")
