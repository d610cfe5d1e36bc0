"""What the values log holds: batches of logged values, and which writers are alive."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from schemas.events.base import Count, Event, Maybe, Microseconds, Milliseconds, Part, Step, Text
from schemas.events.logged import LoggedValues


class Series(Part):
    """The points of one metric in one batch, in columns of one length.

    `kind` says how they were logged: "scalar" and "list" have `values`; "row" and "table" have
    `columns`, a point for each row. `index` is each point's journal index: all points of one call
    share it. A kind yet unknown is to be shown by what it has.
    """

    name: Text
    kind: Text
    description: Maybe[Text] = None
    index: list[Count]
    times: list[Microseconds]
    steps: Maybe[list[Step | None]] = None
    values: Maybe[LoggedValues] = None
    columns: Maybe[dict[Text, LoggedValues]] = None

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if (self.values is None) == (self.columns is None):
            raise ValueError("a series has either values or columns")
        columns = [self.times, self.steps, self.values, *(self.columns or {}).values()]
        if any(column is not None and len(column) != len(self.index) for column in columns):
            raise ValueError("the columns of a series have different lengths")
        return self


class RunLoggedEvent(Event):
    """A batch of what one writer logged: everything from journal index `first` to `last`."""

    name: ClassVar[str] = "run.logged"

    writer: Text
    first: Count
    last: Count
    series: list[Series] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_indices(self) -> Self:
        lowest = min((min(series.index) for series in self.series if series.index), default=self.first)
        highest = max((max(series.index) for series in self.series if series.index), default=self.last)
        if not self.first <= lowest <= highest <= self.last:
            raise ValueError("a batch holds a journal index that is not between its first and last")
        return self


class PresentWriter(Part):
    """A writer that was heard from; `left` if it said that it will be silent from now on."""

    run_id: Text
    writer: Text
    seen_at: Milliseconds
    left: bool = False


class PresenceReportedEvent(Event):
    """The writers that a server heard from since its last report."""

    name: ClassVar[str] = "presence.reported"

    server: Text
    writers: list[PresentWriter]
