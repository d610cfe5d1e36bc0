"""A ledger with any events at any time in any partition, and its lake read back."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq

from ledger.artifacts.place import Place
from ledger.feed import Feed
from ledger.logs.genesis import genesis
from ledger.logs.log import prev_of
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import Arrival, Partition, fold
from projections.analytics.columns import TABLES
from projections.analytics.lake import Lake
from projections.analytics.replay import Replayed, Source, replay
from projections.analytics.selection import Selection
from projections.sqlite.view import SqliteView
from schemas.events import (
    Event,
    RunLoggedEvent,
    RunParameterAddedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    Seal,
)
from schemas.events.values import Series
from schemas.records import Envelope
from schemas.statuses import RunStatus
from schemas.streams import CONTROL, VALUES, log_of, partition_of, run_stream, values_stream

PARTITIONS = 3
NOON = 1_795_608_000_000
"""2026-11-25T12:00Z in milliseconds."""
HOUR = 3_600_000


@dataclass(frozen=True)
class Made:
    """Events go in, a lake comes out."""

    source: Source

    def append(self, stream: str, type_: str, value: bytes, at: int = NOON, time: str = "2026-11-25T12:00:00Z") -> int:
        """Append any event, and answer with its place in its partition."""
        database = self.source.database
        log = log_of(stream)
        identity = database.identities()[log]
        head = database.head(stream)
        seq = head.seq + 1 if head else 1
        envelope = Envelope(
            stream, seq, prev_of(head), f"{stream}-{seq}".replace(":", "-"), "//s", type_, time, "m", value
        )
        partition = Partition(log, identity.id, partition_of(stream, identity.partitions), identity.partitions)
        offset = database.progress(log, partition.number).next_offset
        self.fold(partition, Arrival(offset, at, envelope.record()))
        return offset

    def event(self, stream: str, event: Event, at: int = NOON) -> int:
        """Append an event that happened when it was recorded."""
        time = datetime.fromtimestamp(at / 1_000, UTC).strftime("%FT%T.%fZ")
        return self.append(stream, event.type_name(), event.to_value(), at, time)

    def void(self, at: int = NOON) -> None:
        """A record of the control log that nobody accepts."""
        record = Envelope("run:x", 7, "ab" * 32, "i", "//s", "t", "2026-11-25T12:00:00Z", "m", b"{}").record()
        identity = self.source.database.identities()[CONTROL]
        self.fold(
            Partition(CONTROL, identity.id), Arrival(self.source.database.progress(CONTROL).next_offset, at, record)
        )

    def run(self, run_id: str, experiment: str = "e", at: int = NOON, points: int = 3) -> None:
        """A run with a tag, a parameter, some points of a metric, and its end."""
        stream = run_stream(run_id)
        self.event(stream, RunStartedEvent(experiment=experiment, experiment_id=f"id-{experiment}"), at)
        self.event(stream, RunTaggedEvent(key="team", value="vision"), at + 1)
        self.event(stream, RunParameterAddedEvent(key="lr", value=0.5), at + 2)
        if points:
            self.event(values_stream(run_id, "w"), logged("loss", [1 / (n + 1) for n in range(points)]), at + 3)
        end = RunStatusChangedEvent(
            previous=RunStatus.RUNNING, status=RunStatus.COMPLETED, seal=Seal(last_values={"loss": 1 / max(points, 1)})
        )
        self.event(stream, end, at + 4)

    def replay(self, address: object, **selected: Any) -> Replayed:
        return replay(self.source, Lake(str(address)), Selection(**selected))

    def fold(self, partition: Partition, arrival: Arrival) -> None:
        """Take in a record where it lies."""
        database = self.source.database
        folded = fold(
            [arrival],
            partition=partition,
            progress=database.progress(partition.log, partition.number),
            head=database.head,
        )
        with database.writing() as connection:
            database.store(connection, partition, folded)


def logged(name: str, values: Sequence[Any], *, writer: str = "w", first: int = 1) -> RunLoggedEvent:
    """A batch of values of one metric."""
    index = [first + place for place in range(len(values))]
    series = Series(
        name=name,
        kind="scalar",
        index=index,
        times=[1_000_000 * each for each in index],
        steps=[*index],
        values=list(values),
    )
    return RunLoggedEvent(writer=writer, first=first, last=first + len(values) - 1, series=[series])


@contextmanager
def making(folder: Path, partitions: int = PARTITIONS) -> Iterator[Made]:
    """An empty ledger."""
    folder.mkdir(parents=True, exist_ok=True)
    identities = [LogIdentity(CONTROL, str(uuid4()), 1), LogIdentity(VALUES, str(uuid4()), partitions)]
    with (
        closing(Database(folder / "ledger.db", durable=False)) as database,
        closing(SqliteView(folder / "views.db")) as view,
    ):
        made = Made(Source(database, Feed(identities[0].id, database), view))
        for identity in identities:
            with database.writing() as connection:
                database.identify(connection, identity)
            first = genesis(identity, source="//s", actor="m", now=lambda: datetime.fromtimestamp(0, UTC))
            partition = Partition(identity.name, identity.id, 0, identity.partitions)
            made.fold(partition, Arrival(0, NOON - 9_000, first.record()))
        yield made


def tables_of(address: object) -> dict[str, list[dict[str, Any]]]:
    """The rows of every table of a lake, as any reader finds them: in all files of its folder, in the log's order."""
    place = Lake(str(address)).place
    return {name: rows_of(place, name) for name in TABLES}


def rows_of(place: Place, name: str) -> list[dict[str, Any]]:
    found = []
    for key in place.keys(f"{name}/"):
        with place.open(key) as stream:
            found += pq.ParquetFile(io.BytesIO(stream.read())).read().to_pylist()
    order = {"events": ("position",), "metrics": ("partition", "offset"), "runs": (), "experiments": ()}[name]
    return sorted(found, key=lambda row: [row[column] for column in order])


def files_of(address: object) -> set[str]:
    """The keys of all Parquet files."""
    place = Lake(str(address)).place
    return {key for name in TABLES for key in place.keys(f"{name}/")}


def same(tables: Any) -> str:
    """Rows as text, in which one NaN is like another."""
    return json.dumps(tables, default=str)
