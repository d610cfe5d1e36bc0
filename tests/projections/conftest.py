"""A ledger with a view behind it."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from examples.postgres_server import PostgresServer
from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.commands import Answer, Command
from ledger.feed import Feed
from ledger.logs.log import chain
from ledger.logs.sqlite import open_sqlite_log
from ledger.metrics import Scalar
from ledger.privacy.cipher import PLAIN, Cipher
from ledger.store.database import Database
from projections.answers import Answers
from projections.postgres.address import Address
from projections.postgres.searching import LONGEST
from projections.postgres.view import PostgresView
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
    postgres: str | None
    ledger: Ledger
    database: Database
    feed: Feed
    view: View
    answers: Answers

    def another_view(self) -> View:
        """The same tables, as another process sees them."""
        return open_view(self.folder, self.feed.log_id, self.postgres)

    def do(self, *commands: Command) -> list[Answer]:
        return [self.ledger.handle(command, CALLER) for command in commands]


def now() -> datetime:
    return datetime.now(UTC)


def open_view(folder: Path, log_id: str, postgres: str | None) -> View:
    return PostgresView(Address.of_log(postgres, log_id)) if postgres else SqliteView(folder / "views.db")


def open_workspace(
    folder: Path,
    metrics: Mapping[str, Mapping[str, Scalar]] | None = None,
    cipher: Cipher = PLAIN,
    *,
    postgres: str | None = None,
) -> Workspace:
    """With `postgres`, the view is in a schema of its own there.

    `metrics` are what runs have logged last: in their seals when they end, and asked for before.
    """
    logged = metrics or {}
    database = Database(folder / "ledger.db", durable=False, cipher=cipher)
    log = open_sqlite_log(database, "control", source="//host", actor="maria", now=now)
    feed, view = Feed(log.id, database), open_view(folder, log.id, postgres)
    ledger = Ledger(
        LedgerRecorder(log, database), now=now, seal=lambda run_id: Seal(last_values=dict(logged.get(run_id, {})))
    )
    answers = Answers(feed, view, lambda run_ids: {run_id: logged.get(run_id, {}) for run_id in run_ids})
    return Workspace(folder, postgres, ledger, database, feed, view, answers)


@pytest.fixture(params=["sqlite", "postgres"])
def workspace(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """One on each store."""
    opened = open_workspace(tmp_path, postgres=url_of(request))
    with closing(opened.database), closing(opened.view):
        yield opened


def url_of(request: pytest.FixtureRequest) -> str | None:
    """Where a parameter asks for PostgreSQL; nobody else starts it."""
    server: PostgresServer | None = request.getfixturevalue("postgres") if request.param == "postgres" else None
    return server.url if server else None


def rows(view: View) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of the run table, as both stores have them."""
    connection = view.reading()
    found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in RunsProjection().tables}
    values = connection.execute("SELECT run, field, value, created FROM run_values")
    found["run_values"] = [
        (run, field, repr(connection.dialect.value(value)), created) for run, field, value, created in values
    ]
    if isinstance(view, SqliteView):
        # Its index has the place of each word, and the other store the words in their order.
        words: dict[int, list[tuple[int, str]]] = {run[0]: [] for run in found["runs"]}
        for term, run, _, place in found["run_terms"]:
            words[run].append((place, term))
        found["run_words"] = [(run, f" {' '.join(word for _, word in sorted(of))} ") for run, of in words.items()]
        found["run_terms"] = [*{(term[:LONGEST], run) for term, run, _, _ in found["run_terms"]}]
    return {table: sorted(each) for table, each in found.items()}


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
