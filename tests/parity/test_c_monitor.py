"""Looking at runs (parity section C, 2.A)."""

import sys
from pathlib import Path

import pytest

from ledger.errors import RunNotFoundError
from ledger.queries import RunDocument
from ledger.sdk.types import RunTypes
from runledger import Experiment, Run, Workspace
from tests.runledger.cli.calling import call


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
    experiment.start_logging(tags={"a": "1"}).log_params({"rate": 0.5})
    experiment.start_logging().log_params({"rate": "default"})
    table = getattr(experiment.runs(), f"to_{library}")()

    assert table.shape[0] == 2
    assert list(table["tags.a"])[1] == "1"
    assert [str(each) for each in table["parameters.rate"]] == ["default", "0.5"]
    assert getattr(experiment.runs(status="Failed"), f"to_{library}")().shape[0] == 0


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_table_that_cannot_be_made_names_what_is_missing(
    experiment: Experiment, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=library):
        getattr(experiment.runs(), f"to_{library}")()


def test_c3_complete_delivers_first_and_sets_the_end(anywhere: Experiment, location: str) -> None:
    """After complete() another process reads status Completed, the end, and every value."""
    run = anywhere.start_logging()
    for step in range(100):
        run.log("loss", step)
    run.complete()

    with Workspace(location) as other:
        again = other.get_run(run.id)
        assert again.get_status() == "Completed"
        assert again.get_details()["endTimeUtc"] >= again.get_details()["startTimeUtc"]
        assert again.get_metrics() == {"loss": list(range(100))}


def test_c4_the_end_of_a_block_is_the_end_of_the_run(anywhere: Experiment) -> None:
    """Normal end and exit 0: Completed; exception and exit 3: Failed; Ctrl-C: Canceled; what was raised goes on."""
    with anywhere.start_logging(snapshot_directory=None) as run:
        assert run.get_status() == "Running"
    assert run.get_status() == "Completed"

    for error, status in (
        (SystemExit(0), "Completed"),
        (SystemExit(3), "Failed"),
        (KeyboardInterrupt(), "Canceled"),
        (ValueError("no luck"), "Failed"),
    ):
        with pytest.raises(type(error)) as raised, anywhere.start_logging(snapshot_directory=None) as run:
            raise error
        assert raised.value is error
        assert run.get_status() == status
    told = run.get_details()["error"]
    assert (told["code"], told["message"]) == ("UserError", "User program failed with ValueError: no luck")


def test_c5_runs_are_listed_by_a_command(anywhere: Experiment, location: str) -> None:
    """Newest first, top-level alone, 10 unless --last says otherwise; each filter by the name that it has there."""
    runs = [anywhere.start_logging(snapshot_directory=None, tags={"n": n % 2, "bare": None}) for n in range(12)]
    child = runs[0].child_run()
    runs[1].complete()

    def listed(*words: object) -> list[str]:
        done = call("run", "list", "-w", location, "--experiment-name", anywhere.name, *words)
        assert done.code == 0, done.err
        return [run["run_id"] for run in done.json]

    newest = [run.id for run in reversed(runs)]
    assert listed() == newest[:10]
    assert listed("--last", 50) == newest
    assert listed("--status", "Completed") == [runs[1].id]
    assert listed("--status", "NotResponding") == []
    assert listed("--last", 50, "--tags", "n=1", "--tags", "bare") == newest[::2]
    assert listed("--compute-target-name", "local", "--last", 1) == newest[:1]
    assert listed("--parent-run-id", runs[0].id) == [child.id]
    assert listed("--started-from", "1h", "--last", 50) == newest
    assert listed("--started-before", "1h") == []
    (minimal,) = call("run", "list", "-w", location, "-e", anywhere.name, "--last", 1, "--minimal").json
    assert set(minimal) == {"RunId", "RunType", "Status", "StartTime", "Target", "Tags"}
    tree = call("run", "list", "-w", location, "--pipeline-run-id", runs[0].id).json
    assert [run["run_id"] for run in tree] == [child.id, runs[0].id]
    for wrong in (("--last", "abc"), ("-e", "a", "--pipeline-run-id", "b"), ("--started-from", "soon"), ("soon",)):
        assert call("run", "list", "-w", location, *wrong).code == 2


def test_c6_a_run_is_shown_by_a_command(anywhere: Experiment, location: str) -> None:
    """`run show -r ID -e NAME`: the keys of the original, no null, no token; an unknown id is exit code 3."""
    run = anywhere.start_logging(display_name="shown", tags={"bare": None})
    run.fail("no luck")
    document = call("run", "show", "-r", run.id, "-w", location, "-g", "group", "-e", anywhere.name).json

    keys = "run_id run_number root_run_id experiment_id _experiment_name created_utc start_time_utc end_time_utc status"
    keys += " name display_name run_type run_type_v2 target tags properties created_by error"
    assert set(keys.split()) - set(document) <= {"root_run_id"}
    assert None not in document.values()
    assert not any("token" in key for key in document)
    missing = call("run", "show", "-r", "nothing", "-w", location)
    assert (missing.code, "'nothing'" in missing.err) == (3, True)
    elsewhere = call("run", "show", "-r", run.id, "-w", location, "-e", "other")
    assert (elsewhere.code, anywhere.name in elsewhere.err) == (3, True)
