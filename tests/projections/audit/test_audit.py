"""The audit: every question is answered as by somebody who reads the whole log and leaves out what does not fit."""

from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commands import AddArtifacts, AddProperties, ChangeStatus, Command, DescribeRun, StartRun, TagRun, UntagRun
from ledger.errors import InvalidNameError, LimitExceededError, NotFoundError, RefusedError
from ledger.queries import AuditDocument, AuditQuery
from projections.audit.documents import entry_of
from projections.audit.lists import Reach
from projections.audit.projection import AuditProjection
from projections.audit.queries import REACH, find_audit
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from schemas.events import RunArtifactAddedEvent
from schemas.statuses import RunStatus
from tests.projections.conftest import CALLER, Workspace, append, open_workspace
from tests.projections.stories import KEYS, RUNS, commands

ACTORS = ("maria", "tom")
ADDRESSES = {"tom": "10.0.0.9"}
FIELDS = ("status", "tags.quality", "properties.owner", "description", "archived", "nothing")


def all_pages(workspace: Workspace, query: AuditQuery, *, reach: Reach = REACH) -> list[AuditDocument]:
    found: list[AuditDocument] = []
    workspace.answers.audit(AuditQuery())
    while True:
        page = find_audit(workspace.view.reading(), workspace.feed, query, reach=reach)
        found += page.entries
        if page.cursor is None:
            return found
        query = replace(query, cursor=page.cursor)


def everything(workspace: Workspace) -> list[AuditDocument]:
    """Each event by itself, without any list."""
    workspace.answers.audit(AuditQuery())
    events = workspace.feed.after(0, 100_000)
    return [entry_of(workspace.view.reading(), workspace.feed, event) for event in events]


def fits(entry: AuditDocument, query: AuditQuery) -> bool:
    asked = {name: getattr(query, name) for name in ("action", "stream", "experiment", "client", "address")}
    changes = [each for each in entry["changes"] if each["field"] == query.field]
    if query.value is not None:
        changes = [each for each in changes if str(each["after"]) == query.value]
    return (
        all(value is None or entry[name] == value for name, value in asked.items())
        and (query.actor is None or query.actor in {entry["actor"], entry["on_behalf_of"]})
        and (query.kind is None or entry["stream"].startswith(query.kind + ":"))
        and (query.field is None or bool(changes))
        and (query.refused is None or query.refused == bool(entry["refused"]))
        and (query.as_of is None or entry["position"] <= query.as_of)
    )


def positions(entries: list[AuditDocument]) -> list[int]:
    return [entry["position"] for entry in entries]


def carry_out(workspace: Workspace, story: list[tuple[Command, str]]) -> None:
    for command, actor in story:
        with suppress(RefusedError, NotFoundError):
            workspace.ledger.handle(command, replace(CALLER, actor=actor, address=ADDRESSES.get(actor)))


maybe = st.none()
queries = st.builds(
    AuditQuery,
    actor=maybe | st.sampled_from(["maria", "tom", "nobody"]),
    action=maybe | st.sampled_from(["run.tagged", "run.status-changed", "command.refused", "none.such"]),
    stream=maybe | st.sampled_from([f"run:{run}" for run in RUNS]),
    kind=maybe | st.sampled_from(["run", "experiment"]),
    experiment=maybe | st.sampled_from(["e1", "e2"]),
    field=maybe | st.sampled_from(FIELDS),
    client=maybe | st.sampled_from(["notebook", "nothing"]),
    address=maybe | st.sampled_from(["10.0.0.9", "10.0.0.10"]),
    refused=maybe | st.booleans(),
    as_of=maybe | st.integers(0, 40),
    oldest_first=st.booleans(),
    limit=st.integers(1, 5),
)


@settings(max_examples=60)
@given(
    story=st.lists(st.tuples(commands, st.sampled_from(ACTORS)), min_size=5, max_size=30),
    asked=st.lists(queries, min_size=8, max_size=8),
    reach=st.builds(Reach, rows=st.sampled_from([1, 50, 1_000]), first=st.integers(1, 9)),
)
def test_every_page_of_every_question_is_what_reading_all_of_it_finds(
    story: list[tuple[Command, str]], asked: list[AuditQuery], reach: Reach
) -> None:
    with TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder))
        with closing(workspace.database), closing(workspace.view):
            carry_out(workspace, story)
            log = everything(workspace)
            for query in asked:
                expected = [entry for entry in log if fits(entry, query)]
                found = all_pages(workspace, query, reach=reach)
                assert found == (expected if query.oldest_first else expected[::-1])


@settings(max_examples=40)
@given(story=st.lists(st.tuples(commands, st.sampled_from(ACTORS)), max_size=30))
def test_what_stood_before_is_what_the_history_of_the_run_says(story: list[tuple[Command, str]]) -> None:
    with TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder))
        with closing(workspace.database), closing(workspace.view):
            carry_out(workspace, story)
            for run_id in RUNS:
                with suppress(NotFoundError):
                    audited = all_pages(workspace, AuditQuery(stream=f"run:{run_id}", refused=False, oldest_first=True))
                    history = workspace.answers.history(run_id)
                    assert [_kept(entry["changes"]) for entry in audited] == [
                        _kept([{"field": c.field, "before": c.before, "after": c.after} for c in entry.changes])
                        for entry in history
                    ]


