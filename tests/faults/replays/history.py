"""A workspace with a history of many days, written straight into its logs."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ledger.logs.log import chain
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER
from runledger.wiring import make_workspace
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
from schemas.streams import run_stream, values_stream

EVENTS_A_RUN = 8
_FIRST = datetime(2026, 9, 1, tzinfo=UTC)
_RUNS_A_DAY = 250


class _Clock:
    """The time of record, which the history moves."""

    def __init__(self) -> None:
        self.moment = _FIRST

    def __call__(self) -> datetime:
        return self.moment


def make_history(place: Path, runs: int, points: int) -> None:
    """So many runs, 250 a day, each with a batch of so many points."""
    make_workspace(place, log="sqlite")
    clock = _Clock()
    with closing(Database(place / FOLDER / "ledger.db", durable=False)) as database:
        control, values = (
            open_sqlite_log(database, name, source="//s", actor="maria", now=clock) for name in ("control", "values")
        )
        for number in range(runs):
            clock.moment = _FIRST + timedelta(days=number / _RUNS_A_DAY)
            _append(control, run_stream(f"r{number}"), list(_events(number)))
            if points:
                _append(values, values_stream(f"r{number}", "w"), [_logged(points)])


def _append(log: SqliteLog, stream: str, events: list[Event]) -> None:
    name, time = stream.replace(":", "-"), "2026-09-01T00:00:00.000000Z"
    log.append(
        chain(
            log.id,
            [
                Envelope(stream, seq, "", f"{name}-{seq}", "//s", event.type_name(), time, "maria", event.to_value())
                for seq, event in enumerate(events, 1)
            ],
        )
    )


def _events(number: int) -> Iterator[Event]:
    yield RunStartedEvent(experiment=f"e{number % 7}", experiment_id=f"i{number % 7}", display_name=f"run {number}")
    for key in ("team", "owner", "quality", "dataset", "branch"):
        yield RunTaggedEvent(key=key, value=f"{key} {number % 30}")
    yield RunParameterAddedEvent(key="lr", value=number / 1_000)
    yield RunStatusChangedEvent(
        previous=RunStatus.RUNNING, status=RunStatus.COMPLETED, seal=Seal(last_values={"loss": 1 / (number + 1)})
    )


def _logged(points: int) -> RunLoggedEvent:
    index = [*range(1, points + 1)]
    values = [1 / place for place in index]
    series = Series(name="loss", kind="scalar", index=index, times=index, steps=[*index], values=[*values])
    return RunLoggedEvent(writer="w", first=1, last=points, series=[series])
