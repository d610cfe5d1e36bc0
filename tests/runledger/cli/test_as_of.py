"""`--as-of`: lists, metrics, rules and views as they were, each by one command."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import MomentAheadError, NotThereYetError
from runledger import Experiment, Workspace
from tests.runledger.cli.calling import call


def test_what_was_is_found_again(empty: Path) -> None:
    rule = call("alert", "create", "night", "-w", empty, "--recipient", "a@example.org").json["rule_id"]
    view = call("view", "save", "running", "-w", empty, "--filter", "status:is:Running").json["view_id"]
    with Workspace(empty) as workspace:
        experiment = Experiment(workspace, "digits")
        run = experiment.start_logging(run_id="r1", snapshot_directory=None)
        run.child_run("child", run_id="child")
        run.log("loss", 0.5)
        run.flush()
        run.tag("then")
        position = workspace.client.run("r1")["last_position"]
        run.log("loss", 0.25)
        run.complete()
        experiment.start_logging(run_id="r2", snapshot_directory=None).complete()
        assert [each.id for each in experiment.runs(as_of=position)] == ["r1"]
        assert [each.id for each in workspace.runs(as_of=position, status="Running")] == ["r1"]
        Experiment(workspace, "later").tag("now")
    assert call("alert", "disable", "night", "-w", empty).code == 0
    assert call("view", "delete", "running", "-w", empty).code == 0

    def asked(*words: str) -> Any:
        done = call(*words, "-w", empty, "--as-of", position)
        assert done.code == 0, done.err
        return done.json

    listed = asked("run", "list", "--status", "Running", "--order-by", "-name")
    assert [(each["run_id"], each["tags"]) for each in listed] == [("r1", {"then": None})]
    children = asked("run", "children", "-r", "r1")
    assert [each["status"] for each in children] == ["Running"]
    assert asked("run", "metrics", "-r", "r1")[0]["last"] == 0.5
    assert [each["value"] for each in asked("run", "metrics", "-r", "r1", "--name", "loss")] == [0.5]
    assert asked("alert", "show", "night")["enabled"] is True
    assert [each["enabled"] for each in asked("alert", "list")] == [True]
    assert [each["name"] for each in asked("view", "list")] == ["running"]
    assert [(each["name"], each["runs"]) for each in asked("experiment", "list")] == [("digits", 2)]
    assert asked("experiment", "show", "digits")["statuses"] == {"Running": 2}
    assert call("experiment", "show", "digits", "-w", empty).json["statuses"] == {"Completed": 2, "Running": 1}
    (status,) = [each for each in asked("run", "compare", "r1", "child") if each["key"] == "status"]
    assert set(status["values"].values()) == {"Running"}
    early = call("experiment", "show", "later", "-w", empty, "--as-of", position)
    assert early.code == 3
    assert "there was no experiment 'later': it begins at position" in early.err
    ahead = call("experiment", "list", "-w", empty, "--as-of", "999")
    assert ahead.code == 3
    assert "there is no position 999 yet" in ahead.err
    assert asked("alert", "show", rule)["enabled"] is True
    assert asked("view", "show", view)["name"] == "running"
    assert [each["run_id"] for each in asked("view", "open", view)] == ["r1"]
    assert call("view", "show", view, "-w", empty).code == 3
    wrong = call("run", "list", "-w", empty, "--as-of", "someday")
    assert wrong.code != 0
    assert "name a position such as 17, or a time" in wrong.err


def test_a_script_reads_what_was(empty: Path) -> None:
    with Workspace(empty) as workspace:
        experiment = Experiment(workspace, "digits")
        run = experiment.start_logging(run_id="r1", snapshot_directory=None)
        child = run.child_run("child", run_id="c1")
        for each in (run, child):
            each.log("loss", 0.5, step=0)
            each.flush()
        child.tag("then", "1")
        position = workspace.client.run("c1")["last_position"]
        recorded = workspace.client.history("c1")[-1].recorded_at
        moment = datetime.fromisoformat(recorded)
        while datetime.now(UTC) <= moment + timedelta(milliseconds=2):
            time.sleep(0.001)
        run.log("loss", 0.25, step=1)
        child.complete()
        run.child_run("late", run_id="c2")
        run.complete()

        for then in (position, moment, recorded, moment.astimezone().replace(tzinfo=None)):
            assert run.get_metrics(as_of=then) == {"loss": 0.5}
            assert run.get_last_metrics(as_of=then) == {"loss": 0.5}
            assert list(run.get_series("loss", as_of=then)["loss"].steps) == [0]
            assert [each.buckets[0].count for each in run.get_thinned("loss", 1, as_of=then)] == [1]
            assert run.get_metrics(recursive=True, as_of=then) == {"r1": {"loss": 0.5}, "c1": {"loss": 0.5}}
            assert [each.id for each in run.get_children(as_of=then)] == ["c1"]
            assert [each.id for each in run.get_children(recursive=True, status="Running", as_of=then)] == ["c1"]
            assert workspace.run_at("c1", then)["status"] == "Running"
            assert [each.name for each in Experiment.list(workspace, as_of=then)] == ["digits"]
        assert run.get_metrics() == {"loss": [0.5, 0.25]}
        assert workspace.run_at("c1", "status=Completed")["status"] == "Completed"
        with pytest.raises(MomentAheadError, match="name an earlier moment"):
            run.get_metrics(as_of=datetime.now(UTC) + timedelta(days=1))
        with pytest.raises(NotThereYetError, match="there was no run 'c2'"):
            workspace.run_at("c2", position)
