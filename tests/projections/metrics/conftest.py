"""A values log with the metrics view behind it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.logs.log import chain, prev_of
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.metrics import Scalar
from ledger.store.database import Database
from projections.metrics.queries import Metrics
from projections.view import View
from schemas.events import Event, RunLoggedEvent
from schemas.events.values import Series
from schemas.records import Envelope
from schemas.streams import values_stream
from tests.projections.conftest import now, open_view, url_of

RUN = "r1"


@dataclass(frozen=True)
class Opened:
    """Batches go in, answers come out."""

    database: Database
    log: SqliteLog
    view: View
    metrics: Metrics
    postgres: str | None = None

    def another_view(self) -> View:
        """The same tables, as another process sees them."""
        return open_view(self.database.path.parent, self.log.id, self.postgres)

    def append(self, type_: str, value: bytes, *, writer: str = "w1", run_id: str = RUN) -> int:
        """Append any event to a writer's stream, and answer with its place."""
        stream = values_stream(run_id, writer)
        head = self.database.head(stream)
        seq = head.seq + 1 if head else 1
        time = "2026-11-23T10:00:00.000000Z"
        envelope = Envelope(stream, seq, prev_of(head), f"e{seq}", "//s", type_, time, "maria", value)
        return self.log.append(chain(self.log.id, [envelope]))[0]

    def event(self, event: Event, *, writer: str = "w1", run_id: str = RUN) -> int:
        return self.append(event.type_name(), event.to_value(), writer=writer, run_id=run_id)

    def log_series(self, *series: Series, writer: str = "w1", run_id: str = RUN) -> int:
        """Append one batch."""
        return self.event(batch(*series, writer=writer), writer=writer, run_id=run_id)


def batch(*series: Series, writer: str = "w1") -> RunLoggedEvent:
    last = max((index for each in series for index in each.index), default=0)
    return RunLoggedEvent(writer=writer, first=0, last=last, series=list(series))


def scalars(name: str, values: Sequence[Scalar], *, kind: str = "scalar", begin: int = 0, time: int = 0) -> Series:
    """Values at steps and microseconds that count up."""
    count = len(values)
    return Series(
        name=name,
        kind=kind,
        index=list(range(begin, begin + count)),
        times=list(range(time + begin, time + begin + count)),
        steps=list(range(begin, begin + count)),
        values=list(values),
    )


def rows(name: str, columns: dict[str, list[Scalar]], *, kind: str = "row", begin: int = 0) -> Series:
    """Rows without steps, at microseconds that count up."""
    places = list(range(begin, begin + max(map(len, columns.values()), default=0)))
    return Series(name=name, kind=kind, index=places, times=places, columns=columns)


def open_metrics(folder: Path, postgres: str | None = None) -> Opened:
    database = Database(folder / "ledger.db", durable=False)
    log = open_sqlite_log(database, "values", source="//host", actor="maria", now=now)
    view = open_view(folder, log.id, postgres)
    return Opened(database, log, view, Metrics(database, view), postgres)


@pytest.fixture(params=["sqlite", "postgres"])
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """One on each store."""
    found = open_metrics(tmp_path, url_of(request))
    with closing(found.database), closing(found.view):
        yield found
