"""A ledger with a view behind it."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.commands import Answer, Command
from ledger.feed import Feed
from ledger.logs.log import chain
from ledger.logs.sqlite import open_sqlite_log
from ledger.metrics import Scalar
from ledger.store.database import Database
from projections.answers import Answers
from projections.runs.projection import RunsProjection
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas.events import Seal
from schemas.records import Envelope

CALLER = Caller(actor="maria", source="//host/runledger")


@dataclass(frozen=True)
class Workspace:
    """Commands go in, answers come out."""

    folder: Path
    ledger: Ledger
    database: Database
    feed: Feed
    view: View
    answers: Answers

    def do(self, *commands: Command) -> list[Answer]:
        return [self.ledger.handle(command, CALLER) for command in commands]


def now() -> datetime:
    return datetime.now(UTC)


def open_workspace(folder: Path, metrics: Mapping[str, Mapping[str, Scalar]] | None = None) -> Workspace:
    """`metrics` are what runs have logged last: in their seals when they end, and asked for before."""
    logged = metrics or {}
    database = Database(folder / "ledger.db", durable=False)
    log = open_sqlite_log(database, "control", source="//host", actor="maria", now=now)
    feed, view = Feed(log.id, database), SqliteView(folder / "views.db")
    ledger = Ledger(
        LedgerRecorder(log, database), now=now, seal=lambda run_id: Seal(last_values=dict(logged.get(run_id, {})))
    )
    answers = Answers(feed, view, lambda run_ids: {run_id: logged.get(run_id, {}) for run_id in run_ids})
    return Workspace(folder, ledger, database, feed, view, answers)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path)
    with closing(opened.database), closing(opened.view):
        yield opened


def rows(view: View) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of the run table."""
    return {
        table: sorted(view.reading().execute(f"SELECT * FROM {table}").fetchall()) for table in RunsProjection().tables
    }


def append(workspace: Workspace, stream: str, type_: str, value: bytes) -> None:
    """An accepted event that no command of ours would make."""
    head = workspace.database.head(stream)
    log = workspace.ledger._recorder.log
    event = Envelope(
        stream,
        head.seq + 1 if head else 1,
        head.hash.hex() if head else "",
        "id",
        "//s",
        type_,
        "2026-02-30T99:00:00Z",
        "a",
        value,
    )
    log.append(chain(log.id, [event]))
