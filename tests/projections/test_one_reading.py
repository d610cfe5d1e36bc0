"""Several views from one reading of the events, wherever each of them is."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Thread, current_thread
from time import monotonic, sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.commands import ChangeStatus, Command, StartRun, TagRun
from ledger.errors import WorkspaceError
from ledger.feed import Feed, FeedEvent
from projections import runner
from projections.answers import PROJECTIONS
from projections.leftovers import drop_leftovers, give_up
from projections.projection import Projection
from projections.rebuild import rebuild, rebuild_all
from projections.runner import catch_up, catch_up_all
from projections.runs import fold
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace, open_workspace, rows
from tests.projections.stories import stories
from tests.projections.test_rebuild import is_free

RUNS, *OTHERS = PROJECTIONS
AUDIT = PROJECTIONS[-1]


class StoppedError(Exception):
    """As if the process had ended."""


class Counted(Feed):
    """Counts the events that are read."""

    read = 0

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        found = super().after(position, limit)
        self.read += len(found)
        return found


def counted(workspace: Workspace) -> Counted:
    return Counted(workspace.feed.log_id, workspace.database)


def contents(view: View, projections: Sequence[Projection] = PROJECTIONS) -> dict[str, list[Any]]:
    found = rows(view) if RUNS in projections else {}
    for table in (table for each in projections if each is not RUNS for table in each.tables):
        found[table] = sorted(view.reading().execute(f"SELECT * FROM {table}").fetchall())
    return found


def fill(workspace: Workspace, count: int = 30) -> int:
    workspace.do(*(StartRun(run_id=f"r{n}", experiment=f"e{n % 3}", tags={"a": str(n % 5)}) for n in range(count)))
    workspace.do(*(TagRun(run_id=f"r{n}", tags={"b": "c"}) for n in range(0, count, 2)))
    return workspace.feed.last_position()


def positions(view: View, *, building: bool = False) -> list[int | None]:
    found = [view.checkpoint(each, building=building) for each in PROJECTIONS]
    return [at.position if at else None for at in found]


def test_each_event_is_read_once_for_all_views(workspace: Workspace) -> None:
    end = fill(workspace)
    feed = counted(workspace)
    assert catch_up_all(workspace.view, PROJECTIONS, feed, batch=7) == end
    assert feed.read == end
    before = contents(workspace.view)

    feed = counted(workspace)
    done = rebuild_all(workspace.view, PROJECTIONS, feed, batch=7)
    assert feed.read == end
    assert [(at.generation, at.position) for at in done] == [(2, end)] * len(PROJECTIONS)
    assert contents(workspace.view) == before


def test_views_at_different_places_meet_and_go_on_as_one(workspace: Workspace) -> None:
    end = fill(workspace)
    catch_up(workspace.view, AUDIT, workspace.feed, batch=1_000)
    expected_audit = contents(workspace.view, [AUDIT])

    with pytest.raises(StoppedError):
        rebuild(workspace.view, AUDIT, workspace.feed, stop_behind(10), batch=4)
    with pytest.raises(StoppedError):
        rebuild(workspace.view, RUNS, workspace.feed, stop_behind(20), batch=4)
    assert positions(workspace.view, building=True) == [24, None, None, 12]
    told: list[int] = []
    feed = counted(workspace)
    rebuild_all(workspace.view, PROJECTIONS, feed, lambda position, _: told.append(position), batch=9)

    assert told[:5] == [0, 9, 12, 21, 24]
    # Read to the second place, to the third, and to the end: each event once, but for what a batch had too many.
    assert end <= feed.read <= end + 2 * 9
    assert contents(workspace.view, [AUDIT]) == expected_audit
    with tempfile.TemporaryDirectory() as folder, closing(SqliteView(Path(folder) / "v.db")) as other:
        catch_up_all(other, PROJECTIONS, workspace.feed)
        assert contents(workspace.view) == contents(other)


def stop_behind(place: int) -> Any:
    def stop(position: int, _: int) -> None:
        if position > place:
            raise StoppedError

    return stop


@given(stories, st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_are_the_same_whatever_is_remembered_and_however_events_are_cut(
    story: list[Command], sizes: list[int]
) -> None:
    """A fold that remembers runs, facts and names from batch to batch, and one that begins anew each time."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder))
        with closing(workspace.database), closing(workspace.view), closing(SqliteView(Path(folder) / "v.db")) as other:
            for command in story:
                try:
                    workspace.do(command)
                except Exception:  # noqa: BLE001, S112 - what is refused is no event, or one of a refusal
                    continue
            end = workspace.feed.last_position()
            for position, size in zip(range(end + 1), sizes * (end + 1), strict=False):
                catch_up_all(other, PROJECTIONS, Upto(workspace, position), batch=size)
            catch_up_all(other, PROJECTIONS, workspace.feed, batch=sizes[0])
            rebuild_all(workspace.view, PROJECTIONS, workspace.feed, batch=sizes[-1])
            assert contents(workspace.view) == contents(other)


