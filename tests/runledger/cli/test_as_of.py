"""`--as-of`: lists, metrics, rules and views as they were, each by one command."""

from pathlib import Path
from typing import Any

from runledger import Experiment, Workspace
from tests.runledger.cli.calling import call


def test_what_was_is_found_again(empty: Path) -> None:
    rule = call("alert", "create", "night", "-w", empty, "--recipient", "a@example.org").json["rule_id"]
    view = call("view", "save", "running", "-w", empty, "--filter", "status:is:Running").json["view_id"]
    with Workspace(empty) as workspace:
        experiment = Experiment(workspace, "digits")
        run = experiment.start_logging(run_id="r1", snapshot_directory=None)
        run.child_run("child")
        run.log("loss", 0.5)
        run.flush()
        run.tag("then")
        position = workspace.client.run("r1")["last_position"]
        run.log("loss", 0.25)
        run.complete()
        experiment.start_logging(run_id="r2", snapshot_directory=None).complete()
        assert [each.id for each in experiment.runs(as_of=position)] == ["r1"]
        assert [each.id for each in workspace.runs(as_of=position, status="Running")] == ["r1"]
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
    assert asked("alert", "show", rule)["enabled"] is True
    assert asked("view", "show", view)["name"] == "running"
    assert [each["run_id"] for each in asked("view", "open", view)] == ["r1"]
    assert call("view", "show", view, "-w", empty).code == 3
    wrong = call("run", "list", "-w", empty, "--as-of", "someday")
    assert wrong.code != 0
    assert "name a position such as 17, or a time" in wrong.err
