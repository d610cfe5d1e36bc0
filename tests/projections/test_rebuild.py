"""A view built again: beside the one in use, by several, stopped, killed, or of another version."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ledger.commands import StartRun, TagRun
from ledger.errors import LogRefusedError, WorkspaceError
from ledger.feed import Feed, FeedEvent
from ledger.queries import RunQuery
from projections.answers import PROJECTIONS
from projections.postgres.view import PostgresView
from projections.rebuild import rebuild
from projections.runner import catch_up
from projections.runs.projection import RunsProjection
from projections.sqlite.view import SqliteView
from projections.status import statuses
from projections.view import View
from schemas.errors import LedgerError
from tests.projections.conftest import Workspace, rows

ROOT = Path(__file__).resolve().parents[2]
RUNS_TABLE = PROJECTIONS[0]
BATCH = 7


class StoppedError(Exception):
    """As if the process had ended."""


class NextVersion(RunsProjection):
    """As a later program would have it: a column more of the same table."""

    version = RunsProjection.version + 1

    def schema(self, suffix: str) -> str:
        return super().schema(suffix) + f"; ALTER TABLE runs{suffix} ADD COLUMN more TEXT DEFAULT 'new'"


def start(workspace: Workspace, count: int) -> None:
    workspace.do(*(StartRun(run_id=f"r{n}", experiment="digits", tags={"a": str(n)}) for n in range(count)))


def tables_of(view: View) -> set[str]:
    if isinstance(view, PostgresView):
        select = (
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text = current_schema"
        )
        return {name for (name,) in view.reading().execute(select)} - {"store", "long_texts"}
    # The tables in which the full-text search keeps its index are its own, of the type "shadow".
    found = view.reading().execute(
        "SELECT name FROM pragma_table_list WHERE type IN ('table', 'virtual') AND name NOT LIKE 'sqlite_%'"
    )
    return {name for (name,) in found}


def generation(number: int) -> set[str]:
    return {"checkpoints", *(f"{table}_{number}" for table in RUNS_TABLE.tables)}


def test_a_rebuild_goes_on_where_it_was_stopped_and_readers_see_nothing_of_it(workspace: Workspace) -> None:
    start(workspace, 30)
    catch_up(workspace.view, RUNS_TABLE, workspace.feed)
    expected = rows(workspace.view)

    def stop(position: int, _: int) -> None:
        assert rows(workspace.view) == expected
        if position > 2 * BATCH:
            raise StoppedError

    with pytest.raises(StoppedError):
        rebuild(workspace.view, RUNS_TABLE, workspace.feed, stop, batch=BATCH)
    seen: list[tuple[int, int]] = []
    rebuild(workspace.view, RUNS_TABLE, workspace.feed, lambda *told: seen.append(told), batch=BATCH)

    assert seen[0] == (3 * BATCH, 31)
    assert seen[-1] == (31, 31)
    assert rows(workspace.view) == expected
    assert tables_of(workspace.view) == generation(2)


def test_a_first_rebuild_that_was_stopped_is_in_nobodys_way(workspace: Workspace) -> None:
    start(workspace, 30)

    def stop(position: int, _: int) -> None:
        if position:
            raise StoppedError

    with pytest.raises(StoppedError):
        rebuild(workspace.view, RUNS_TABLE, workspace.feed, stop, batch=BATCH)

    assert workspace.answers.run("r1")["run_id"] == "r1"
    expected = rows(workspace.view)
    rebuild(workspace.view, RUNS_TABLE, workspace.feed, batch=BATCH)
    assert rows(workspace.view) == expected
    assert len(tables_of(workspace.view)) == len(RUNS_TABLE.tables) + 1


def test_what_is_written_during_a_rebuild_is_in_the_new_tables(workspace: Workspace) -> None:
    """Questions come in between, and the new tables are never behind the old."""
    start(workspace, 20)
    workspace.answers.run("r1")

    def write_and_ask(position: int, _: int) -> None:
        if position < 40:
            workspace.do(StartRun(run_id=f"late{position}", experiment="digits"))
            assert workspace.answers.run(f"late{position}")["status"] == "Running"

    rebuild(workspace.view, RUNS_TABLE, workspace.feed, write_and_ask, batch=BATCH)

    checkpoint = workspace.view.checkpoint(RUNS_TABLE)
    assert checkpoint is not None
    assert (checkpoint.generation, checkpoint.position) == (2, workspace.feed.last_position())
    with tempfile.TemporaryDirectory() as folder, closing(SqliteView(Path(folder) / "v.db")) as other:
        catch_up(other, RUNS_TABLE, workspace.feed)
        assert rows(workspace.view) == rows(other)


def is_free(workspace: Workspace) -> bool:
    """Whether anybody could write now."""
    if isinstance(workspace.view, PostgresView):
        with closing(workspace.another_view()) as other:
            lock = f"SELECT pg_try_advisory_lock({workspace.view._lock})"
            return bool(other.reading().execute(lock).fetchall() == [(True,)])
    with closing(sqlite3.connect(workspace.folder / "views.db", timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


def test_a_question_may_write_while_a_rebuild_reads(workspace: Workspace) -> None:
    """The write lock is free while events are read and decoded, so a question need not wait for the end."""
    start(workspace, 20)
    workspace.answers.run("r1")
    free: list[bool] = []

    class Watched(Feed):
        def after(self, position: int, limit: int) -> list[FeedEvent]:
            free.append(is_free(workspace))
            return super().after(position, limit)

    rebuild(workspace.view, RUNS_TABLE, Watched(workspace.feed.log_id, workspace.database), batch=BATCH)

    assert free == [True] * 3 + [False]  # at last it must be sure that it missed nothing


def test_a_second_rebuild_of_the_same_moment_does_not_begin_again(workspace: Workspace) -> None:
    start(workspace, 20)
    workspace.answers.run("r1")
    read: list[int] = []

    def rebuild_too(position: int, _: int) -> None:
        read.append(position)
        if position == BATCH:
            with closing(workspace.another_view()) as other:
                rebuild(other, RUNS_TABLE, workspace.feed, batch=BATCH)

    done = rebuild(workspace.view, RUNS_TABLE, workspace.feed, rebuild_too, batch=BATCH)

    assert done.generation == 2
    assert read == [0, BATCH, 21]
    assert tables_of(workspace.view) == generation(2)


def rebuild_elsewhere(workspace: Workspace) -> None:
    with closing(workspace.another_view()) as other:
        rebuild(other, NextVersion(), workspace.feed)


def test_several_reads_see_one_moment_whatever_is_put_in_place(workspace: Workspace) -> None:
    start(workspace, 3)
    workspace.answers.run("r1")
    before = workspace.view.reading().execute("SELECT * FROM runs").fetchall()
    with workspace.view.snapshot() as connection:
        # The last of the tables first: who put them in place one by one would wait for this, and hold the others.
        connection.execute("SELECT * FROM run_words").fetchall()
        rebuilding = threading.Thread(target=rebuild_elsewhere, args=(workspace,))
        rebuilding.start()
        # SQLite puts them in place at once, PostgreSQL when those who read are done.
        rebuilding.join(0.5)
        assert connection.execute("SELECT * FROM runs").fetchall() == before
        assert rebuilding.is_alive() == (workspace.postgres is not None)
    rebuilding.join(30)
    assert workspace.view.reading().execute("SELECT DISTINCT more FROM runs").fetchall() == [("new",)]


def test_a_new_version_is_built_before_it_answers(workspace: Workspace) -> None:
    start(workspace, 20)
    workspace.answers.run("r1")
    later = NextVersion()

    catch_up(workspace.view, later, workspace.feed, batch=BATCH)
    assert {row[-1] for row in rows(workspace.view)["runs"]} == {"new"}
    workspace.do(TagRun(run_id="r1", tags={"b": "c"}))
    catch_up(workspace.view, later, workspace.feed, batch=BATCH)

    checkpoint = workspace.view.checkpoint(later)
    assert checkpoint is not None
    assert (checkpoint.version, checkpoint.generation) == (later.version, 2)
    assert {row[-1] for row in rows(workspace.view)["runs"]} == {"new"}


def test_an_older_program_leaves_newer_tables_alone(workspace: Workspace) -> None:
    start(workspace, 3)
    catch_up(workspace.view, NextVersion(), workspace.feed)
    newer = rows(workspace.view)
    workspace.do(TagRun(run_id="r1", tags={"b": "c"}))

    with pytest.raises(WorkspaceError, match="use the version of runledger that wrote it"):
        workspace.answers.run("r1")
    assert rows(workspace.view) == newer


def test_an_older_program_does_not_take_over_a_newer_rebuild(workspace: Workspace) -> None:
    start(workspace, 20)
    workspace.answers.run("r1")

    def stop(position: int, _: int) -> None:
        if position:
            raise StoppedError

    with pytest.raises(StoppedError):
        rebuild(workspace.view, NextVersion(), workspace.feed, stop, batch=BATCH)
    with pytest.raises(WorkspaceError, match="version"):
        rebuild(workspace.view, RUNS_TABLE, workspace.feed, batch=BATCH)

    assert workspace.answers.run("r1")["run_id"] == "r1"


def test_a_log_that_never_rests_does_not_hold_a_question(workspace: Workspace) -> None:
    start(workspace, 1)
    end = workspace.feed.last_position()

    class Growing(Feed):
        """Others write whenever somebody reads."""

        def after(self, position: int, limit: int) -> list[FeedEvent]:
            found = super().after(position, limit)
            workspace.do(TagRun(run_id="r0", tags={"n": str(position)}))
            return found

    position = catch_up(workspace.view, RUNS_TABLE, Growing(workspace.feed.log_id, workspace.database))

    assert end <= position < workspace.feed.last_position()


_PROJECT = """
import sys
from pathlib import Path
from tests.projections.conftest import open_workspace
from projections.answers import PROJECTIONS
from projections.runner import catch_up
from projections.postgres.view import PostgresView
from projections.rebuild import rebuild
workspace = open_workspace(Path(sys.argv[1]), postgres=sys.argv[3] or None)
print("ready", flush=True)
sys.stdin.readline()
while sys.argv[2] == "rebuild for ever":
    rebuild(workspace.view, PROJECTIONS[0], workspace.feed, batch=9)