class Upto(Feed):
    """The log as it was when `until` was its last position."""

    def __init__(self, workspace: Workspace, until: int) -> None:
        super().__init__(workspace.feed.log_id, workspace.database)
        self.until = until

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        return [event for event in super().after(position, limit) if event.position <= self.until]

    def last_position(self) -> int:
        return self.until


def test_what_is_remembered_is_bounded_and_read_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_RUNS_KEPT", "_FACTS_KEPT", "_EXPERIMENTS_KEPT"):
        monkeypatch.setattr(fold, name, 2)
    fill(workspace)
    workspace.do(*(ChangeStatus(run_id=f"r{n}", status=RunStatus.COMPLETED) for n in range(30)))
    rebuild(workspace.view, RUNS, workspace.feed, batch=3)
    little = contents(workspace.view, [RUNS])
    monkeypatch.undo()
    rebuild(workspace.view, RUNS, workspace.feed)
    assert contents(workspace.view, [RUNS]) == little


def test_who_waits_may_write_while_a_batch_is_prepared(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is held for the writing alone."""
    fill(workspace)
    free: list[bool] = []
    take = fold.RunsFold.take

    def watched(self: fold.RunsFold, events: Sequence[FeedEvent], connection: Any) -> Any:
        free.append(is_free(workspace))
        return take(self, events, connection)

    monkeypatch.setattr(fold.RunsFold, "take", watched)
    rebuild(workspace.view, RUNS, workspace.feed, batch=9)
    assert len(free) > 5
    assert free == [True] * (len(free) - 1) + [False]  # at last, what came meanwhile, and the swap


def test_a_long_log_is_read_into_new_tables_as_a_rebuild_does(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for other tables meanwhile is not in its way, nor it in theirs."""
    monkeypatch.setattr(runner, "_MUCH", 10)
    end = fill(workspace)
    free: list[bool] = []
    told: list[tuple[int, int]] = []

    def listen(*heard: int) -> None:
        told.append((heard[0], heard[1]))
        free.append(is_free(workspace))

    catch_up_all(workspace.view, PROJECTIONS, workspace.feed, told=listen)

    assert (told[0], told[-1]) == ((0, end), (end, end))
    assert all(free)
    assert positions(workspace.view) == [end] * len(PROJECTIONS)
    assert positions(workspace.view, building=True) == [None] * len(PROJECTIONS)
    assert workspace.answers.run("r1")["run_id"] == "r1"


def test_a_second_rebuild_leaves_the_work_to_the_first(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(workspace, 60)
    first: list[Thread] = []
    taken: list[str] = []
    take = fold.RunsFold.take

    def watched(self: fold.RunsFold, events: Sequence[FeedEvent], connection: Any) -> Any:
        taken.append(current_thread().name)
        return take(self, events, connection)

    def begin_another(position: int, _: int) -> None:
        if position == 6:
            first.append(Thread(target=rebuild, args=(workspace.view, RUNS, workspace.feed), kwargs={"batch": 3}))
            first[0].start()
            wait_until(lambda: first[0].name in taken)

    monkeypatch.setattr(fold.RunsFold, "take", watched)
    done = rebuild(workspace.view, RUNS, workspace.feed, begin_another, batch=3)
    first[0].join()

    assert done.generation == 1
    mine, theirs = taken.count(current_thread().name), taken.count(first[0].name)
    assert mine + theirs < 2 * 90 / 3


def wait_until(met: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not met():
        assert monotonic() < deadline
        sleep(0.001)


def test_a_rebuild_that_somebody_gives_up_says_so(workspace: Workspace) -> None:
    fill(workspace)
    workspace.answers.run("r1")

    def give_it_up(position: int, _: int) -> None:
        if position == 8:
            give_up(workspace.view, RUNS)

    with pytest.raises(WorkspaceError, match="given up by somebody else; the view is as it was"):
        rebuild(workspace.view, RUNS, workspace.feed, give_it_up, batch=4)
    assert [generation for _, generation in workspace.view.leftovers(RUNS)] == [2] * len(RUNS.tables)
    assert drop_leftovers(workspace.view, RUNS) == len(RUNS.tables)
    assert drop_leftovers(workspace.view, RUNS) == 0
    assert workspace.answers.run("r1")["run_id"] == "r1"
    assert rebuild(workspace.view, RUNS, workspace.feed).generation == 2


def test_a_rebuild_begins_beside_what_is_left_of_another(workspace: Workspace) -> None:
    fill(workspace)
    workspace.answers.run("r1")
    with workspace.view.writing() as connection:
        connection.execute("CREATE TABLE facets_2 (left_behind INTEGER)")
    assert rebuild(workspace.view, RUNS, workspace.feed).generation == 3
    assert workspace.view.leftovers(RUNS) == []
