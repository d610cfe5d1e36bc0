"""Views of one's own, built anew with a new version, and a kit that notices what replays would not bear."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ledger.commands import CreateExperiment, StartRun
from ledger.commands.privacy import NoteErased
from ledger.errors import LogRefusedError, RefusedError, WorkspaceError
from ledger.feed import FeedEvent
from projections.kit import Happened, of_run, rows_of
from projections.own import OwnView
from runledger.projecting import own_view
from runledger.wiring import make_workspace
from schemas.events import RunStartedEvent, RunTaggedEvent
from tests.ledger.privacy.stores import MemoryKeys, cipher_with
from tests.projections.conftest import Workspace, open_workspace


class Counted:
    """How many events each actor has made."""

    name: str = "counted"
    tables: tuple[str, ...] = ("counted",)

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def schema(self, suffix: str) -> str:
        return f"CREATE TABLE counted{suffix} (actor TEXT PRIMARY KEY, events INTEGER NOT NULL)"

    def apply(self, events: Sequence[FeedEvent], connection: sqlite3.Connection, suffix: str) -> None:
        for event in events:
            connection.execute(
                f"INSERT INTO counted{suffix} VALUES (?, ?) "
                "ON CONFLICT DO UPDATE SET events = events + excluded.events",
                (event.envelope.actor, self.version),
            )


class Batches(Counted):
    """Counts what no projection may: how often it was called."""

    def apply(self, events: Sequence[FeedEvent], connection: sqlite3.Connection, suffix: str) -> None:
        super().apply(events[:1], connection, suffix)


def test_rows_are_as_of_now_and_each_event_counts_once(workspace: Workspace, tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        workspace.do(CreateExperiment(name=f"e{expected}"))
        with OwnView(tmp_path / "own.db", Counted(), workspace.feed) as view:
            assert view.rows("SELECT events FROM counted WHERE actor = ?", "maria") == [{"events": expected}]


def test_a_new_version_is_built_anew_and_an_old_one_refused(workspace: Workspace, tmp_path: Path) -> None:
    workspace.do(CreateExperiment(name="e"), StartRun(run_id="r", experiment="e"))
    with OwnView(tmp_path / "own.db", Counted(), workspace.feed) as view:
        view.catch_up()
    with OwnView(tmp_path / "own.db", Counted(2), workspace.feed) as view:
        assert view.rows("SELECT events FROM counted") == [{"events": 4}]
    with OwnView(tmp_path / "own.db", Counted(), workspace.feed) as view, pytest.raises(WorkspaceError, match="newer"):
        view.catch_up()


def test_a_view_of_another_workspace_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with OwnView(tmp_path / "own.db", Counted(), workspace.feed) as view:
        view.catch_up()
    (tmp_path / "other").mkdir()
    other = open_workspace(tmp_path / "other")
    with OwnView(tmp_path / "own.db", Counted(), other.feed) as view, pytest.raises(LogRefusedError):
        view.catch_up()
    other.database.close()
    other.view.close()


def test_the_workspaces_own_files_are_no_place_for_it(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, log="sqlite")
    with pytest.raises(RefusedError, match="own files"), own_view(folder.views_db, Counted(), tmp_path):
        pass


def test_the_kit_shows_the_rows_of_each_table() -> None:
    tag = RunTaggedEvent(key="k", value="v")
    rows = rows_of(
        Counted(),
        of_run("r1", tag, "2026-11-23T10:00", actor="ada"),
        Happened(stream="run:r2", event=tag, at="2026-11-23T10:00+01:00"),
        of_run("r2", tag, "2026-11-24", actor="ada"),
    )
    assert rows == {"counted": [{"actor": "ada", "events": 2}, {"actor": "somebody", "events": 1}]}
    assert rows_of(Counted()) == {"counted": []}


def test_the_kit_notices_rows_that_depend_on_batches() -> None:
    tag = RunTaggedEvent(key="k", value="v")
    with pytest.raises(AssertionError, match="one by one"):
        rows_of(Batches(), of_run("r1", tag, "2026-11-23"), of_run("r1", tag, "2026-11-23"))


class Named(Counted):
    """The tags that runs were given, in the clear."""

    def apply(self, events: Sequence[FeedEvent], connection: sqlite3.Connection, suffix: str) -> None:
        for event in events:
            if isinstance(event.event, RunStartedEvent):
                text = " ".join(str(value) for value in event.event.tags.values())
                connection.execute(f"INSERT OR REPLACE INTO counted{suffix} VALUES (?, 1)", (text,))


def test_what_was_erased_is_in_no_view_of_ones_own_either(tmp_path: Path) -> None:
    keys = MemoryKeys()
    (tmp_path / "w").mkdir()
    workspace = open_workspace(tmp_path / "w", cipher=cipher_with(keys))
    with closing(workspace.database), closing(workspace.view):
        workspace.do(*(StartRun(run_id=name, experiment="e", tags={"t": f"{name} text"}) for name in ("zebra", "gnu")))
        with OwnView(tmp_path / "own.db", Named(), workspace.feed) as view:
            assert view.rows("SELECT actor FROM counted ORDER BY actor DESC") == [
                {"actor": "zebra text"},
                {"actor": "gnu text"},
            ]
            keys.destroy("run:zebra")
            workspace.do(NoteErased(stream="run:zebra", keys=[]))

            assert view.rows("SELECT actor FROM counted ORDER BY actor") == [
                {"actor": "(erased)"},
                {"actor": "gnu text"},
            ]
    assert b"zebra text" not in (tmp_path / "own.db").read_bytes()
