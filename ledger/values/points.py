"""Points as the journal holds them, and how they are gathered into batches."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.metrics import Scalar
from ledger.values.batch import Batch, SeriesJson
from ledger.values.forms import spelled, spelled_all
from schemas.limits import Limits

BATCH_BYTES = 700_000
"""About how large a batch may be; a broker takes a megabyte."""

SCALAR, LIST, ROW, TABLE = "scalar", "list", "row", "table"


@dataclass(slots=True)
class Point:
    """One call of `log*`: its journal index, its time in epoch microseconds, and what was logged.

    `content` is a value, a list, a row's cells or a table's columns, as `kind` says. `size` is its
    length in the journal, in bytes.
    """

    index: int
    time: int
    kind: str
    name: str
    content: Any
    step: int | None
    description: str | None
    size: int


@dataclass(slots=True)
class _Column:
    """The points of one metric while a batch is gathered."""

    name: str
    kind: str
    description: str | None
    index: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    steps: list[int | None] = field(default_factory=list)
    values: list[Scalar] = field(default_factory=list)
    columns: dict[str, list[Scalar]] = field(default_factory=dict)

    def add(self, point: Point) -> int:
        """Take in a point, and tell how many rows it brought."""
        before = len(self.index)
        match self.kind:
            case "scalar":
                self.values.append(point.content)
                count = 1
            case "list":
                self.values += point.content
                count = len(point.content)
            case "row":
                self._add_cells({key: [cell] for key, cell in point.content.items()}, before, 1)
                count = 1
            case _:
                count = max(map(len, point.content.values()), default=0)
                self._add_cells(point.content, before, count)
        self.index += [point.index] * count
        self.times += [point.time] * count
        self.steps += [point.step] * count
        return count

    def _add_cells(self, cells: Mapping[str, list[Scalar]], before: int, count: int) -> None:
        for key in cells:
            self.columns.setdefault(key, [None] * before)
        for key, column in self.columns.items():
            column.extend(cells.get(key) or [None] * count)

    def series(self) -> SeriesJson:
        found: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.description is not None:
            found["description"] = self.description
        found |= {"index": self.index, "times": self.times}
        if any(step is not None for step in self.steps):
            found["steps"] = self.steps
        if self.kind in {SCALAR, LIST}:
            return found | {"values": spelled_all(self.values)}
        return found | {"columns": {key: [spelled(cell) for cell in cells] for key, cells in self.columns.items()}}


def batches(
    run_id: str, writer: str, after: int, points: Iterable[Point], limits: Limits, *, batch_bytes: int = BATCH_BYTES
) -> Iterator[Batch]:
    """Points of one writer as batches that follow journal index `after` without a gap."""
    gathered: dict[tuple[str, str], _Column] = {}
    rows = size = 0
    first, last, time = after + 1, after, 0
    for point in points:
        if gathered and (rows >= limits.points_per_batch or size + point.size > batch_bytes):
            yield _batch(run_id, writer, first, last, time, gathered)
            gathered, rows, size, first = {}, 0, 0, last + 1
        column = gathered.get((point.name, point.kind))
        if column is None:
            column = gathered[point.name, point.kind] = _Column(point.name, point.kind, point.description)
        rows += column.add(point)
        size += point.size
        last, time = point.index, point.time
    if gathered:
        yield _batch(run_id, writer, first, last, time, gathered)


def _batch(
    run_id: str, writer: str, first: int, last: int, time: int, gathered: Mapping[tuple[str, str], _Column]
) -> Batch:
    series = [column.series() for column in gathered.values()]
    return Batch(run_id=run_id, writer=writer, first=first, last=last, series=series, occurred_at=time)
