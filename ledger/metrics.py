"""What a client may ask about logged values, and the forms of the answers; light enough for a training process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Scalar = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Series:
    """All points of one metric, in the order they were logged; every column has one length.

    `kind` is the call that made it: "scalar" and "list" have `values`, "row" and "table" have
    `columns`. `times` are in microseconds since 1970 UTC.
    """

    name: str
    kind: str
    times: Sequence[int]
    steps: Sequence[int | None]
    values: Sequence[Scalar] | None = None
    columns: Mapping[str, Sequence[Scalar]] | None = None


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric in short: its last point, and the bounds of its finite numbers.

    `last` is a value, or for rows and tables the last row. Rows and tables have no bounds.
    """

    name: str
    kind: str
    count: int
    last: Scalar | Mapping[str, Scalar]
    last_step: int | None
    last_time: int | None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Points of neighbouring steps as one mark of a chart; bounds and mean are of finite numbers."""

    first_step: int
    last_step: int
    count: int
    minimum: float | None
    maximum: float | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class Thinned:
    """A metric, or one column of it, thinned for a chart."""

    name: str
    column: str | None
    buckets: Sequence[Bucket]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """Which points of a run: of one metric or of all, from one step to another, both included.

    A point without a step counts by its place in its series, from 0. With `as_of`, a position or a time in
    ISO 8601, those that the values log had by then: recorded at that time, or at the position's, or before.
    """

    run_id: str
    name: str | None = None
    first_step: int | None = None
    last_step: int | None = None
    as_of: str | None = None


class MetricQueries(Protocol):
    """Answers about logged values.

    Each raises UnavailableError if what lies at `at_least`, a place in the values log, has not
    arrived. None checks that the run is there: one without values has none.
    """

    def summaries(self, run_id: str, *, as_of: str | None = None, at_least: int = 0) -> Sequence[MetricSummary]:
        """The metrics of a run in short, in the order of first use; `as_of` is as in `SeriesQuery`."""

    def series(self, query: SeriesQuery, *, at_least: int = 0) -> Sequence[Series]:
        """Logged points."""

    def series_of(
        self, run_ids: Sequence[str], name: str | None = None, *, as_of: str | None = None, at_least: int = 0
    ) -> Mapping[str, Sequence[Series]]:
        """Logged points of several runs by run id, of one metric or of all; `as_of` is as in `SeriesQuery`."""

    def thinned(self, query: SeriesQuery, *, buckets: int, at_least: int = 0) -> Sequence[Thinned]:
        """Logged points, thinned for a chart."""
