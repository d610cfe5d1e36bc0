"""A replica beside the topics that it was filled from, and a replica made of topics alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.comparing import SHOWN, Comparison, Difference
from ledger.errors import LogRefusedError
from ledger.logs.kafka.reading import Extent, Take, TopicReader
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Arrival, Head, Partition, fold
from ledger.verify import LogReport
from schemas.streams import CONTROL, VALUES, LogName

Progress = Callable[[int], None]
Kept = Callable[[LogName, int, int], None]

_LOGS: tuple[LogName, LogName] = (CONTROL, VALUES)


@dataclass(slots=True)
class TopicsReport:
    """What comparing came to: `wrong` is about whole topics, `unread` what the replica has not read yet.

    Of the records that were compared, `known` were so before.
    """

    wrong: list[str] = field(default_factory=list)
    compared: int = 0
    known: int = 0
    unread: int = 0
    differences: list[Difference] = field(default_factory=list)
    more: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing differs."""
        return not self.wrong and not self.differences

    def add(self, comparison: Comparison, extent: Extent) -> None:
        """Take in what came of one partition."""
        self.compared += comparison.compared
        self.known += comparison.known
        self.unread += max(extent.end - comparison.read, 0)
        kept = comparison.found[: SHOWN - len(self.differences)]
        self.differences += kept
        self.more += comparison.more + len(comparison.found) - len(kept)


def compare(
    database: Database,
    reports: Sequence[LogReport],
    reader: TopicReader,
    progress: Progress = lambda _: None,
    *,
    known: Mapping[LogName, Mapping[int, int]] | None = None,
    keep: Kept = lambda *_: None,
) -> TopicsReport:
    """Compare each log of a replica, whose own chains were checked, with its topic.

    As long as nothing differs, `keep` is told how far each partition is: up to which offset. With that as
    `known`, another comparison goes on from there.

    Raises:
        UnavailableError: no broker answers.
    """
    report = TopicsReport()
    intact = {each.log: each.broken is None for each in reports}
    for name, identity in database.identities().items():
        wrong, extents = _extents(reader, name, identity)
        report.wrong += wrong
        heads: dict[str, Head] = {}
        broken: set[str] = set()
        for number, extent in enumerate(extents):
            partition = Partition(name, identity.id, number, identity.partitions)
            begin = (known or {}).get(name, {}).get(number, 0)
            whole = intact.get(name, False)
            comparison = Comparison(database, partition, heads, broken, intact=whole, begin=begin)
            read = Extent(max(extent.begin, begin), min(extent.end, comparison.read))
            told = _telling(comparison, report, partition, progress, keep)
            reader.read(name, number, read, told, comparison.damaged)
            comparison.finish()
            report.add(comparison, extent)
    return report


def _telling(
    comparison: Comparison, report: TopicsReport, partition: Partition, progress: Progress, keep: Kept
) -> Take:
    def take(arrivals: Sequence[Arrival]) -> None:
        comparison.take(arrivals)
        progress(report.compared + comparison.compared)
        if report.intact and not comparison.found:
            keep(partition.log, partition.number, comparison.reached)

    return take


def _extents(reader: TopicReader, name: LogName, identity: LogIdentity) -> tuple[list[str], list[Extent]]:
    """What is wrong with a topic as a whole, and what of it can be compared."""
    partitions = reader.partitions(name)
    if not partitions:
        return [f"the topic of the {name} log is gone, or may not be seen from here"], []
    wrong = []
    if partitions != identity.partitions:
        wrong.append(
            f"the topic of the {name} log has {partitions} partition(s) and was made with {identity.partitions}"
        )
    extents = reader.extents(name, min(partitions, identity.partitions))
    if extents[0].begin == 0 and extents[0].end > 0:
        try:
            found = reader.identity(name)
        except LogRefusedError as error:
            return [*wrong, str(error)], extents
        if found.id != identity.id:
            return [*wrong, f"the topic of the {name} log is log {found.id}, the replica holds {identity.id}"], []
    return wrong, extents


def fill(database: Database, reader: TopicReader, progress: Progress = lambda _: None) -> list[str]:
    """Fill an empty replica from the topics alone, as a server does, and answer with what is wrong with their bytes.

    Raises:
        LogRefusedError: a topic is gone, or is no ledger's.
        UnavailableError: no broker answers.
    """
    damages: list[str] = []
    count = 0
    for name in _LOGS:
        if not reader.partitions(name):
            raise LogRefusedError(f"the topic of the {name} log is not there, or may not be seen from here")
        identity = reader.identity(name)
        with database.writing() as connection:
            database.identify(connection, identity)
        for number, extent in enumerate(reader.extents(name, identity.partitions)):
            partition = Partition(name, identity.id, number, identity.partitions)

            def take(arrivals: Sequence[Arrival], partition: Partition = partition) -> None:
                nonlocal count
                with database.writing() as connection:
                    at = database.progress(partition.log, partition.number)
                    folded = fold(arrivals, partition=partition, progress=at, head=database.head)
                    database.store(connection, partition, folded)
                count += len(arrivals)
                progress(count)

            def damaged(offset: int, what: str, where: str = f"{name} log, partition {number}") -> None:
                damages.append(f"{where}, offset {offset}: {what}")

            reader.read(name, number, extent, take, damaged)
    return damages
