"""Starting runs, and finding the run of a script (parity A4, section B, H8)."""

import logging
import subprocess
import sys
from pathlib import Path
from uuid import UUID

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
from tests.runledger.cli.calling import call
from tests.runledger.server.running import running

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


def test_b2_the_workspace_is_found_by_its_configuration(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found in the folder, in .azureml/, in aml_config/, in a grandparent, and by a file that is named."""
    deep = place / "project" / "a" / "b"
    deep.mkdir(parents=True)
    ledger = place / "workspace"
    ledger.mkdir()
    (place / ".runledger").rename(ledger / ".runledger")
    monkeypatch.chdir(deep)
    with pytest.raises(ServiceException, match=r"config\.json.*or above it"):
        Workspace.from_config()
    for file in ("config.json", "a/config.json", "a/b/.azureml/config.json", "a/aml_config/config.json"):
        config = place / "project" / file
        config.parent.mkdir(exist_ok=True)
        config.write_text(f'{{"runledger": "{ledger}", "subscription_id": "s", "workspace_name": "w"}}')
        with Workspace.from_config() as found:
            assert Path(found.location) == ledger
        with Workspace.from_config(config) as found:
            assert Path(found.location) == ledger
        config.unlink()
    (deep / "config.json").write_text('{"workspace_name": "w"}')
    with pytest.raises(ServiceException, match="'runledger'"):
        Workspace.from_config()
    with pytest.raises(ServiceException, match='add "runledger"'):
        Workspace.from_config(deep / "config.json")


@pytest.mark.parametrize("name", ["a", "explore-runs", "9", "a_b", "aß", "e" * 255])
def test_b3_names_that_an_experiment_may_have(name: str, workspace: Workspace) -> None:
    """1 to 255 characters: a letter or digit, then word characters or -; named twice it is the same one."""
    assert Experiment(workspace, name).id == Experiment(workspace, name).id


@pytest.mark.parametrize("name", ["", "a b", "-x", "a.b", "ßa", "e" * 256])
def test_b3_names_that_none_may_have(name: str, workspace: Workspace) -> None:
    """Refused before anything is written."""
    with pytest.raises(UserErrorException, match="is not allowed"):
        Experiment(workspace, name)
    assert Experiment.list(workspace) == []


def test_b4_a_run_runs_as_soon_as_it_is_started(anywhere: Experiment) -> None:
    """Status Running, with the id, names, description and tags that were given; by default the id is a random one."""
    run = anywhere.start_logging(
        run_id=f"{anywhere.name}-1", name="old", display_name="new", description="# Why", tags={"a": 1, "bare": None}
    )

    assert run.get_status() == "Running"
    assert (run.id, run.name, run.description) == (f"{anywhere.name}-1", "new", "# Why")
    assert run.get_tags() == {"a": "1", "bare": None}
    assert anywhere.start_logging(name="older way").display_name == "older way"
    assert str(UUID(anywhere.start_logging(snapshot_directory=None).id))


def test_b4a_the_state_of_the_repository_becomes_properties(
    experiment: Experiment, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of azureml.git and mlflow.source.git in a repository, clean or dirty; none elsewhere; variables win."""

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words], cwd=source, check=True, timeout=60
        )

    assert not any("git" in key for key in experiment.start_logging(snapshot_directory=source).properties)
    git("init", "-q", "-b", "main")
    (source / "train.py").write_text("print(1)\n")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    clean = experiment.start_logging(snapshot_directory=source).get_properties()
    (source / "train.py").write_text("print(2)\n")
    dirty = experiment.start_logging(snapshot_directory=source).get_properties()
    monkeypatch.setenv("AZUREML_GIT_BRANCH", "of the job")

    assert (clean["azureml.git.branch"], clean["azureml.git.dirty"], dirty["azureml.git.dirty"]) == (
        "main",
        "False",
        "True",
    )
    assert clean["azureml.git.commit"] == clean["mlflow.source.git.commit"] == dirty["azureml.git.commit"]
    assert experiment.start_logging(snapshot_directory=source).properties["azureml.git.branch"] == "of the job"
    assert not any("git" in key for key in experiment.start_logging(snapshot_directory=None).properties)


def test_b5_a_logged_value_is_read_back(anywhere: Experiment, location: str) -> None:
    """`log(name=, value=)` is there after flush(), for another handle too; a list is refused and log_list named."""
    run = anywhere.start_logging()
    run.log(name="message", value="Hello from run!")
    with pytest.raises(UserErrorException, match="log_list"):
        run.log("message", range(3))
    assert run.flush()

    with Workspace(location) as other:
        assert other.get_run(run.id).get_metrics() == {"message": "Hello from run!"}


