"""Events in any order and of any content, as strangers may have written them."""

import json
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.logs.log import chain
from ledger.queries import RunQuery
from projections.answers import PROJECTIONS
from projections.rebuild import rebuild
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from schemas import events as e
from schemas.records import Envelope
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace, open_workspace, rows

RUNS_TABLE = PROJECTIONS[0]
Told = tuple[str, str, tuple[str, bytes]]
"""Stream, time, type and value."""

texts = st.sampled_from(["", "a", "r1", "it's\n", "é" * 300])
personal = texts | st.just(e.Encrypted.of("k", "n", "c"))
statuses = st.sampled_from(list(RunStatus))
counts = st.integers(0, 2**63 - 1)
numbers = st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | texts
errors = st.builds(e.RunError, code=texts, message=personal, traceback=st.none() | personal)

of_runs: st.SearchStrategy[e.Event] = st.one_of(
    st.builds(
        e.RunStartedEvent,
        experiment=texts,
        experiment_id=texts,
        status=statuses,
        target=texts,
        display_name=st.none() | personal,
        tags=st.dictionaries(texts, st.none() | personal, max_size=2),
        properties=st.dictionaries(texts, texts, max_size=2),
        parent_run_id=st.none() | texts,
        root_run_id=st.none() | texts,
    ),
    st.builds(e.RunTaggedEvent, key=texts, value=st.none() | personal),
    st.builds(e.RunUntaggedEvent, key=texts),
    st.builds(e.RunPropertyAddedEvent, key=texts, value=texts),
    st.builds(e.RunParameterAddedEvent, key=texts, value=numbers),
    st.builds(e.RunStatusChangedEvent, previous=statuses, status=statuses, error=st.none() | errors),
    st.builds(e.RunResumedEvent, attempt=counts, previous=statuses),
    st.builds(
        e.RunDescribedEvent,
        changed=st.lists(st.sampled_from(["description", "display_name"]), max_size=3).map(tuple),
        description=st.none() | personal,
    ),
    st.builds(e.RunArtifactAddedEvent, artifact_name=texts, size=counts, sha256=st.just("0" * 64), address=texts),
    st.builds(e.RunWarnedEvent, source=texts, code=texts, message=personal, count=counts),
    st.builds(e.RunAlertedEvent, title=personal, text=personal),
    st.just(e.RunArchivedEvent()),
    st.just(e.RunRestoredEvent()),
    st.builds(e.ExperimentCreatedEvent, experiment=texts),
)
records = of_runs.map(lambda event: (event.type_name(), event.to_value())) | st.sampled_from(
    [("runledger.run.unheard-of.v7", b"\xff"), ("runledger.run.started.v1", b"{}"), ("runledger.run.tagged.v99", b"{}")]
)
streams = st.sampled_from(["run:r1", "run:r1", "run:r2", "run:r1:part", "experiment:x", "budget:b"])
times = st.sampled_from(
    [
        "2026-11-23T10:00:00.000001Z",
        "2026-02-30T99:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999999Z",
    ]
)
strange: st.SearchStrategy[list[Told]] = st.lists(st.tuples(streams, times, records), max_size=25)


def append(workspace: Workspace, told: Told) -> None:
    stream, time, (type_, value) = told
    head = workspace.database.head(stream)
    seq, prev = (head.seq + 1, head.hash.hex()) if head else (1, "")
    log = workspace.ledger._recorder.log
    log.append(chain(log.id, [Envelope(stream, seq, prev, f"e{seq}", "//s", type_, time, "a", value)]))


@given(strange, st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_no_order_and_no_content_stops_the_projection_or_changes_a_replay(events: list[Told], batch: int) -> None:
    with tempfile.TemporaryDirectory() as name, closing(SqliteView(Path(name) / "other.db")) as other:
        workspace = open_workspace(Path(name))
        with closing(workspace.database), closing(workspace.view):
            for told in events:
                append(workspace, told)
                catch_up(workspace.view, RUNS_TABLE, workspace.feed)
            catch_up(other, RUNS_TABLE, workspace.feed, batch=batch)
            answer_everything(workspace)
            live = rows(workspace.view)
            rebuild(workspace.view, RUNS_TABLE, workspace.feed, batch=batch)

            assert rows(other) == rows(workspace.view) == live


def answer_everything(workspace: Workspace) -> None:
    cursor: str | None = None
    found: list[str] = []
    while True:
        query = RunQuery(include_children=True, include_archived=True, limit=1, cursor=cursor)
        page = workspace.answers.runs(query)
        for run in page.runs:
            assert json.loads(json.dumps(run, allow_nan=False)) == run == workspace.answers.run(run["run_id"])
            history = workspace.answers.history(run["run_id"])
            assert len(history) == len(workspace.database.stream_events(f"run:{run['run_id']}"))
            found.append(run["run_id"])
        cursor = page.cursor
        if cursor is None:
            break
    assert len(found) == len(set(found))
