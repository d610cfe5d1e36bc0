"""Looking at runs (parity section C, 2.A)."""

import importlib.util
from pathlib import Path

import pytest

from ledger.errors import RunNotFoundError
from ledger.queries import RunDocument
from ledger.sdk.types import RunTypes
from runledger import Experiment, Run, Workspace


def test_c1_get_status_asks_and_status_remembers(experiment: Experiment, place: Path) -> None:
    run = experiment.start_logging()
    assert run.status == "Running"
    with Workspace(place) as other:
        other.get_run(run.id).complete()

    assert run.status == "Running"
    assert run.get_status() == "Completed"
    assert run.status == "Completed"


def test_c1_what_the_handle_itself_does_is_seen(experiment: Experiment) -> None:
    run = experiment.start_logging(tags={"a": "1"})
    assert run.tags == {"a": "1"}
    run.tag("a", "2")
    run.add_properties({"p": "q"})
    run.complete()

    assert (run.tags, run.properties["p"], run.status) == ({"a": "2"}, "q", "Completed")


def test_c2_details_have_the_keys_that_scripts_read(experiment: Experiment) -> None:
    run = experiment.start_logging()
    details = run.get_details()
    assert set(details) >= {"runId", "target", "status", "startTimeUtc", "properties", "logFiles", "submittedBy"}
    assert "endTimeUtc" not in details
    run.start()
    run.complete()

    assert run.wait_for_completion()["endTimeUtc"] >= details["startTimeUtc"]
    assert run.get_detailed_status() == {"status": "Completed", "details": None}


def test_who_a_run_is(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = experiment.start_logging(), experiment.start_logging(display_name="second & last")

    assert (first.number, second.number) == (1, 2)
    assert (first.name, second.name) == (first.id, "second & last")
    assert first.type == "runledger.run"
    assert first.get_portal_url() is None
    monkeypatch.setenv("RUNLEDGER_PUBLIC_URL", "https://ledger.example/")
    assert first.get_portal_url() == f"https://ledger.example/runs/{first.id}"
    table = first._repr_html_()
    for text in ("explore-runs", first.id, "Running", f'href="https://ledger.example/runs/{first.id}"'):
        assert text in table


def test_runs_are_fetched_by_id(experiment: Experiment, workspace: Workspace) -> None:
    run = experiment.start_logging()

    assert Run.get(workspace, run.id).experiment.name == "explore-runs"
    assert workspace.get_run(run.id).id == run.id
    with pytest.raises(RunNotFoundError, match="nothing"):
        Run.get(workspace, "nothing")


def test_runs_are_listed_by_experiment_status_and_target(experiment: Experiment, workspace: Workspace) -> None:
    done, going = experiment.start_logging(), experiment.start_logging(tags={"a": "b"})
    child = going.child_run()
    done.complete()

    assert [run.id for run in Run.list(experiment, status="Completed")] == [done.id]
    assert [run.id for run in Run.list(experiment, tags={"a": "b"}, include_children=True)] == [going.id]
    documents = Run.list_by_compute("local", workspace=workspace)
    assert [document["run_id"] for document in documents] == [child.id, going.id]
    with pytest.raises(ValueError, match="workspace"):
        Run.list_by_compute("local")


def test_a_type_of_run_has_a_class_of_its_own(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunTypes, "_factories", dict(RunTypes._factories))

    class Special(Run):
        pass

    def factory(found: Experiment, document: RunDocument) -> Run:
        return Special(found, document["run_id"])

    run = experiment.start_logging()
    Run.add_type_provider("runledger.run", factory)
    with pytest.raises(ValueError, match=r"runledger\.run"):
        Run.add_type_provider("runledger.run", factory)

    assert isinstance(next(experiment.get_runs()), Special)
    assert isinstance(experiment.workspace.get_run(run.id), Special)
    run.child_run()
    (plain,) = run.get_children(_rehydrate_runs=False)
    assert type(plain) is Run


def test_runs_are_gone_through_again_and_taken_as_rows(experiment: Experiment) -> None:
    run = experiment.start_logging(tags={"a": "1", "bare": None})
    run.log_params({"rate": 0.5})
    found = experiment.runs()

    assert [each.id for each in found] == [each.id for each in found] == [run.id]
    (row,) = found.rows()
    assert (row["run_id"], row["status"], row["tags.a"], row["parameters.rate"]) == (run.id, "Running", "1", 0.5)
    assert row["tags.bare"] is None


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_runs_are_taken_as_a_table(experiment: Experiment, library: str) -> None:
    experiment.start_logging(tags={"a": "1"})
    experiment.start_logging()
    if importlib.util.find_spec(library) is None:
        with pytest.raises(ModuleNotFoundError, match=library):
            getattr(experiment.runs(), f"to_{library}")()
        return
    table = getattr(experiment.runs(), f"to_{library}")()

    assert table.shape[0] == 2
    assert list(table["tags.a"])[1] == "1"
