"""Starting runs, and finding the run of a script (parity A4, B1, B9, H8)."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import runledger
from runledger import (
    Experiment,
    Run,
    RunConfiguration,
    RunEnvironmentException,
    ScriptRunConfig,
    ServiceException,
    UserErrorException,
    Workspace,
)

SCRIPT = """
from runledger import Run
run = Run.get_context()
assert Run.get_context() is run
run.log("message", "hello")
run.tag("size", "8")
run.log_list("more", [1, 2])
child = run.child_run()
child.complete()
print(run.id, run.experiment.name, run.parent, run.get_status(), run.get_metrics())
"""


def test_a4_the_version_is_a_text() -> None:
    assert isinstance(runledger.VERSION, str)
    assert runledger.__version__ == runledger.VERSION


def test_b1_every_public_name_is_there() -> None:
    for name in runledger.__all__:
        assert getattr(runledger, name) is not None


def test_b4_errors_have_the_names_that_scripts_catch(experiment: Experiment, workspace: Workspace) -> None:
    run = experiment.start_logging()
    run.add_properties({"author": "azureml-user"})
    with pytest.raises(ServiceException, match="author"):
        run.add_properties({"author": "different-user"})
    with pytest.raises(UserErrorException, match="log_list"):
        run.log("a", [1, 2])
    with pytest.raises(UserErrorException):
        Experiment(workspace, "a b")
    with pytest.raises(ServiceException):
        workspace.get_run("nothing")


def test_b9_a_configuration_is_saved_and_submitted(experiment: Experiment, place: Path, source: Path) -> None:
    (source / "train.py").write_text("import os, sys\nprint(sys.argv[1:], os.environ['WORD'])\n")
    written = RunConfiguration(
        script="train.py", arguments=["--rate", "0.1"], environment_variables={"WORD": "hello"}
    ).save(path=place, name="sklearn")

    assert written == place / ".azureml" / "sklearn.runconfig"
    loaded = RunConfiguration.load(path=place, name="sklearn")
    assert (loaded.script, loaded.arguments) == ("train.py", ["--rate", "0.1"])
    assert RunConfiguration.load(written) == loaded
    run = experiment.submit(ScriptRunConfig(source, run_config=loaded))
    run.wait_for_completion()
    log = experiment.workspace.compute_targets["local"].logs(run.id)
    assert log.read_text() == "['--rate', '0.1'] hello\n"
    for path, name in ((place, "a/b"), (place, "../b"), (source / "train.py", "b")):
        with pytest.raises(UserErrorException):
            RunConfiguration().save(path=path, name=name)
    with pytest.raises(UserErrorException, match="nothing"):
        RunConfiguration.load(path=place, name="nothing")


def test_b9_a_configuration_of_the_original_is_read(place: Path) -> None:
    (place / "aml_config").mkdir()
    (place / "aml_config" / "old.runconfig").write_text(
        "script: train.py\narguments: []\ntarget: local\nframework: Python\ncommunicator: None\n"
        "environment:\n  environmentVariables:\n    EXAMPLE_ENV_VAR: EXAMPLE_VALUE\n"
        "  python:\n    baseCondaEnvironment:\n"
    )
    loaded = RunConfiguration.load(place, "old")

    assert (loaded.script, loaded.target) == ("train.py", "local")
    assert loaded.environment_variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}


def test_h8_a_script_that_nobody_submitted_has_a_real_run(place: Path, workspace: Workspace) -> None:
    (place / "train model.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "train model.py"], cwd=place, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    run_id, experiment, said = done.stdout.split(" ", 2)

    assert said == "None Running {'message': 'hello', 'more': [1, 2]}\n"
    run = workspace.get_run(run_id)
    assert (run.experiment.name, experiment) == ("train-model", "train-model")
    assert run.wait_for_completion()["status"] == "Completed"
    assert run.get_tags() == {"size": "8"}


def test_h8_without_a_workspace_one_is_made_and_told(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr

    assert ".runledger was made" in done.stderr
    with Workspace(tmp_path) as workspace:
        assert workspace.get_run(done.stdout.split()[0]).get_metrics()["message"] == "hello"


def test_h8_a_script_may_insist_on_being_submitted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(RunEnvironmentException, match="RUNLEDGER_RUN_ID"):
        Run.get_context(allow_offline=False)


def test_a_run_that_the_environment_names_is_found(
    experiment: Experiment, place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = experiment.start_logging()
    monkeypatch.setenv("RUNLEDGER_RUN_ID", run.id)
    monkeypatch.setenv("RUNLEDGER_WORKSPACE", str(place))
    with caplog.at_level(logging.WARNING):
        found = Run.get_context()
    assert found.id == run.id
    found.log("a", 1)
    found.flush()
    # Nobody supervises it, so who completes it does so.
    found.complete()
    found.experiment.workspace.close()

    assert run.get_status() == "Completed"
    assert run.get_metrics() == {"a": 1}
    assert caplog.text == ""
