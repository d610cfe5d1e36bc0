"""The run table: the same rows live, replayed and rebuilt; the same answers as a plain filter."""

import base64
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.commands import ChangeStatus, Command, StartRun
from ledger.errors import InvalidNameError, LimitExceededError, LogRefusedError, RunNotFoundError, UnavailableError
from ledger.feed import Feed
from ledger.queries import ANY_VALUE, RunDocument, RunQuery
from projections.answers import PROJECTIONS
from projections.rebuild import rebuild
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from projections.status import statuses
from schemas import registry
from schemas.errors import LedgerError
from schemas.events import RunTaggedEvent
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace, append, open_workspace, rows
from tests.projections.stories import KEYS, VALUES, stories

RUNS_TABLE = PROJECTIONS[0]


@contextmanager
def fresh() -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_workspace(Path(folder))
        with closing(opened.database), closing(opened.view):
            yield opened


def tell(workspace: Workspace, story: list[Command], *, live: bool = False) -> None:
    for command in story:
        try:
            workspace.do(command)
        except LedgerError:
            continue
        if live:
            catch_up(workspace.view, RUNS_TABLE, workspace.feed)


@given(stories)
@settings(max_examples=40, deadline=None)
def test_live_replayed_and_rebuilt_rows_are_identical(story: list[Command]) -> None:
    with fresh() as workspace:
        tell(workspace, story, live=True)
        catch_up(workspace.view, RUNS_TABLE, workspace.feed)
        live = rows(workspace.view)
        with tempfile.TemporaryDirectory() as folder, closing(SqliteView(Path(folder) / "v.db")) as other:
            catch_up(other, RUNS_TABLE, workspace.feed)
            replayed = rows(other)
        rebuild(workspace.view, RUNS_TABLE, workspace.feed)

        assert replayed == live
        assert rows(workspace.view) == live


conditions: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    experiment=st.sampled_from([None, "e1", "e2", "nowhere"]),
    statuses=st.lists(st.sampled_from(["Running", "Completed", "Failed", "NotStarted"]), max_size=2, unique=True),
    tags=st.dictionaries(st.sampled_from(KEYS), st.sampled_from([*VALUES, None, ANY_VALUE]), max_size=2),
    properties=st.dictionaries(st.sampled_from(KEYS), st.sampled_from([*VALUES, ANY_VALUE]), max_size=2),
    target=st.sampled_from([None, None, "gpu"]),
    parent_run_id=st.sampled_from([None, None, "r1"]),
    include_children=st.booleans(),
    include_archived=st.booleans(),
)


