"""What users of the original have asked for (parity section 4), as far as SDK and command line can give it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from runledger import Experiment, Workspace
from schemas.limits import AZURE_LIMITS
from tests.runledger.cli.calling import call


def test_4_a_space_behind_a_name_spoils_nothing(anywhere: Experiment) -> None:
    """MachineLearningNotebooks 1392: the space is dropped when the value is logged, and every read works."""
    run = anywhere.start_logging(snapshot_directory=None)
    run.log("Hello from child run ", 1)
    run.log("Hello from child run", 2)

    for name in (None, "Hello from child run", "Hello from child run "):
        assert run.get_metrics(name) == {"Hello from child run": [1, 2]}


def test_4_no_metric_is_dropped_beyond_fifty(anywhere: Experiment) -> None:
    """InnerEye 389: 200 metrics with 20 columns and more are all there."""
    run = anywhere.start_logging(snapshot_directory=None)
    names = [f"metric {number}" for number in range(4 * AZURE_LIMITS["metric_names"])]
    for name in names:
        run.log(name, 1)
    columns: dict[str, Any] = {f"c{number}": number for number in range(2 * AZURE_LIMITS["columns"])}
    run.log_row("wide", **columns)

    metrics = run.get_metrics()
    assert list(metrics) == [*names, "wide"]
    assert len(metrics["wide"]) == 2 * AZURE_LIMITS["columns"]


def test_4_a_curve_keeps_its_order(anywhere: Experiment) -> None:
    """Section 0, fact 8: 2,000 values come back in the order in which they were logged."""
    run = anywhere.start_logging(snapshot_directory=None)
    for step in range(2_000):
        run.log("loss", step)
    run.complete()

    assert run.get_metrics()["loss"] == list(range(2_000))


def test_4_results_of_many_children_come_by_one_question(anywhere: Experiment, location: str) -> None:
    """MachineLearningNotebooks 1302: the metrics of a parent and 120 children, by another process too."""
    parent = anywhere.start_logging(snapshot_directory=None)
    children = parent.create_children(count=120)
    for number, child in enumerate(children):
        child.log("loss", number)
        child.flush()
    with Workspace(location) as other:
        found = other.get_run(parent.id).get_metrics(recursive=True)

    assert found == {child.id: {"loss": number} for number, child in enumerate(children)}


def test_4_runs_are_found_by_status_and_time(anywhere: Experiment) -> None:
    """MachineLearningNotebooks 491: `runs(status=, started_from=, started_before=, search=, order_by=)`."""
    first = anywhere.start_logging(snapshot_directory=None, display_name="b")
    second = anywhere.start_logging(snapshot_directory=None, display_name="a banana")
    first.complete()
    began = datetime.fromisoformat(second.get_details()["startTimeUtc"])

    def found(**conditions: object) -> list[str]:
        return [run.id for run in anywhere.runs(**conditions)]  # type: ignore[arg-type]

    assert found(status="Completed") == [first.id]
    assert found(started_from=began) == [second.id]
    assert found(started_before=began) == [first.id]
    assert found(started_from=datetime.now(UTC) - timedelta(hours=1), status="Running") == [second.id]
    assert found(search="banana") == [second.id]
    assert found(order_by="name") == [second.id, first.id]


def test_4_who_did_what_and_why_is_told(anywhere: Experiment, location: str) -> None:
    """azure-sdk-for-python 29077: every change of a status has its actor and, where one was given, its reason."""
    run = anywhere.start_logging(snapshot_directory=None)
    run.cancel(reason="too expensive")
    *_, last = call("run", "history", "-w", location, "-r", run.id).json

    assert last["actor"]
    assert last["reason"] == "too expensive"
    assert {"field": "status", "before": "Running", "after": "Canceled"} in last["changes"]


def test_4_a_script_need_not_know_every_status(anywhere: Experiment, location: str) -> None:
    """mlops-templates 9: `is_terminal` of the document says whether to wait on; `run wait` waits."""
    run = anywhere.start_logging(snapshot_directory=None)
    words = ("-w", location, "-r", run.id, "--query", "is_terminal")
    assert call("run", "show", *words).json is False
    run.complete()
    waited = call("run", "wait", *words)

    assert (waited.code, waited.json) == (0, True)


def test_4_what_is_not_wanted_is_hidden_and_kept(anywhere: Experiment, location: str) -> None:
    """MachineLearningNotebooks 196: a run is archived, out of every list and restored; its history stays."""
    run = anywhere.start_logging(snapshot_directory=None)
    run.complete()
    assert call("run", "archive", "-w", location, "-r", run.id).code == 0
    assert list(anywhere.get_runs()) == []
    assert call("run", "list", "-w", location, "-e", anywhere.name).json == []
    assert anywhere.workspace.get_run(run.id).get_status() == "Completed"
    assert call("run", "restore", "-w", location, "-r", run.id).code == 0
    assert [each.id for each in anywhere.get_runs()] == [run.id]


def test_4_a_run_is_renamed_from_inside(anywhere: Experiment) -> None:
    """azure-sdk-for-python 30102: the setter of `display_name`."""
    run = anywhere.start_logging(snapshot_directory=None)
    run.display_name = "renamed"

    assert run.name == run.display_name == "renamed"