def test_b6_a_token_makes_commands_work_without_a_dialogue(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RUNLEDGER_TOKEN stands for `az login`: with it a command works, without it the way out is named."""
    token = call("server", "--data", place, "--init-admin", "admin", "-o", "json").json["token"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.delenv("RUNLEDGER_TOKEN", raising=False)
    with running(place) as server:
        refused = call("run", "list", "-w", server.url)
        monkeypatch.setenv("RUNLEDGER_TOKEN", token)
        allowed = call("run", "list", "-w", server.url)

    assert (refused.code, allowed.code) == (4, 0)
    assert "runledger login" in refused.err


def test_b7_an_attached_folder_needs_no_further_options(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`folder attach -w WORKSPACE -g GROUP -e NAME --path FOLDER`; a missing folder is made, a file refused."""
    project = tmp_path / "new" / "project"
    attached = call("folder", "attach", "-w", place, "-g", "group", "-e", "mine", "--path", project)
    assert attached.code == 0, attached.err
    monkeypatch.chdir(project)
    started = call("run", "start").json

    assert started["experiment_name"] == "mine"
    assert [run["run_id"] for run in call("run", "list").json] == [started["run_id"]]
    (tmp_path / "file").touch()
    assert call("folder", "attach", "-w", place, "--path", tmp_path / "file").code == 2
    assert call("run", "list", "--path", tmp_path / "nowhere").code == 2


def test_b8_a_script_is_submitted_waited_for_and_told(location: str, source: Path) -> None:
    """`run submit-script -e NAME train.py ARGUMENTS`: output on stderr, the run as JSON on stdout, exit code 0 or 6."""
    (source / "train.py").write_text("import sys\nprint('trained', sys.argv[1:])\nsys.exit('bad' in sys.argv)\n")
    words = ("run", "submit-script", "-w", location, "-g", "group", "-e", "submitted", "--path", source)
    done = call(*words, "train.py", "--rate", "0.1", "-e", "its own")
    failed = call(*words, "--tags", "why", "train.py", "bad")

    assert done.code == 0, done.err
    assert (done.json["status"], done.json["run_type"]) == ("Completed", "azureml.scriptrun")
    assert "trained ['--rate', '0.1', '-e', 'its own']" in done.err
    assert done.json["run_id"] in done.err
    assert (failed.code, failed.json["status"], failed.json["tags"]) == (6, "Failed", {"why": None})
    assert failed.json["error"]["message"] == "The script ended with exit code 1."


def test_b8_a_configuration_may_name_the_script(place: Path, source: Path) -> None:
    """`-c NAME` reads .azureml/NAME.runconfig; words behind the options count more; --async comes back at once."""
    (source / "train.py").write_text("import sys, os\nprint('words', sys.argv[1:], os.environ.get('WORD'))\n")
    RunConfiguration(script="train.py", arguments=["1"], environment_variables={"WORD": "x"}).save(source, "sklearn")
    words = ("run", "submit-script", "-w", place, "-e", "submitted", "-c", "sklearn", "--path", source)
    by_name = call(*words)
    by_words = call(*words, "--source-directory", source, "--ct", "local", "train.py", "2")
    begun = call(*words, "--async")
    without_file = call(*words[:-4], "-c", "local", "--path", source, "train.py", "3")

    assert "words ['1'] x" in by_name.err
    assert "words ['2'] x" in by_words.err
    assert "words ['3'] None" in without_file.err
    assert (begun.code, begun.json["is_terminal"], "words" in begun.err) == (0, False, False)
    with Workspace(place) as workspace:
        assert workspace.get_run(begun.json["run_id"]).wait_for_completion()["status"] == "Completed"


def test_b8_what_cannot_be_submitted_is_named(place: Path, source: Path) -> None:
    """Neither script nor configuration, no such configuration, no such script, one outside of the folder."""
    (source.parent / "outside.py").write_text("print(1)\n")
    words = ("run", "submit-script", "-w", place, "-e", "submitted", "--path", source)
    for more, code, says in (
        ((), 2, "Name a script"),
        (("-c", "nothing"), 4, "nothing"),
        (("nothing.py",), 1, "nothing.py"),
        (("../outside.py",), 1, "is not in the folder"),
        (("--target", "gpu", "../outside.py"), 2, "there are: local"),
    ):
        refused = call(*words, *more)
        assert (refused.code, says in refused.err) == (code, True), refused.err
    assert call("run", "list", "-w", place).json == []