@given(stories, st.lists(conditions, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_query_finds_what_a_plain_filter_finds_each_run_once(
    story: list[Command], wanted: list[dict[str, Any]]
) -> None:
    with fresh() as workspace:
        tell(workspace, story)
        everything = pages(workspace, RunQuery(include_children=True, include_archived=True, limit=2))
        for fields in wanted:
            found = pages(workspace, RunQuery(limit=2, **fields))

            assert found == [run for run in everything if matches(run, fields)]


def pages(workspace: Workspace, query: RunQuery) -> list[RunDocument]:
    found: list[RunDocument] = []
    cursor: str | None = None
    while True:
        page = workspace.answers.runs(with_cursor(query, cursor))
        found += page.runs
        cursor = page.cursor
        if cursor is None:
            assert [run["created_utc"] for run in found] == sorted((r["created_utc"] for r in found), reverse=True)
            return found


def with_cursor(query: RunQuery, cursor: str | None) -> RunQuery:
    fields = {name: getattr(query, name) for name in query.__dataclass_fields__}
    return RunQuery(**(fields | {"cursor": cursor}))


def matches(run: RunDocument, wanted: dict[str, Any]) -> bool:
    def has(found: dict[str, Any], pairs: dict[str, Any]) -> bool:
        return all(key in found and value in {ANY_VALUE, found[key]} for key, value in pairs.items())

    child = "parent_run_id" in run
    return (
        wanted["experiment"] in {None, run["experiment_name"]}
        and (not wanted["statuses"] or run["status"] in wanted["statuses"])
        and has(run["tags"], wanted["tags"])
        and has(run["properties"], wanted["properties"])
        and wanted["target"] in {None, run.get("target")}
        and wanted["parent_run_id"] in {None, run.get("parent_run_id")}
        and (wanted["include_children"] or wanted["parent_run_id"] is not None or not child)
        and (wanted["include_archived"] or not run.get("archived"))
    )


def test_a_document_has_the_keys_of_the_original(workspace: Workspace) -> None:
    workspace.do(
        StartRun(run_id="r1", experiment="digits", display_name="first", tags={"a": None}, properties={"p": "1"}),
        ChangeStatus(run_id="r1", status=RunStatus.FAILED, error={"code": "UserError", "message": "boom"}),
    )

    run = workspace.answers.run("r1")

    assert set(run) >= {
        "run_id", "run_number", "root_run_id", "experiment_id", "_experiment_name", "created_utc", "start_time_utc",
        "end_time_utc", "status", "name", "display_name", "run_type", "run_type_v2", "target", "tags", "properties",
        "created_by", "error",
    }  # fmt: skip
    assert (run["status"], run["tags"], run["properties"]) == ("Failed", {"a": None}, {"p": "1"})
    assert run["error"] == {"code": "UserError", "message": "boom"}
    assert run["start_time_utc"] <= run["end_time_utc"]
    assert "parent_run_id" not in run


def test_runs_are_numbered_in_their_experiment(workspace: Workspace) -> None:
    workspace.do(*(StartRun(run_id=f"r{n}", experiment=f"e{n % 2}") for n in range(5)))

    numbers = {run_id: workspace.answers.run(run_id)["run_number"] for run_id in ("r0", "r1", "r2", "r3", "r4")}

    assert numbers == {"r0": 1, "r1": 1, "r2": 2, "r3": 2, "r4": 3}


def test_what_was_written_is_read(workspace: Workspace) -> None:
    (answer,) = workspace.do(StartRun(run_id="r1", experiment="digits"))

    assert workspace.answers.run("r1", at_least=answer.position)["status"] == "Running"
    with pytest.raises(UnavailableError, match="has not arrived yet"):
        workspace.answers.run("r1", at_least=answer.position + 1)
    with pytest.raises(UnavailableError):
        workspace.answers.history("r1", at_least=answer.position + 1)


def test_a_run_that_is_not_there(workspace: Workspace) -> None:
    for ask in (workspace.answers.run, workspace.answers.history):
        with pytest.raises(RunNotFoundError, match="nobody"):
            ask("nobody")


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["x", "!!", "e30", "WzEsMl0", "é", "\ud800", "a" * 10_000]
    + [encoded(text) for text in ("{log}:1", "{log}:1e999:1", f"{{log}}:{10**30}:1", "{log}:1:-1", "[" * 5_000)],
)
def test_a_text_that_is_no_cursor(cursor: str, workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r1", experiment="digits"))
    with pytest.raises(InvalidNameError, match="is no cursor"):
        workspace.answers.runs(RunQuery(cursor=cursor))


@pytest.mark.parametrize("limit", [-1, 0, 1_001, 2**63])
def test_a_page_has_a_bearable_length(limit: int, workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r1", experiment="digits"))
    with pytest.raises(LimitExceededError, match="1 to 1,000 runs"):
        workspace.answers.runs(RunQuery(limit=limit))


def test_what_no_event_can_hold_is_not_found(workspace: Workspace) -> None:
    """Half of a surrogate pair comes from a command line that is not UTF-8."""
    workspace.do(StartRun(run_id="r1", experiment="digits", tags={"a": "b"}))

    for query in (RunQuery(tags={"a": "\ud800"}), RunQuery(tags={"\ud800": ANY_VALUE}), RunQuery(target="\ud800")):
        assert workspace.answers.runs(query).runs == []
    for ask in (workspace.answers.run, workspace.answers.history):
        with pytest.raises(RunNotFoundError):
            ask("\ud800")


def test_a_cursor_of_another_ledger(workspace: Workspace) -> None:
    with fresh() as other:
        for each in (workspace, other):
            each.do(*(StartRun(run_id=f"r{n}", experiment="digits") for n in range(3)))
        cursor = other.answers.runs(RunQuery(limit=1)).cursor

    with pytest.raises(InvalidNameError, match="belongs to log"):
        workspace.answers.runs(RunQuery(cursor=cursor))


def test_a_view_of_another_log_is_refused(workspace: Workspace) -> None:
    catch_up(workspace.view, RUNS_TABLE, workspace.feed)
    with fresh() as other:
        other.do(StartRun(run_id="r1", experiment="digits"))

        with pytest.raises(LogRefusedError, match=r"delete views\.db|DROP SCHEMA"):
            catch_up(workspace.view, RUNS_TABLE, Feed(other.feed.log_id, other.database))


def test_no_accepted_event_stops_the_projection(workspace: Workspace) -> None:
    """A tag before the start, two starts, an end before the start, a time that is no date, unknown types."""
    started = b'{"experiment":"e","experiment_id":"i","status":"Running","tags":{"late":null}}'
    append(workspace, "run:odd", "runledger.run.tagged.v1", b'{"key":"early","value":"1"}')
    append(workspace, "run:odd", "runledger.run.status-changed.v1", b'{"previous":"Running","status":"Completed"}')
    append(workspace, "run:odd", "runledger.run.started.v1", started)
    append(workspace, "run:odd", "runledger.run.started.v1", started.replace(b'"e"', b'"other"'))
    append(workspace, "run:odd", "runledger.run.unheard-of.v7", b"\xff")
    append(workspace, "run:headless", "runledger.run.resumed.v1", b'{"attempt":2,"previous":"Failed"}')
    append(workspace, "budget:b", "runledger.run.started.v1", started)

    run = workspace.answers.run("odd")

    assert run["experiment_name"] == "e"
    assert run["tags"] == {"early": "1", "late": None}
    assert workspace.answers.run("headless")["status"] == "Running"
    assert len(workspace.answers.history("odd")) == 5
    assert statuses(workspace.feed, workspace.view)[0].opaque == 1


def test_a_view_is_built_again_once_its_program_can_read_what_it_passed_over(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.do(StartRun(run_id="r1", experiment="digits"))
    append(workspace, "run:r1", "runledger.run.tagged.v2", b'{"key":"a","value":"b"}')
    append(workspace, "run:r1", "runledger.run.tagged.v1", b"never to be read")
    before = workspace.answers.run("r1")["tags"], statuses(workspace.feed, workspace.view)[0]
    again = statuses(workspace.feed, workspace.view)[0]
    with monkeypatch.context() as later:
        later.setitem(registry._CURRENT, "runledger.run.tagged.v2", RunTaggedEvent)
        after = workspace.answers.run("r1")["tags"], statuses(workspace.feed, workspace.view)[0]
        workspace.answers.run("r1")
        settled = statuses(workspace.feed, workspace.view)[0]

    assert (before[0], before[1].opaque, before[1].generation) == ({}, 2, 1)
    assert again == before[1]
    assert (after[0], after[1].opaque, after[1].generation) == ({"a": "b"}, 1, 2)
    assert settled == after[1]


def test_status_tells_how_far_a_projection_has_read(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r1", experiment="digits"))
    before = statuses(workspace.feed, workspace.view)[0]
    catch_up(workspace.view, RUNS_TABLE, workspace.feed)
    after = statuses(workspace.feed, workspace.view)[0]

    assert (before.position, before.lag) == (0, 2)
    assert (after.position, after.lag, after.generation) == (2, 0, 1)
