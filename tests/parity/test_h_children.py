"""Child runs (parity section H)."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.remote import RemoteClient
from runledger import Experiment, Run, UserErrorException, Workspace
from tests.runledger.server.running import running


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
    exchange = RemoteClient._exchange

    def noted(client: RemoteClient, request: Any, seconds: float) -> Any:
        sent.append(f"{request.method} {request.path.partition('?')[0]}")
        return exchange(client, request, seconds)

    with running(place) as server, Workspace(server.url) as workspace:
        parent = Experiment(workspace, "batch").start_logging()
        monkeypatch.setattr(RemoteClient, "_exchange", noted)
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


def test_h9_printing_children_says_which_they_are(experiment: Experiment) -> None:
    parent = experiment.start_logging()
    children = parent.create_children(count=2)

    shown = repr(parent.get_children())
    assert shown.startswith("[Run(")
    assert all(child.id in shown for child in children)
    assert next(parent.get_children()).id == children[1].id


_LOG = """
import sys
from runledger import Experiment, Run, Workspace
child = Run(Experiment(Workspace(sys.argv[1]), "explore-runs"), sys.argv[2])
root = child.parent
for number in range(100):
    root.log("progress", int(sys.argv[3]) * 100 + number)
assert root.flush()
child.complete()
"""


def test_h10_children_in_processes_of_their_own_log_to_the_root(experiment: Experiment, place: Path) -> None:
    root = experiment.start_logging()
    children = root.create_children(count=4)
    logging = [
        subprocess.Popen([sys.executable, "-c", _LOG, str(place), child.id, str(number)], cwd=place)
        for number, child in enumerate(children)
    ]
    assert [process.wait(60) for process in logging] == [0] * 4
    root.complete()

    values = root.get_metrics("progress")["progress"]
    assert sorted(values) == list(range(400))
    by_child = [[value for value in values if value // 100 == number] for number in range(4)]
    assert all(each == sorted(each) for each in by_child)
    assert {child.get_status() for child in children} == {"Completed"}
