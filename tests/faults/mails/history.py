"""Runs by the thousand, appended straight to the log of a workspace beside a server that reads it."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ledger.logs.log import chain
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.store.database import Database
from ledger.workspace.folder import open_folder
from schemas.events import Event, RunParameterAddedEvent, RunStartedEvent, RunStatusChangedEvent, RunTaggedEvent
from schemas.records import Envelope
from schemas.statuses import RunStatus
from schemas.streams import CONTROL, run_stream

EVENTS_A_RUN = 4
"""What each of them is."""

_FAILS = 100
_HANGS = 1_000


def append_runs(workspace: Path, numbers: range) -> None:
    """Append runs of four events each: one in a hundred fails, one in a thousand does not end.

    Of one in a thousand it is presumed that it failed, and then it reports that it completed.
    """
    with closing(Database(open_folder(workspace).ledger_db, durable=False)) as database:
        log = open_sqlite_log(database, CONTROL, source="//history", actor="maria", now=lambda: datetime.now(UTC))
        for number in numbers:
            _append(log, number)


def _append(log: SqliteLog, number: int) -> None:
    first = Envelope(
        stream=run_stream(f"r{number}"),
        seq=1,
        prev="",
        id="",
        source="//history",
        type="",
        time="2026-11-23T10:00:00.000000Z",
        actor="maria",
        value=b"",
    )
    envelopes = [
        first._replace(seq=seq, id=f"{number}-{seq}", type=event.type_name(), value=event.to_value())
        for seq, event in enumerate(_events(number), 1)
    ]
    log.append(chain(log.id, envelopes))


def _events(number: int) -> list[Event]:
    end = RunStatus.FAILED if number % _FAILS == 7 else RunStatus.COMPLETED
    status = RunStatus.FINALIZING if number % _HANGS == 3 else end
    if number % _HANGS == 11:
        return [
            RunStartedEvent(experiment=f"e{number % 7}", experiment_id="i"),
            RunTaggedEvent(key="team", value=f"t{number % 3}"),
            RunStatusChangedEvent(previous=RunStatus.RUNNING, status=RunStatus.FAILED, presumed=True),
            RunStatusChangedEvent(previous=RunStatus.FAILED, status=RunStatus.COMPLETED),
        ]
    return [
        RunStartedEvent(experiment=f"e{number % 7}", experiment_id="i"),
        RunTaggedEvent(key="team", value=f"t{number % 3}"),
        RunParameterAddedEvent(key="lr", value=number / 1_000),
        RunStatusChangedEvent(previous=RunStatus.RUNNING, status=status),
    ]
