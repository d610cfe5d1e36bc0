"""Which file a record belongs to: decided by its log, its place and its day alone (ADR 0044)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from ledger.store.tables import offset_of, partition_of, place_of
from schemas.streams import CONTROL, VALUES, LogName

SIZES: Mapping[LogName, int] = MappingProxyType({CONTROL: 100_000, VALUES: 2_000})
"""How many offsets of a partition share a file: about as many rows, or so many batches of up to 5,000 points."""

FOLDERS: Mapping[LogName, str] = MappingProxyType({CONTROL: "events", VALUES: "metrics"})
LOG_OF: Mapping[str, LogName] = MappingProxyType({folder: log for log, folder in FOLDERS.items()})
"""The log that a table's rows come from; tables of what is latest come from none."""
_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A range of offsets of a partition, the first and the last included, whose records of one day share a file."""

    log: LogName
    partition: int
    first: int
    last: int

    @property
    def begin(self) -> int:
        """Its first place."""
        return place_of(self.partition, self.first)

    @property
    def beyond(self) -> int:
        """The place behind its last."""
        return place_of(self.partition, self.last + 1)

    def file(self, day: int) -> str:
        """The key of the file with the records of a day."""
        partition = "" if self.log == CONTROL else f"{self.partition}-"
        return f"{FOLDERS[self.log]}/date={date_of(day)}/{self.log}-{partition}{self.first:012}-{self.last:012}.parquet"


def slots(log: LogName, begin: int, beyond: int) -> Iterator[Slot]:
    """The slots of a partition that hold the places from `begin` up to and without `beyond`."""
    if begin >= beyond:
        return
    size, partition = SIZES[log], partition_of(begin)
    for first in range(offset_of(begin) // size * size, offset_of(beyond - 1) + 1, size):
        yield Slot(log, partition, first, first + size - 1)


def day_of(recorded_at: int) -> int:
    """The day in UTC of a moment in epoch milliseconds, counted from 1970."""
    return recorded_at // _DAY


def start_of(day: int) -> int:
    """The first moment of a day."""
    return day * _DAY


def date_of(day: int) -> str:
    """The date of a day."""
    return f"{datetime.fromtimestamp(start_of(day) / 1_000, UTC):%Y-%m-%d}"
