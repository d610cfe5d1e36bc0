"""Replaying the history into a lake, from where the last replay ended."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc

from ledger.feed import Feed
from ledger.store.database import Database
from ledger.store.tables import offset_of
from projections.analytics.columns import TABLES
from projections.analytics.lake import Lake, LakeFile
from projections.analytics.latest import latest
from projections.analytics.manifest import Manifest, begun, refuse_ahead
from projections.analytics.reading import History, by_day
from projections.analytics.selection import LOGS, Bounds, Range, Selection, bounds_of
from projections.analytics.slots import FOLDERS, LOG_OF, Slot, day_of, slots, start_of
from projections.view import View
from schemas.streams import CONTROL, LogName

Progress = Callable[[int, int], None]


class Source(NamedTuple):
    """A ledger, and the view whose tables of runs and experiments are copied."""

    database: Database
    feed: Feed
    view: View


@dataclass(slots=True)
class Replayed:
    """What a replay came to: the position that the lake has, and how many records, files and rows were written.

    `records` are those that are new; `skipped` are batches of values that this program could not read.
    """

    position: int = 0
    records: int = 0
    files: int = 0
    events: int = 0
    points: int = 0
    runs: int = 0
    experiments: int = 0
    skipped: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def replay(
    source: Source,
    lake: Lake,
    selection: Selection = Selection(),  # noqa: B008 - immutable
    progress: Progress = lambda *_: None,
) -> Replayed:
    """Bring a lake up to the end of what is selected; killed at any time, the next one goes on.

    Raises:
        LogRefusedError: the lake was filled from another log.
        WorkspaceError: it was begun with another selection, or has come further.
        NotFoundError: the position to end at is not there yet.
        RefusedError: something else lies there.
        UnavailableError: another replay is at work, or nothing can be written.
    """
    with lake.writing(), source.database.clear_errors():
        manifest = begun(lake.manifest(), source.feed.log_id, selection, lake.address)
        # What the lake began with holds for all of it.
        selection = Selection(**asdict(selection) | {"since": manifest.since, "experiment": manifest.experiment})
        bounds = bounds_of(source.database, selection)
        refuse_ahead(manifest, bounds, lake.address)
        # Before any file, so that whatever becomes of this replay they are known as ours.
        lake.keep(manifest)
        replaying = Replaying(source, lake, manifest, bounds, progress)
        replaying.write_history()
        replaying.write_latest()
        return replaying.done


def batches(source: Source, table: str, selection: Selection) -> Iterator[pa.RecordBatch]:
    """The rows of one table, some at a time, without any lake; raises NotFoundError as `replay` does."""
    with source.database.clear_errors():
        bounds = bounds_of(source.database, selection)
    log = LOG_OF.get(table)
    if log is not None:
        history = History(source.database, selection.experiment)
        for places in bounds.ranges[log]:
            yield from (part.rows for part in history.parts(log, places))
        return
    upto = None if bounds.whole else bounds.position
    with latest(source.view, source.feed, upto, selection.experiment) as found:
        yield from found.runs() if table == "runs" else found.experiments()


class Replaying:
    """A replay at work: first the history, then what is latest."""

    def __init__(
        self, source: Source, lake: Lake, manifest: Manifest, bounds: Bounds, progress: Progress = lambda *_: None
    ) -> None:
        """Go on from a manifest up to these bounds; the lake is held by the caller."""
        self._source, self._lake, self._manifest, self._bounds = source, lake, manifest, bounds
        self._progress = progress
        self._history = History(source.database, manifest.experiment)
        self.done = Replayed(position=bounds.position)
        self._total = sum(places.beyond - places.begin for _, places in self._missing())

    def write_history(self) -> None:
        """Bring events and metrics to the bounds, a slot after another."""
        for log, places in self._missing():
            for slot in slots(log, places.begin, places.beyond):
                new = Range(max(slot.begin, places.begin), min(slot.beyond, places.beyond))
                self._write(slot, new)
                self._manifest = self._manifest.past(log, slot.partition, new.beyond)
                self._lake.keep(self._manifest)

    def write_latest(self) -> None:
        """Put tables of runs and experiments as of the bounds in the place of those that lie there."""
        written = self._manifest.snapshots
        if written is not None and self._bounds.position <= written:
            return
        upto = None if self._bounds.whole else self._bounds.position
        with latest(self._source.view, self._source.feed, upto, self._manifest.experiment) as found:
            self.done.runs = self._write_table("runs", found.runs())
            self.done.experiments = self._write_table("experiments", found.experiments())
            position = max(found.position, self._bounds.position)
        self._manifest = replace(self._manifest, snapshots=position)
        self._lake.keep(self._manifest)

    def _missing(self) -> Iterator[tuple[LogName, Range]]:
        """What the lake does not have yet of each partition."""
        for log in LOGS:
            for number, places in enumerate(self._bounds.ranges[log]):
                yield (
                    log,
                    Range(min(max(places.begin, self._manifest.next_of(log, number)), places.beyond), places.beyond),
                )

    def _write(self, slot: Slot, new: Range) -> None:
        """Write what is new of a slot; the file of a day that goes on is written anew, with all that it has."""
        before = self.done.records
        with _Days(self._lake, slot) as days:
            for part in self._history.parts(slot.log, Range(self._begin(slot, new), new.beyond)):
                for day, rows in by_day(part.rows):
                    days.write(day, rows)
                    self._count(slot.log, rows, new.begin)
                self.done.skipped += part.skipped
                self.done.records = before + max(part.beyond - new.begin, 0)
                self._progress(self.done.records, self._total)
        self.done.files += days.files

    def _begin(self, slot: Slot, new: Range) -> int:
        """The first place of the slot that was recorded on the day of the first new record."""
        first = self._source.database.plain_events(slot.log, new.begin, new.beyond - 1, limit=1)
        if not first:
            return new.beyond
        midnight = start_of(day_of(first[0][-1]))
        begin = self._source.database.place_since(slot.log, midnight, slot.partition)
        return max(begin, slot.begin, self._bounds.ranges[slot.log][slot.partition].begin)

    def _count(self, log: LogName, rows: pa.RecordBatch, new: int) -> None:
        places = rows.column("position" if log == CONTROL else "offset")
        count = pc.sum(pc.greater_equal(places, offset_of(new))).as_py()
        if log == CONTROL:
            self.done.events += count
        else:
            self.done.points += count

    def _write_table(self, name: str, batches: Iterable[pa.RecordBatch]) -> int:
        with self._lake.file(f"{name}/{name}.parquet", TABLES[name], even_empty=True) as file:
            for rows in batches:
                file.write(rows)
        self.done.files += 1
        return file.rows


class _Days:
    """The files of a slot, a day after another."""

    def __init__(self, lake: Lake, slot: Slot) -> None:
        self.files = 0
        self._lake, self._slot = lake, slot
        self._schema = TABLES[FOLDERS[slot.log]]
        self._stack = ExitStack()
        self._file: LakeFile | None = None
        self._day: int | None = None

    def write(self, day: int, rows: pa.RecordBatch) -> None:
        if self._file is None or day != self._day:
            self._stack.close()  # the file of the day before is whole
            self._file = self._stack.enter_context(self._lake.file(self._slot.file(day), self._schema))
            self._day = day
            self.files += 1
        self._file.write(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
