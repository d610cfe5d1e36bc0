"""Child runs (parity section H)."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.remote.server import Server
from runledger import Experiment, Run, ScriptRunConfig, UserErrorException, Workspace
from tests.runledger.cli.calling import call
from tests.runledger.server.running import running


def test_h1_a_command_may_make_children_too(anywhere: Experiment, location: str) -> None:
    """`run start --parent ID`, which the original leaves to its SDK: the child knows its parent and its root."""
    top = anywhere.start_logging(snapshot_directory=None)
    child = call("run", "start", "-w", location, "-e", anywhere.name, "--parent", top.id).json
    below = call("run", "start", "-w", location, "-e", anywhere.name, "--parent", child["run_id"]).json

    assert (below["parent_run_id"], below["root_run_id"]) == (child["run_id"], top.id)
    assert [run["run_id"] for run in call("run", "children", "-w", location, "-r", top.id).json] == [child["run_id"]]


def test_h3_five_children_and_their_parent_complete(experiment: Experiment) -> None:
    with experiment.start_logging() as parent:
        for number in range(5):
            with parent.child_run(name=f"child {number}") as child:
                child.log("Hello from child run", number)

    children = list(parent.get_children())
    assert [child.get_status() for child in children] == ["Completed"] * 5
    assert [child.get_metrics()["Hello from child run"] for child in children] == [4, 3, 2, 1, 0]
    assert [child.name for child in children] == [f"child {number}" for number in (4, 3, 2, 1, 0)]
    assert parent.get_status() == "Completed"


def test_h4_children_in_a_batch_run_at_once_in_order(experiment: Experiment) -> None:
    parent = experiment.start_logging()
    numbered = parent.create_children(count=5)
    fruits = parent.create_children(tag_key="fruit", tag_values=["Apple", "Banana", "Cherry"])

    assert [child.get_tags() for child in numbered] == [{"azureml.batch_child_number": str(n)} for n in range(5)]
    assert [child.get_tags() for child in fruits] == [{"fruit": fruit} for fruit in ("Apple", "Banana", "Cherry")]
    assert {child.get_status() for child in (*numbered, *fruits)} == {"Running"}
    assert parent.create_children(count=0) == []


def test_h4_a_batch_is_asked_for_in_one_way(experiment: Experiment) -> None:
    parent = experiment.start_logging()
    for wrong in ({}, {"tag_key": "a"}, {"tag_values": ["b"]}, {"count": 1, "tag_key": "a", "tag_values": ["b"]}):
        with pytest.raises(UserErrorException, match=r"count|tag_values"):
            parent.create_children(**wrong)
    with pytest.raises(UserErrorException, match="1,000"):
        parent.create_children(count=1001)
    with pytest.raises(UserErrorException, match="-1"):
        parent.create_children(count=-1)
    assert list(parent.get_children()) == []


def test_h4_a_server_gets_one_request_for_a_batch(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    exchange = Server._exchange

    def noted(server: Server, request: Any, seconds: float) -> Any:
        sent.append(f"{request.method} {request.path.partition('?')[0]}")
        return exchange(server, request, seconds)

    with running(place) as server, Workspace(server.url) as workspace:
        parent = Experiment(workspace, "batch").start_logging()
        monkeypatch.setattr(Server, "_exchange", noted)
        children = parent.create_children(count=5)
        assert sent == ["POST /api/v1/commands/bulk"]
        found = [child.id for child in parent.get_children()]
        for child in children:
            child.complete()

        assert sorted(found) == sorted(child.id for child in children)
        assert {child.get_status() for child in children} == {"Completed"}


def test_h6_statuses_do_not_depend_on_each_other(experiment: Experiment) -> None:
    parent = experiment.start_logging()
    failed, canceled, going = parent.create_children(count=3)
    failed.fail("it diverged")
    canceled.cancel()
    parent.complete()

    assert parent.get_status() == "Completed"
    assert [run.get_status() for run in (failed, canceled, going)] == ["Failed", "Canceled", "Running"]


def test_h7_submitted_children_are_listed_and_waited_for(anywhere: Experiment, source: Path) -> None:
    """Listed as soon as `submit_child` has come back; waiting for each in a loop ends when all have."""
    (source / "fruit.py").write_text("import sys\nfrom runledger import Run\nRun.get_context().log('f', sys.argv[1])\n")
    run = anywhere.start_logging(snapshot_directory=None)
    for number, fruit in enumerate(("Apple", "Banana"), start=1):
        run.submit_child(ScriptRunConfig(source, "fruit.py", arguments=[fruit]))
        assert len(list(run.get_children())) == number
    for child in run.get_children():
        child.wait_for_completion()

    assert {child.status for child in run.get_children()} == {"Completed"}
    assert sorted(metrics["f"] for metrics in run.get_metrics(recursive=True).values()) == ["Apple", "Banana"]


def test_h8_parents_and_roots(experiment: Experiment) -> None:
    top = experiment.start_logging()
    middle = top.child_run()
    bottom = middle.child_run()

    assert top.parent is None
    assert bottom.parent is not None
    assert (bottom.parent.id, bottom.root.id, top.root.id) == (middle.id, top.id, top.id)
    assert bottom.parent.parent is not None
    assert bottom.parent.parent.id == top.id


def test_h9_children_are_found_over_three_levels(experiment: Experiment) -> None:
    top = experiment.start_logging()
    left, right = top.create_children(tag_key="side", tag_values=["left", "right"])
    below = left.child_run()
    below.tag("deep")
    deepest = below.child_run()
    deepest.add_properties({"author": "maria"})
    right.complete()
    experiment.start_logging().child_run()

    def ids(run: Run, **conditions: object) -> list[str]:
        return [child.id for child in run.get_children(**conditions)]  # type: ignore[arg-type]

    assert ids(top) == [right.id, left.id]
    assert ids(top, recursive=True) == [deepest.id, below.id, right.id, left.id]
    assert ids(left, recursive=True) == [deepest.id, below.id]
    assert ids(top, recursive=True, tags="deep") == [below.id]
    assert ids(left, recursive=True, properties={"author": "maria"}) == [deepest.id]
    assert ids(top, status="Completed") == [right.id]
    assert ids(top, tags={"side": "left"}) == [left.id]
    assert ids(top, type="no such type") == []
    assert [run.id for run in experiment.get_runs()] != ids(top)
    assert len(list(experiment.get_runs(include_children=True))) == 7


def test_h9_a_hidden_run_does_not_hide_those_below_it(anywhere: Experiment, location: str) -> None:
    """From the middle too: what lies below an archived run is still below those above it."""
    top = anywhere.start_logging(snapshot_directory=None)
    middle = top.child_run()
    hidden = middle.child_run()
    lowest = hidden.child_run()
    lowest.log("loss", 1)
    lowest.complete()
    assert call("run", "archive", "-w", location, "-r", hidden.id).code == 0

    assert [run.id for run in middle.get_children(recursive=True)] == [lowest.id]
    assert middle.get_metrics(recursive=True) == {lowest.id: {"loss": 1}}


def test_h9_printing_children_says_which_they_are(experiment: Experiment) -> None:
    parent = experiment.start_logging()
    children = parent.create_children(count=2)

    shown = repr(parent.get_children())
    assert shown.startswith("[Run(")
    assert all(child.id in shown for child in children)
    assert next(parent.get_children()).id == children[1].id


_EACH = 500
_LOG = """
import sys
from runledger import Run, Workspace
child = Workspace(sys.argv[1]).get_run(sys.argv[2])
root = child.parent
for number in range(int(sys.argv[4])):
    root.log("progress", int(sys.argv[3]) * int(sys.argv[4]) + number)
child.complete()
assert root.flush()
"""


def test_h10_children_in_processes_of_their_own_log_to_the_root(
    anywhere: Experiment, location: str, tmp_path: Path
) -> None:
    """20 processes (6 on a folder) log 500 values each to one metric at once: all are there, each writer's in order."""
    writers = 20 if "://" in location else 6
    root = anywhere.start_logging(snapshot_directory=None)
    children = root.create_children(count=writers)
    writing = [
        subprocess.Popen([sys.executable, "-c", _LOG, location, child.id, str(number), str(_EACH)], cwd=tmp_path)
        for number, child in enumerate(children)
    ]
    assert [process.wait(120) for process in writing] == [0] * writers
    root.complete()

    values = root.get_metrics("progress")["progress"]
    assert sorted(values) == list(range(writers * _EACH))
    by_writer = [[value for value in values if value // _EACH == number] for number in range(writers)]
    assert all(each == sorted(each) for each in by_writer)
    assert {child.status for child in root.get_children()} == {"Completed"}
