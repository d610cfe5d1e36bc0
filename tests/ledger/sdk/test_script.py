"""What a script does with `from runledger import ...`, on a real workspace."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.errors import InvalidNameError, RefusedError, RunNotFoundError, StatusRefusedError, WrittenOnceError
from ledger.workspace.folder import make_folder
from runledger import Experiment, LedgerError, Run, Workspace

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    make_folder(tmp_path, log="sqlite")
    with Workspace(tmp_path) as opened:
        yield opened


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "explore-runs")


def test_a_run_from_start_to_end(experiment: Experiment) -> None:
    run = experiment.start_logging(display_name="first", description="# Hello", tags={"size": 8, "bare": None})

    assert run.get_status() == "Running"
    assert run.get_tags() == {"size": "8", "bare": None}
    assert (run.display_name, run.description) == ("first", "# Hello")
    assert "endTimeUtc" not in run.get_details()
    run.complete()
    assert run.get_status() == "Completed"
    assert set(run.get_details()) >= {"runId", "target", "status", "startTimeUtc", "endTimeUtc", "properties"}


def test_tags_change_and_properties_do_not(experiment: Experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    run.tag("quality", "great run")
    run.tag("quality", "fantastic run")
    run.tag("worth another look")
    run.set_tags({"a": "1", "b": "2"})
    run.remove_tags(["a"])
    run.add_properties({"author": "azureml-user"})
    run.add_properties({"author": "azureml-user"})
    run.add_properties({})

    assert run.get_tags() == {"quality": "fantastic run", "worth another look": None, "b": "2"}
    with pytest.raises(WrittenOnceError, match=r"author.*azureml-user.*different-user"):
        run.add_properties({"author": "different-user"})
    assert run.get_properties() == {"author": "azureml-user"}


def test_a_value_that_is_no_text_is_told_and_stored_as_text(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    run = experiment.start_logging()
    with caplog.at_level(logging.WARNING):
        run.tag("Competition Rank", 1)

    assert run.get_tags() == {"Competition Rank": "1"}
    assert "Competition Rank" in caplog.text


def test_the_end_of_a_block_completes(experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        pass

    assert run.get_status() == "Completed"


def test_an_exception_fails_the_run_and_goes_on(experiment: Experiment) -> None:
    with pytest.raises(ZeroDivisionError), experiment.start_logging() as run:
        1 / 0  # noqa: B018

    error = run.get_details()["error"]
    assert run.get_status() == "Failed"
    assert error["message"] == "User program failed with ZeroDivisionError: division by zero"
    assert (error["code"], error["type"]) == ("UserError", "ZeroDivisionError")
    assert "1 / 0" in error["traceback"]


@pytest.mark.parametrize(("code", "status"), [(0, "Completed"), (None, "Completed"), (3, "Failed")])
def test_an_exit_inside_the_block(code: int | None, status: str, experiment: Experiment) -> None:
    with pytest.raises(SystemExit), experiment.start_logging() as run:
        sys.exit(code)

    assert run.get_status() == status


def test_an_interrupt_cancels(experiment: Experiment) -> None:
    with pytest.raises(KeyboardInterrupt), experiment.start_logging() as run:
        raise KeyboardInterrupt

    assert run.get_status() == "Canceled"


def test_a_run_that_was_ended_inside_the_block_stays_so(experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        run.cancel(reason="no longer needed")

    assert run.get_status() == "Canceled"


def test_statuses_only_move_forward(experiment: Experiment) -> None:
    run = experiment.start_logging()
    run.fail("it diverged", error_code="Diverged")
    run.fail()

    assert run.get_details()["error"] == {"code": "Diverged", "message": "it diverged"}
    with pytest.raises(StatusRefusedError):
        run.complete()
    with pytest.raises(TypeError):
        experiment.start_logging().fail(42)  # type: ignore[arg-type]


def test_an_id_is_used_once_unless_it_is_resumed(experiment: Experiment) -> None:
    run = experiment.start_logging(run_id="nightly-1")
    with pytest.raises(RefusedError, match="resume='allow'"):
        experiment.start_logging(run_id="nightly-1")
    run.fail("spot instance went away")
    again = experiment.start_logging(run_id="nightly-1", resume="allow")

    assert again.get_status() == "Running"
    assert experiment.start_logging(run_id="nightly-2", resume="allow").get_status() == "Running"
    with pytest.raises(RunNotFoundError):
        experiment.start_logging(run_id="nightly-3", resume="must")
    with pytest.raises(ValueError, match="resume"):
        experiment.start_logging(resume="maybe")


def test_runs_are_found(experiment: Experiment, workspace: Workspace) -> None:
    first = experiment.start_logging(tags={"quality": "great", "odd key": "it's"})
    second = experiment.start_logging(tags={"quality": None})
    Experiment(workspace, "other").start_logging(tags={"quality": "great"})
    second.add_properties({"author": "maria"})

    def ids(**conditions: object) -> list[str]:
        return [run.id for run in experiment.get_runs(**conditions)]  # type: ignore[arg-type]

    assert ids() == [second.id, first.id]
    assert ids(tags={"quality": "great"}) == [first.id]
    assert ids(tags="quality") == [second.id, first.id]
    assert ids(tags={"quality": None}) == [second.id]
    assert ids(tags={"odd key": "it's"}) == [first.id]
    assert ids(properties={"author": "maria"}, tags="quality") == [second.id]
    assert ids(properties="author") == [second.id]
    with pytest.raises(ValueError, match="tags"):
        ids(tags=3)


def test_a_bad_name_is_refused_before_anything_is_written(workspace: Workspace) -> None:
    for name in ("a b", "-x", "", "a.b", "x" * 256):
        with pytest.raises(InvalidNameError):
            Experiment(workspace, name)


def test_another_process_reads_what_was_written(experiment: Experiment, tmp_path: Path) -> None:
    run = experiment.start_logging(tags={"a": "b"})
    code = (
        "import sys\nfrom runledger import Experiment, Run, Workspace\n"
        "run = Run(Experiment(Workspace.from_config(), 'explore-runs'), sys.argv[1])\n"
        "print(run.get_tags(), run.get_status())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, run.id], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout == "{'a': 'b'} Running\n", done.stderr


def test_a_workspace_is_found_by_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNLEDGER_WORKSPACE", raising=False)
    place, project = tmp_path / "place", tmp_path / "project" / "deep"
    make_folder(place, log="sqlite")
    (project / ".azureml").mkdir(parents=True)
    monkeypatch.chdir(project)
    with pytest.raises(LedgerError, match=r"config\.json.*runledger init"):
        Workspace.from_config()
    (tmp_path / "project" / "config.json").write_text('{"runledger": "../place", "workspace_name": "w"}')
    with Workspace.from_config() as found:
        assert Path(found.location).resolve() == place.resolve()
    (project / ".azureml" / "config.json").write_text("{")
    with pytest.raises(LedgerError, match="cannot be read"):
        Workspace.from_config()


def test_representations_say_what_they_are(experiment: Experiment) -> None:
    run = Run(experiment, "r1")

    assert repr(run) == "Run('r1', experiment='explore-runs')"
    assert repr(experiment).startswith("Experiment('explore-runs', Workspace(")


@pytest.mark.kafka
def test_a_script_that_never_closes_its_workspace_ends(tmp_path: Path, kafka_broker: KafkaBroker) -> None:
    make_folder(tmp_path, log=f"kafka://{kafka_broker.address}/e{uuid4().hex[:8]}")
    code = (
        "from runledger import Experiment, Workspace\n"
        "run = Experiment(Workspace.from_config(), 'e').start_logging()\n"
        "print(run.get_status())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (0, "Running\n"), done.stderr
