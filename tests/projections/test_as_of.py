"""A run as of a position: what a fold of the events up to it gives, and nothing later."""

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commands import ChangeStatus, DescribeRun, ResumeRun, StartRun, TagRun
from ledger.errors import NotFoundError, RunNotFoundError, RunNotThereYetError
from projections.answers import Answers
from projections.sqlite.view import SqliteView
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace, open_workspace
from tests.projections.test_strange_events import Told, append, strange


def folded_anew(workspace: Workspace, path: Path) -> dict[str, Any] | None:
    """What a view that knows nothing yet makes of the log as it is now."""
    with closing(SqliteView(path)) as fresh:
        try:
            return Answers(workspace.feed, fresh).run("r1")
        except NotFoundError:
            return None


@given(strange, strange)
@settings(max_examples=40, deadline=None)
def test_a_run_as_of_a_position_is_a_fresh_fold_of_the_events_up_to_it(before: list[Told], after: list[Told]) -> None:
    with tempfile.TemporaryDirectory() as name:
        workspace = open_workspace(Path(name))
        with closing(workspace.database), closing(workspace.view):
            for told in before:
                append(workspace, told)
            position, expected = workspace.feed.last_position(), folded_anew(workspace, Path(name) / "fresh.db")
            for told in after:
                append(workspace, told)
            try:
                found = workspace.answers.run_as_of("r1", position)
            except NotFoundError:
                found = None
            assert found == expected


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_each_step_of_a_run_is_found_again(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        workspace = open_workspace(Path(name))
        with closing(workspace.database), closing(workspace.view):
            workspace.do(StartRun(run_id="r1", experiment="digits", tags={"a": "1"}))
            seen = [(workspace.feed.last_position(), workspace.answers.run("r1"))]
            steps = [
                TagRun(run_id="r1", tags={"a": "2"}),
                DescribeRun(run_id="r1", changes={"description": "# better"}),
                StartRun(run_id="other", experiment="digits"),
                ChangeStatus(run_id="r1", status=RunStatus.FAILED, error={"code": "E", "message": "m"}),
                ResumeRun(run_id="r1"),
            ]
            for step in steps:
                workspace.do(step)
                seen.append((workspace.feed.last_position(), workspace.answers.run("r1")))
            position, expected = data.draw(st.sampled_from(seen))
            assert workspace.answers.run_as_of("r1", position) == expected


def test_before_its_first_event_there_is_no_such_run(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="first", experiment="digits"), StartRun(run_id="r1", experiment="digits"))
    first = workspace.answers.history("r1")[0].position
    with pytest.raises(RunNotThereYetError, match=f"begins at position {first}"):
        workspace.answers.run_as_of("r1", first - 1)
    with pytest.raises(RunNotFoundError):
        workspace.answers.run_as_of("nowhere", first)


def test_a_trail_tells_where_each_attempt_ran_its_last_lines_and_its_last_event(workspace: Workspace) -> None:
    here = {"host": "node-1", "command_line": ["python", "train.py"], "git": {"commit": "abc", "dirty": True}}
    workspace.do(
        StartRun(run_id="r1", experiment="digits", origin=here),
        ChangeStatus(run_id="r1", status=RunStatus.FAILED, log_lines=["one", "two"]),
    )
    ended = workspace.answers.trail("r1")
    workspace.do(ResumeRun(run_id="r1", origin={"host": "node-2"}), TagRun(run_id="r1", tags={"a": "b"}))
    resumed = workspace.answers.trail("r1")

    last = workspace.answers.history("r1")[-1]
    assert ended.log_lines == ["one", "two"]
    assert ended.origins == [{**here, "git": {"repository": None, "branch": None, **here["git"]}}]  # type: ignore[dict-item]
    assert [origin["host"] for origin in resumed.origins] == ["node-1", "node-2"]
    assert resumed.log_lines == ()
    assert (resumed.position, resumed.seq, resumed.hash) == (last.position, last.seq, last.hash)