if sys.argv[2] == "rebuild":
    print(rebuild(workspace.view, PROJECTIONS[0], workspace.feed, batch=9).generation)
catch_up(workspace.view, PROJECTIONS[0], workspace.feed, batch=9)
"""


def project(workspace: Workspace, what: str) -> "subprocess.Popen[str]":
    """Another process, ready to do what it is told by a line."""
    command = [sys.executable, "-c", _PROJECT, str(workspace.folder), what, workspace.postgres or ""]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def as_replayed(workspace: Workspace) -> dict[str, list[tuple[object, ...]]]:
    with tempfile.TemporaryDirectory() as folder, closing(SqliteView(Path(folder) / "v.db")) as other:
        catch_up(other, RUNS_TABLE, workspace.feed)
        return rows(other)


@pytest.mark.parametrize("what", [("catch up", "catch up"), ("rebuild", "rebuild"), ("catch up", "rebuild")])
def test_two_processes_project_at_once(what: tuple[str, str], workspace: Workspace) -> None:
    """Each batch is a transaction of its own, so that they really take turns."""
    start(workspace, 200)
    processes = [project(workspace, each) for each in what]
    for process in processes:
        go(process)
    for process in processes:
        process.communicate(timeout=60)

    assert [process.returncode for process in processes] == [0, 0]
    assert rows(workspace.view) == as_replayed(workspace)
    assert statuses(workspace.feed, workspace.view)[0].lag == 0
    assert len(tables_of(workspace.view)) == len(RUNS_TABLE.tables) + 1


def test_a_rebuild_that_is_killed_leaves_the_tables_in_use(workspace: Workspace) -> None:
    start(workspace, 120)
    catch_up(workspace.view, RUNS_TABLE, workspace.feed)
    expected = rows(workspace.view)
    left_behind: list[object] = []
    for milliseconds in (1, 5, 11, 17, 23, 31, 70, 110, 160, 300, 500, 900):
        if milliseconds > 160 and any(left_behind):
            break  # only a busy machine takes so long to begin
        process = project(workspace, "rebuild for ever")
        go(process)
        time.sleep(milliseconds / 1000)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        left_behind.append(workspace.view.checkpoint(RUNS_TABLE, building=True))
        assert rows(workspace.view) == expected
    rebuild(workspace.view, RUNS_TABLE, workspace.feed)

    assert any(left is not None for left in left_behind)
    assert rows(workspace.view) == expected
    assert len(tables_of(workspace.view)) == len(RUNS_TABLE.tables) + 1


def test_an_older_ledger_beside_a_newer_view_is_refused(workspace: Workspace) -> None:
    """As when a backup of ledger.db was put back, and views.db was not."""
    workspace.do(StartRun(run_id="r1", experiment="digits"), StartRun(run_id="r2", experiment="digits"))
    workspace.answers.runs(RunQuery())
    with workspace.database.writing() as connection:
        connection.execute("DELETE FROM control_events WHERE place > 2")

    with pytest.raises(
        LogRefusedError, match=r"up to position 3 and the ledger ends at 2.*(delete views\.db|DROP SCHEMA)"
    ):
        workspace.answers.runs(RunQuery())


def test_a_damaged_ledger_is_named_and_not_the_view(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r1", experiment="digits"))
    with workspace.database.writing() as connection:
        connection.execute("UPDATE control_events SET time = CAST(X'FF' AS TEXT)")
        connection.execute("DROP TABLE streams")

    with pytest.raises(LedgerError, match=r"ledger\.db"):
        workspace.answers.runs(RunQuery())


def test_who_waits_for_the_tables_hears_how_far_they_are(workspace: Workspace) -> None:
    start(workspace, 10)
    end = workspace.feed.last_position()
    told: list[tuple[int, int]] = []

    catch_up(workspace.view, RUNS_TABLE, workspace.feed, batch=BATCH, told=lambda *heard: told.append(heard))
    assert told[0] == (0, end)
    assert told[-1] == (end, end)
    assert len(told) > 2
    told.clear()
    catch_up(workspace.view, RUNS_TABLE, workspace.feed, batch=BATCH, told=lambda *heard: told.append(heard))
    assert told == []
