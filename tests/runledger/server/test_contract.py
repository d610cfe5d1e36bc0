"""What every client must do, whether it opens the workspace itself or asks a server."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ledger.client import Client
from ledger.commands import (
    AddArtifacts,
    AddParameters,
    AddProperties,
    ArchiveRun,
    ChangeStatus,
    ChangeView,
    Command,
    CreateExperiment,
    DefineRule,
    DeleteView,
    DescribeRun,
    DisableRule,
    RestoreRun,
    ResumeRun,
    SaveView,
    ShareView,
    StartRun,
    TagRun,
    UntagRun,
)
from ledger.errors import (
    BadContentError,
    ChangedSinceError,
    CommandReusedError,
    ContentNotFoundError,
    ExperimentNotFoundError,
    InvalidNameError,
    LimitExceededError,
    MomentAheadError,
    NotThereYetError,
    RefusedError,
    RuleNotFoundError,
    RunNotFoundError,
    StatusRefusedError,
    ViewNotFoundError,
    WrittenOnceError,
)
from ledger.filters import Filter, Operator
from ledger.liveness.expiring import end_overdue
from ledger.liveness.graces import end_of, request_in
from ledger.liveness.writers import LiveWriter
from ledger.metrics import SeriesQuery
from ledger.queries import ANY_VALUE, KeyQuery, Named, RunPage, RunQuery, state_of
from ledger.values.batch import Batch
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.runledger.server.running import running


@pytest.fixture(scope="module", params=["embedded", "remote"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp(request.param)
    make_folder(folder, log="sqlite")
    with ExitStack() as stack:
        location = str(folder) if request.param == "embedded" else stack.enter_context(running(folder)).url
        opened = connect(location)
        stack.callback(opened.close)
        assert opened.location == location
        yield opened


@pytest.fixture
def run_id(client: Client) -> str:
    run_id = f"r-{uuid4()}"
    client.execute(StartRun(run_id=run_id, experiment="contract"))
    return run_id


def ids(client: Client, query: RunQuery) -> list[str]:
    return [run["run_id"] for run in client.runs(query).runs]


def test_every_command_changes_what_it_says(client: Client) -> None:
    asked = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
    commands: list[Command] = [
        CreateExperiment(name="all"),
        StartRun(
            run_id="all",
            experiment="all",
            display_name="Größe ☃",
            description="# A",
            tags={"a": "1", "bare": None, "odd = key": "%"},
            properties={"p": "q"},
            origin={"host": "h", "command_line": ["train.py", "-x"]},
            reason="because",
            on_behalf_of="ada",
            client="test 1",
            occurred_at=asked,
        ),
        TagRun(run_id="all", tags={"b": "2", "quality": None}),
        UntagRun(run_id="all", keys=["a", "nothing"]),
        AddProperties(run_id="all", properties={"author": "ada"}),
        AddParameters(run_id="all", parameters={"i": 1, "f": 0.5, "t": "x", "b": True, "n": None}),
        DescribeRun(run_id="all", changes={"description": None, "display_name": "new"}),
        ChangeStatus(run_id="all", status=RunStatus.FAILED, error={"code": "E", "message": "m", "traceback": "t"}),
        ResumeRun(run_id="all", origin={"host": "i"}),
        ChangeStatus(run_id="all", status=RunStatus.COMPLETED, reason="done"),
        ArchiveRun(run_id="all"),
        RestoreRun(run_id="all"),
    ]
    answers = [client.execute(command) for command in commands]
    document, history = client.run("all"), client.history("all")

    assert all(answer.changed for answer in answers)
    assert [answer.position for answer in answers] == sorted({answer.position for answer in answers})
    assert document["tags"] == {"bare": None, "odd = key": "%", "b": "2", "quality": None}
    assert document["properties"] == {"p": "q", "author": "ada"}
    assert (document["display_name"], document["status"]) == ("new", "Completed")
    assert "description" not in document
    assert history[0].event == "runledger.run.started.v1"
    assert (history[0].reason, history[0].occurred_at) == ("because", "2026-01-02T03:04:05.600000Z")
    assert history[-1].position == answers[-1].position
    described = [change for entry in history for change in entry.changes if change.field == "display_name"]
    assert (described[-1].before, described[-1].after) == ("Größe ☃", "new")
    assert [client.execute(command) for command in commands] == answers


def test_who_reports_a_writer_hears_that_its_run_shall_be_canceled(client: Client, run_id: str) -> None:
    writers = [LiveWriter(run_id, "w"), LiveWriter("nothing", "w")]
    assert list(client.report_presence(writers)) == []
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.CANCEL_REQUESTED, reason="enough"))
    client.execute(TagRun(run_id=run_id, tags={"a": "b"}))
    assert list(client.report_presence(writers)) == list(client.report_presence(writers)) == [run_id]
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.CANCELED))
    # Its process may have heard of neither.
    assert list(client.report_presence(writers)) == [run_id]
    client.execute(ResumeRun(run_id=run_id))

    assert list(client.report_presence(writers)) == []


def test_a_request_that_is_due_ends_the_run_once_and_no_later_attempt(client: Client, run_id: str) -> None:
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.CANCEL_REQUESTED, reason="enough"))
    request = request_in(run_id, client.history(run_id))
    assert request is not None
    assert end_overdue(client, request.recorded_at, 60) == []
    later = request.recorded_at + timedelta(seconds=60)
    assert end_overdue(client, later, 60) == [run_id]
    assert end_overdue(client, later, 60) == []
    before = client.run(run_id)
    assert (before["status"], "may still run" in before["status_reason"]) == ("Canceled", True)
    assert client.execute(end_of(request, 60)).position == before["last_position"]
    client.execute(ResumeRun(run_id=run_id))
    with pytest.raises(RefusedError, match="no longer CancelRequested"):
        client.execute(replace(end_of(request, 60), command=str(uuid4())))


def test_a_run_that_does_not_respond_ends_and_is_resumed_by_one_command(client: Client, run_id: str) -> None:
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.NOT_RESPONDING))
    command = ResumeRun(run_id=run_id, origin={"host": "node8"})
    answer = client.execute(command)

    document, history = client.run(run_id), client.history(run_id)
    assert (document["status"], document["attempt"], answer.position) == ("Running", 2, history[-1].position)
    assert [each.event.split(".")[2] for each in history[-2:]] == ["status-changed", "resumed"]
    assert (document["attempts"][0]["status"], document["attempts"][0]["presumed"]) == ("Failed", True)
    assert client.execute(command) == answer
    with pytest.raises(RefusedError, match="attempt 2, on node8, since"):
        client.execute(ResumeRun(run_id=run_id))


def test_where_a_run_stands_is_told_as_by_its_document(client: Client) -> None:
    run_id, began = f"run-{uuid4()}", datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    client.execute(StartRun(run_id=run_id, experiment="states", status=RunStatus.NOT_STARTED))
    steps = (
        None,
        ChangeStatus(run_id=run_id, status=RunStatus.RUNNING, occurred_at=began),
        ChangeStatus(run_id=run_id, status=RunStatus.FAILED, presumed=True),
    )
    for step in steps:
        if step is not None:
            client.execute(step)
        assert client.state(run_id) == state_of(client.run(run_id))
    assert client.state(run_id) == (RunStatus.FAILED, True, began)
    with pytest.raises(RunNotFoundError):
        client.state("nowhere")


def test_the_same_again_changes_nothing(client: Client, run_id: str) -> None:
    first = client.execute(TagRun(run_id=run_id, tags={"a": "b"}))
    again = client.execute(TagRun(run_id=run_id, tags={"a": "b"}))

    assert (first.changed, again.changed, again.position) == (True, False, first.position)


def test_what_is_refused_comes_back_as_it_was(client: Client, run_id: str) -> None:
    client.execute(AddProperties(run_id=run_id, properties={"author": "ada"}))
    with pytest.raises(WrittenOnceError) as written:
        client.execute(AddProperties(run_id=run_id, properties={"author": "bob"}))
    assert (written.value.what, written.value.key, written.value.old, written.value.new) == (
        "property",
        "author",
        "ada",
        "bob",
    )
    assert str(written.value) == str(WrittenOnceError("property", "author", "ada", "bob"))
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.COMPLETED))
    with pytest.raises(StatusRefusedError) as status:
        client.execute(ChangeStatus(run_id=run_id, status=RunStatus.RUNNING))
    assert (status.value.run_id, status.value.old, status.value.new) == (run_id, "Completed", "Running")
    command = TagRun(run_id=run_id, tags={"a": "1"})
    client.execute(command)
    with pytest.raises(CommandReusedError) as reused:
        client.execute(replace(command, tags={"a": "2"}))
    assert reused.value.command == command.command
    with pytest.raises(RefusedError):
        client.execute(StartRun(run_id=run_id, experiment="contract"))
    with pytest.raises(InvalidNameError):
        client.execute(CreateExperiment(name="a b"))
    with pytest.raises(LimitExceededError):
        client.execute(TagRun(run_id=run_id, tags={"k": "v" * 5_001}))
    with pytest.raises(InvalidNameError):
        client.execute(TagRun(run_id=run_id, tags={"k": "\ud800"}))


@pytest.mark.parametrize("run_id", ["nobody", "a/b", "..", "", "ü ?#%", "\ud800", "x\x00"])
def test_a_run_that_is_not_there(client: Client, run_id: str) -> None:
    with pytest.raises(RunNotFoundError) as missing:
        client.run(run_id)
    assert missing.value.run_id == run_id
    with pytest.raises(RunNotFoundError):
        client.history(run_id)
    with pytest.raises(RunNotFoundError):
        client.state(run_id)
    with pytest.raises(RunNotFoundError):
        client.execute(TagRun(run_id="nobody", tags={"a": "b"}))


def test_every_condition_of_a_query(client: Client) -> None:
    all_tags: list[dict[str, str | None]] = [{"k": "v"}, {"k": None}, {"a=b%3D": "c=d"}]
    for number, tags in enumerate(all_tags):
        start = StartRun(run_id=f"q{number}", experiment="queries", tags=tags, run_type=f"t{number}", target="far")
        client.execute(start)
    client.execute(AddProperties(run_id="q0", properties={"p=": "=", "empty": ""}))
    client.execute(ChangeStatus(run_id="q1", status=RunStatus.CANCELED))
    client.execute(StartRun(run_id="child", experiment="queries", parent_run_id="q0", root_run_id="q0"))
    client.execute(ArchiveRun(run_id="q2"))
    everything = RunQuery(experiment="queries", include_archived=True)

    def found(**conditions: object) -> list[str]:
        return ids(client, replace(everything, **conditions))  # type: ignore[arg-type]

    assert found() == ["q2", "q1", "q0"]
    assert ids(client, RunQuery(experiment="queries")) == ["q1", "q0"]
    assert found(include_children=True) == ["child", "q2", "q1", "q0"]
    assert found(parent_run_id="q0") == ["child"]
    assert found(root_run_id="q0", include_children=True) == ["child", "q0"]
    assert found(statuses=["Canceled", "Failed"]) == ["q1"]
    assert found(tags={"k": "v"}) == ["q0"]
    assert found(tags={"k": None}) == ["q1"]
    assert found(tags={"k": ANY_VALUE}) == ["q1", "q0"]
    assert found(tags={"a=b%3D": "c=d"}) == found(tags={"a=b%3D": ANY_VALUE}) == ["q2"]
    assert found(properties={"p=": "=", "empty": ""}) == ["q0"]
    assert found(run_type="t1") == ["q1"]
    assert found(target="far") == ["q2", "q1", "q0"]
    second = client.run("q1")["created_utc"]
    assert found(started_from=second) == ["q2", "q1"]
    assert found(started_before=second) == ["q0"]
    assert found(started_from="2026-01-01", started_before="2026-01-02T00:00:00+01:00") == []
    assert found(started_from="2026-01-01", tags={"k": "v"}, order_by="name") == ["q0"]
    with pytest.raises(InvalidNameError, match="yesterday"):
        found(started_from="yesterday")
    assert found(target="near") == found(tags={"\ud800": "x"}) == []


def test_filters_columns_counts_and_names_to_choose(client: Client) -> None:
    for number, team in enumerate(["vision", "a,b:c", "speech"]):
        client.execute(StartRun(run_id=f"f{number}", experiment="filters", tags={"team": team, "other": "x"}))
        client.execute(AddParameters(run_id=f"f{number}", parameters={"lr": 0.1 * number}))
        point = {"name": "loss", "kind": "scalar", "index": [1], "times": [1], "values": [float(number)]}
        client.log_values(Batch(run_id=f"f{number}", writer="w", first=1, last=1, series=[point], occurred_at=1))
    client.execute(ChangeStatus(run_id="f0", status=RunStatus.COMPLETED))
    client.execute(StartRun(run_id="f-child", experiment="filters", parent_run_id="f1"))

    def found(*chips: str, **fields: object) -> RunPage:
        filters = [Filter.parse(chip) for chip in chips]
        return client.runs(RunQuery(experiment="filters", filters=filters, **fields))  # type: ignore[arg-type]

    def names(*chips: str, **fields: object) -> list[str]:
        return [run["run_id"] for run in found(*chips, **fields).runs]

    assert names("tag.team:is:vision,speech") == ["f2", "f0"]
    assert names(str(Filter("tag", Operator.IS, ("a,b:c",), "team"))) == ["f1"]
    assert names("parameter.lr:>:0.05", "status:is:Running") == ["f2", "f1"]
    assert names("metric.loss:<:1.5") == ["f1", "f0"]
    assert names(order_by="metric.loss") == ["f0", "f1", "f2"]
    page = found(columns=["metric.loss", "tag.team"], count=True, family=True, limit=2)
    assert [(run["metrics"], run["tags"]) for run in page.runs] == [
        ({"loss": 2.0}, {"team": "speech"}),
        ({"loss": 1.0}, {"team": "a,b:c"}),
    ]
    assert (page.count, page.count_exact) == (3, True)
    assert page.runs[1]["children"] == {"count": 1, "statuses": {"Running": 1}}
    assert found(limit=1, order_by="-metric.loss").cursor is not None
    second = found(limit=1, order_by="-metric.loss", cursor=found(limit=1, order_by="-metric.loss").cursor)
    assert [run["run_id"] for run in second.runs] == ["f1"]
    assert client.keys(KeyQuery(kind="tag", experiment="filters", prefix="t")) == [Named("team", 3)]
    assert client.keys(KeyQuery(kind="metric", experiment="filters")) == [Named("loss", 3)]
    teams = client.keys(KeyQuery(kind="tag", key="team", experiment="filters", after="a,b:c"))
    assert teams == [Named("speech", 1), Named("vision", 1)]
    assert client.keys(KeyQuery(kind="status", experiment="filters")) == [Named("Completed", 1), Named("Running", 3)]
    with pytest.raises(InvalidNameError, match="nothing to choose by 'colour'"):
        client.keys(KeyQuery(kind="colour"))
    with pytest.raises(LimitExceededError, match="1 to 50 names"):
        client.keys(KeyQuery(kind="tag", limit=51))


def test_runs_are_compared_differences_first(client: Client) -> None:
    for number in (0, 1):
        origin = {"python": "3.11", "git": {"commit": f"c{number}"}, "command_line": ["train", str(number)]}
        client.execute(StartRun(run_id=f"cmp{number}", experiment="compared", tags={"same": "x"}, origin=origin))
        client.execute(AddParameters(run_id=f"cmp{number}", parameters={"lr": number}))
    rows = client.compared(["cmp0", "cmp1"])
    assert [row["differs"] for row in rows] == sorted((row["differs"] for row in rows), reverse=True)
    found = {(row["kind"], row["key"]): row for row in rows}
    assert found["source", "git.commit"]["values"] == {"cmp0": "c0", "cmp1": "c1"}
    assert found["source", "command_line"]["values"] == {"cmp0": "train 0", "cmp1": "train 1"}
    assert found["parameter", "lr"]["differs"]
    assert not found["environment", "python"]["differs"]
    assert not found["tag", "same"]["differs"]
    with pytest.raises(RunNotFoundError):
        client.compared(["cmp0", "nobody"])


def test_a_view_is_saved_changed_shared_and_deleted(client: Client) -> None:
    view_id = str(uuid4())
    client.execute(SaveView(view_id=view_id, name="mine", query="filter=status%3Ais%3AFailed", description="why"))
    found = client.view(view_id)
    assert (found["name"], found["visibility"], found["right"]) == ("mine", "personal", "own")
    assert found in client.views()
    client.execute(ChangeView(view_id=view_id, name="ours", as_of=found["last_position"]))
    with pytest.raises(ChangedSinceError):
        client.execute(ChangeView(view_id=view_id, name="theirs", as_of=found["last_position"]))
    client.execute(ShareView(view_id=view_id, users={"bo": "edit"}))
    found = client.view(view_id)
    assert (found["name"], found["description"], found["users"]) == ("ours", "why", {"bo": "edit"})
    assert found["visibility"] == "shared"
    client.execute(DeleteView(view_id=view_id))
    with pytest.raises(ViewNotFoundError):
        client.view(view_id)
    assert view_id not in [each["view_id"] for each in client.views()]


def test_the_points_of_several_runs_come_at_once(client: Client) -> None:
    run_ids = [f"several-{number}" for number in range(120)]
    client.execute_all([StartRun(run_id=each, experiment="contract") for each in run_ids])
    for number in (0, 119):
        point = {"name": "loss", "kind": "scalar", "index": [1], "times": [1], "values": [float(number)]}
        client.log_values(Batch(run_id=run_ids[number], writer="w", first=1, last=1, series=[point], occurred_at=1))
    found = client.series_of(run_ids, "loss")

    assert list(found) == run_ids
    assert {each: series[0].values for each, series in found.items() if series} == {
        run_ids[0]: [0.0],
        run_ids[119]: [119.0],
    }
    assert not any(client.series_of(run_ids, "other").values())
    assert client.series_of([]) == {}
    with pytest.raises(RunNotFoundError) as missing:
        client.series_of([run_ids[0], "nobody"])
    assert missing.value.run_id == "nobody"


def test_pages_join_without_gaps(client: Client) -> None:
    for number in range(7):
        client.execute(StartRun(run_id=f"p{number}", experiment="paging"))
    query, found = RunQuery(experiment="paging", limit=3), []
    while True:
        page = client.runs(query)
        found += [run["run_id"] for run in page.runs]
        if page.cursor is None:
            break
        query = replace(query, cursor=page.cursor)

    assert found == [f"p{number}" for number in reversed(range(7))]
    with pytest.raises(InvalidNameError):
        client.runs(RunQuery(cursor="nonsense"))
    with pytest.raises(LimitExceededError):
        client.runs(RunQuery(limit=0))


def test_threads_share_a_client(client: Client) -> None:
    def work(number: int) -> None:
        run_id = f"thread-{number}-{uuid4()}"
        client.execute(StartRun(run_id=run_id, experiment="threads"))
        for step in range(5):
            client.execute(TagRun(run_id=run_id, tags={"step": str(step)}))
            if client.run(run_id)["tags"] != {"step": str(step)}:
                stale.append(run_id)
        done.append(run_id)

    stale: list[str] = []
    done: list[str] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(done), stale) == (8, [])


def test_a_refused_command_leaves_no_trace(client: Client, run_id: str, tmp_path: Path) -> None:
    before = client.history(run_id)
    with pytest.raises(RefusedError):
        client.execute(TagRun(run_id=run_id, tags={"": str(tmp_path)}))

    assert client.history(run_id) == before


def test_what_is_stored_gets_a_name_and_is_read(client: Client, run_id: str) -> None:
    content = client.put_content(io.BytesIO(b"abc"))
    large = client.put_content(io.BytesIO(b"x" * 3_000_000))
    assert client.put_content(io.BytesIO(b"x" * 3_000_000)) == large
    files = [
        {"name": name, "sha256": each.sha256, "size": each.size} for name, each in (("b", content), ("a/c", large))
    ]
    answer = client.execute(AddArtifacts(run_id=run_id, artifacts=files))
    assert answer.changed
    assert not client.execute(AddArtifacts(run_id=run_id, artifacts=files)).changed

    assert [(each["name"], each["size"]) for each in client.artifacts(run_id)] == [("a/c", 3_000_000), ("b", 3)]
    assert [each["name"] for each in client.artifacts(run_id, ["a/", "x"])] == ["a/c"]
    for each, text in ((content, b"abc"), (large, b"x" * 3_000_000)):
        with client.open_content(each.sha256) as file:
            assert file.read() == text
    with client.open_content(large.sha256) as file:
        assert file.read(10) == b"x" * 10
    with pytest.raises(ContentNotFoundError):
        client.open_content("0" * 64)
    for bad in ({"sha256": "0" * 64}, {"size": 4}):
        with pytest.raises(BadContentError, match="send it first"):
            client.execute(AddArtifacts(run_id=run_id, artifacts=[files[0] | bad]))
    with pytest.raises(InvalidNameError):
        client.execute(AddArtifacts(run_id=run_id, artifacts=[files[0] | {"name": "../x"}]))
    for question in (lambda: client.artifacts("nothing"), lambda: client.output("nothing", 0)):
        with pytest.raises(RunNotFoundError):
            question()
    assert client.output(run_id, 0) == b""


def test_many_send_files_at_once(client: Client, run_id: str) -> None:
    def send(number: int) -> None:
        content = client.put_content(io.BytesIO(str(number).encode() * 100_000))
        artifact = {"name": f"{number:02d}", "sha256": content.sha256, "size": content.size}
        client.execute(AddArtifacts(run_id=run_id, artifacts=[artifact]))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    assert client.run(run_id)["status"] == "Running"
    for thread in threads:
        thread.join()

    assert [each["name"] for each in client.artifacts(run_id)] == [f"{number:02d}" for number in range(12)]


def test_what_was_is_answered_as_it_was(client: Client) -> None:
    name = str(uuid4())
    rule = {"name": name, "recipients": ["a@example.org"]}
    points = [
        {"name": "loss", "kind": "scalar", "index": [number], "times": [number], "values": [1 / number]}
        for number in (1, 2)
    ]
    client.execute(DefineRule(rule_id=name, definition=rule))
    client.execute(SaveView(view_id=name, name="old", query="search=x"))
    client.execute(StartRun(run_id=f"{name}-1", experiment=name))
    client.execute(StartRun(run_id=f"{name}-2", experiment=name, parent_run_id=f"{name}-1"))
    client.log_values(Batch(run_id=f"{name}-1", writer="w", first=1, last=1, series=points[:1], occurred_at=1))
    time.sleep(0.05)
    then = client.execute(TagRun(run_id=f"{name}-1", tags={"then": "yes"})).position
    moment = client.history(f"{name}-1")[-1].recorded_at
    time.sleep(0.05)
    client.log_values(Batch(run_id=f"{name}-1", writer="w", first=2, last=2, series=points[1:], occurred_at=1))
    client.execute(ChangeStatus(run_id=f"{name}-1", status=RunStatus.COMPLETED))
    client.execute(ChangeStatus(run_id=f"{name}-2", status=RunStatus.FAILED))
    client.execute(StartRun(run_id=f"{name}-3", experiment=name))
    client.execute(DisableRule(rule_id=name))
    client.execute(DeleteView(view_id=name))

    for as_of in (str(then), moment):
        query = RunQuery(experiment=name, as_of=as_of)
        running = replace(query, statuses=[RunStatus.RUNNING], include_children=True, order_by="name")
        assert ids(client, query) == [f"{name}-1"]
        assert ids(client, running) == [f"{name}-1", f"{name}-2"]
        assert ids(client, replace(query, parent_run_id=f"{name}-1", statuses=["Failed"])) == []
        assert [each.last for each in client.metrics(f"{name}-1", as_of)] == [1.0]
        [series] = client.series(SeriesQuery(run_id=f"{name}-1", as_of=as_of))
        assert series.values == [1.0]
        assert client.rule(name, as_of)["enabled"]
        assert client.view(name, as_of)["query"] == "search=x"
    assert [each.last for each in client.metrics(f"{name}-1")] == [0.5]
    assert not client.rule(name)["enabled"]
    with pytest.raises(NotThereYetError):
        client.rule(name, "0")
    with pytest.raises(NotThereYetError):
        client.view(name, "0")
    with pytest.raises(ViewNotFoundError):
        client.view(name)
    with pytest.raises(InvalidNameError, match="no moment of the ledger"):
        client.runs(RunQuery(as_of="tags.a"))


def new_run(client: Client, **fields: Any) -> str:
    run_id = f"r-{uuid4().hex}"
    client.execute(StartRun(**{"run_id": run_id, "experiment": "then"} | fields))
    return run_id


def values(run_id: str, value: float, first: int) -> Batch:
    point: Any = {"name": "loss", "kind": "scalar", "index": [first], "times": [first], "values": [value]}
    return Batch(run_id=run_id, writer="w", first=first, last=first, series=[point], occurred_at=1)


def test_everything_is_told_as_it_was(client: Client) -> None:
    rule, view, name = str(uuid4()), str(uuid4()), new_run(client)
    client.execute(CreateExperiment(name=f"e-{name}"))
    definition = {"name": f"rule {name}", "recipients": ["a@example.org"]}
    client.execute(DefineRule(rule_id=rule, definition=definition))
    client.execute(SaveView(view_id=view, name=name, query=""))
    other = new_run(client, experiment=f"e-{name}", parent_run_id=name)
    client.log_values(values(name, 0.5, first=1))
    position = client.execute(TagRun(run_id=name, tags={"then": "1"})).position
    client.log_values(values(name, 0.25, first=2))
    for run_id in (name, other):
        client.execute(ChangeStatus(run_id=run_id, status=RunStatus.COMPLETED))
    later = str(client.execute(DisableRule(rule_id=rule)).position)
    client.execute(DeleteView(view_id=view))

    then = str(position)
    experiment = client.experiment(f"e-{name}", then)
    assert experiment["statuses"] == {"Running": 1}
    assert experiment in client.experiments(then)
    assert client.experiment(f"e-{name}", later)["statuses"] == {"Completed": 1}
    assert [each["enabled"] for each in client.rules(then) if each["rule_id"] == rule] == [True]
    assert name in [each["name"] for each in client.views(then)]
    assert name not in [each["name"] for each in client.views()]
    (status,) = [row for row in client.compared([name, other], then) if row["key"] == "status"]
    assert set(status["values"].values()) == {"Running"}
    assert not status["differs"]
    (series,) = client.series_of([name], None, then)[name]
    assert 0.5 in (series.values or ())


def test_what_was_not_there_yet_and_what_has_not_come_are_told_apart_from_what_is_not_there(client: Client) -> None:
    first = str(client.execute(StartRun(run_id=f"first-{uuid4().hex}", experiment="first")).position)
    rule, view, name = str(uuid4()), str(uuid4()), new_run(client)
    client.execute(CreateExperiment(name=f"e-{name}"))
    client.execute(DefineRule(rule_id=rule, definition={"name": name, "recipients": ["a@example.org"]}))
    client.execute(SaveView(view_id=view, name=name, query=""))
    questions: list[Callable[[str], object]] = [
        lambda at: client.experiment(f"e-{name}", at),
        lambda at: client.rule(rule, at),
        lambda at: client.view(view, at),
        lambda at: client.run_at(name, at),
    ]
    for question in questions:
        with pytest.raises(NotThereYetError, match="it begins at position"):
            question(first)
        with pytest.raises(MomentAheadError, match="name an earlier moment"):
            question("100000000")
    lists: list[Callable[[str], object]] = [
        client.experiments,
        client.rules,
        client.views,
        lambda at: client.runs(RunQuery(as_of=at)),
        lambda at: client.metrics(name, at),
    ]
    for question in lists:
        with pytest.raises(MomentAheadError, match="name an earlier moment"):
            question("2999-01-01")
    with pytest.raises(RuleNotFoundError):
        client.rule(str(uuid4()), first)
    with pytest.raises(ExperimentNotFoundError):
        client.experiment("nowhere", first)