def _kept(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {"status", *(f"{kind}.{key}" for kind in ("tags", "properties", "parameters") for key in KEYS)}
    return sorted((change for change in changes if change["field"] in names), key=lambda change: str(change["field"]))


@pytest.fixture
def story(workspace: Workspace) -> Workspace:
    tom = replace(CALLER, actor="tom", address="10.0.0.9")
    do = workspace.ledger.handle
    do(StartRun(run_id="a", experiment="digits", properties={"author": "ada"}), CALLER)
    do(StartRun(run_id="b", experiment="letters", tags={"approved": "no"}), CALLER)
    do(TagRun(run_id="a", tags={"approved": "yes"}, reason="looks good", client="notebook"), tom)
    do(TagRun(run_id="b", tags={"approved": "yes"}, on_behalf_of="ada"), tom)
    do(UntagRun(run_id="b", keys=("approved",)), CALLER)
    do(DescribeRun(run_id="a", changes={"description": "first"}), CALLER)
    for run_id in ("a", "b"):
        for _ in range(2):
            with suppress(RefusedError):
                do(AddProperties(run_id=run_id, properties={"author": "eve"}), tom)
    do(ChangeStatus(run_id="a", status=RunStatus.CANCELED, reason="too slow"), tom)
    return workspace


def test_an_entry_says_who_when_from_where_what_and_why(story: Workspace) -> None:
    (entry,) = story.answers.audit(AuditQuery(stream="run:a", field="tags.approved")).entries

    assert (entry["actor"], entry["address"], entry["client"], entry["reason"]) == (
        "tom",
        "10.0.0.9",
        "notebook",
        "looks good",
    )
    assert (entry["run_id"], entry["experiment"], entry["action"]) == ("a", "digits", "run.tagged")
    assert entry["changes"] == [{"field": "tags.approved", "before": None, "after": "yes"}]
    assert entry["recorded_at"].endswith("+00:00")


def test_what_was_done_on_behalf_of_somebody_is_found_by_both(story: Workspace) -> None:
    for actor in ("ada", "tom"):
        found = story.answers.audit(AuditQuery(actor=actor, action="run.tagged")).entries
        assert [each["run_id"] for each in found if each["on_behalf_of"]] == ["b"]


def test_who_tried_a_second_value_is_found_by_the_property(story: Workspace) -> None:
    found = story.answers.audit(AuditQuery(refused=True, field="properties.author")).entries

    assert [(each["run_id"], each["actor"], each["refused"]) for each in found] == [("a", "tom", "written-once")]
    assert found[0]["changes"] == [{"field": "properties.author", "before": "ada", "after": "eve"}]
    assert found[0]["experiment"] == "digits"
    assert "is written once" in found[0]["message"]


def test_it_is_found_by_the_program_that_sent_it_and_by_where_it_came_from(story: Workspace) -> None:
    (sent,) = story.answers.audit(AuditQuery(client="notebook")).entries
    assert (sent["run_id"], sent["action"]) == ("a", "run.tagged")
    came = story.answers.audit(AuditQuery(address="10.0.0.9")).entries
    assert {each["actor"] for each in came} == {"tom"}
    assert {each["refused"] for each in came} == {None, "written-once"}
    assert story.answers.audit(AuditQuery(address="10.0.0.10")).entries == []


def test_where_a_file_lies_is_not_taken_for_where_its_command_came_from(story: Workspace) -> None:
    tom = replace(CALLER, actor="tom", address="10.0.0.11")
    story.ledger.handle(AddArtifacts(run_id="b", artifacts=[{"name": "m.pkl", "sha256": "0" * 64, "size": 1}]), tom)

    (added,) = story.answers.audit(AuditQuery(action="run.artifact-added")).entries
    assert added["address"] is None
    (event,) = story.feed.of_run("b", ["runledger.run.artifact-added.v1"])
    assert isinstance(event.event, RunArtifactAddedEvent)
    assert story.answers.audit(AuditQuery(address=event.event.address)).entries == []


def test_a_value_is_found_where_it_began_to_stand(story: Workspace) -> None:
    cancelled = story.answers.audit(AuditQuery(field="status", value="Canceled")).entries
    assert [(each["run_id"], each["reason"]) for each in cancelled] == [("a", "too slow")]
    assert story.answers.audit(AuditQuery(field="status", value="Failed")).entries == []


def test_a_span_holds_what_was_recorded_in_it(story: Workspace) -> None:
    times = [event.recorded_at for event in story.feed.after(0, 100)]
    for since in {times[0], times[3], times[-1], times[-1] + 1}:
        found = all_pages(story, AuditQuery(since=since, oldest_first=True))
        assert len(found) == len([at for at in times if at >= since])
        found = all_pages(story, AuditQuery(until=since))
        assert len(found) == len([at for at in times if at < since])


def test_what_this_program_cannot_read_is_there_by_its_type(story: Workspace) -> None:
    append(story, "run:a", "runledger.run.teleported.v1", b"{}")
    newest = story.answers.audit(AuditQuery(limit=1)).entries[0]

    assert newest["action"] == "runledger.run.teleported.v1"
    assert newest["changes"] == []


def test_bad_questions_are_refused(story: Workspace) -> None:
    for limit in (0, 201):
        with pytest.raises(LimitExceededError):
            story.answers.audit(AuditQuery(limit=limit))
    for cursor in ("x", "W10", "bnVsbA"):
        with pytest.raises(InvalidNameError):
            story.answers.audit(AuditQuery(cursor=cursor))
    assert story.answers.audit(AuditQuery(actor="\ud800")).entries == []


def test_however_the_events_come_in_the_index_is_the_same(story: Workspace, tmp_path: Path) -> None:

    found = []
    for batch in (1, 3, 5_000):
        with closing(SqliteView(tmp_path / f"{batch}.db")) as view:
            catch_up(view, AuditProjection(), story.feed, batch=batch)
            found.append(
                {
                    table: view.reading().execute(f"SELECT * FROM {table}").fetchall()
                    for table in AuditProjection().tables
                }
            )
    assert found[0] == found[1] == found[2]
