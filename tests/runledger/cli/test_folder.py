"""`folder attach`: later commands and scripts need neither workspace nor experiment."""

import json
from pathlib import Path

import pytest

from runledger import Workspace
from tests.runledger.cli.calling import call


def test_later_commands_need_neither_workspace_nor_experiment(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "my-project"
    (project / "below").mkdir(parents=True)
    done = call("folder", "attach", "-w", place, "-e", f"{tmp_path.name}-x"[-50:].lstrip("_-"), "--path", project)
    assert done.code == 0, done.err
    assert json.loads((project / ".azureml" / "config.json").read_text())["runledger"] == place
    monkeypatch.chdir(project / "below")
    started = call("run", "start").json
    assert started["experiment_name"] == done.json["experiment"]
    other = call("run", "start", "-e", "other").json["run_id"]
    assert [run["run_id"] for run in call("run", "list").json] == [started["run_id"]]
    assert other in [run["run_id"] for run in call("run", "list", "--all-experiments", "--last", 1000).json]
    assert call("folder", "show").json["workspace"] == place
    assert call("run", "list", "--path", project, "-e", "other", "--query", "[0].run_id").json == other
    with Workspace() as workspace:
        assert workspace.location == place


def test_the_experiment_is_named_like_the_folder_unless_it_is_said(empty: Path, tmp_path: Path) -> None:
    project = tmp_path / "digits"
    project.mkdir()
    assert call("folder", "attach", "-w", empty, "--path", project).json["experiment"] == "digits"
    bad = tmp_path / "no good"
    bad.mkdir()
    done = call("folder", "attach", "-w", empty, "--path", bad)
    assert done.code == 2
    assert "--experiment-name" in done.err
    assert not (bad / ".azureml").exists()


def test_what_else_the_file_says_stays_and_attaching_again_changes_it(empty: Path, tmp_path: Path) -> None:
    project = tmp_path / "digits"
    file = project / ".azureml" / "config.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"subscription_id": "x"}')
    assert call("folder", "attach", "-w", empty, "--path", project).code == 0
    assert call("folder", "attach", "-w", empty, "--path", project, "-e", "second").code == 0
    assert json.loads(file.read_text()) == {"subscription_id": "x", "runledger": str(empty), "experiment": "second"}
    assert [path.name for path in file.parent.iterdir()] == ["config.json"]


def test_an_experiment_of_an_attached_folder_is_not_meant_in_another_workspace(
    empty: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "digits"
    project.mkdir()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert call("init", elsewhere).code == 0
    assert call("folder", "attach", "-w", empty, "--path", project).code == 0
    monkeypatch.chdir(project)
    assert call("run", "start").code == 0
    assert call("run", "start", "-w", elsewhere).code == 2


def test_the_nearest_counts(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "outer"
    inner = project / "inner"
    inner.mkdir(parents=True)
    assert call("folder", "attach", "-w", empty, "--path", project).code == 0
    assert call("init", inner).code == 0
    monkeypatch.chdir(inner)
    assert call("run", "start", "-e", "x").code == 0
    assert call("run", "list", "-w", empty, "--all-experiments").json == []
    assert call("folder", "attach", "-w", empty, "--path", inner).code == 0
    assert call("run", "start").code == 0
    assert len(call("run", "list", "-w", empty, "--all-experiments").json) == 1


def test_no_workspace_is_attached_to(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert call("folder", "attach", "-w", tmp_path / "nothing", "--path", tmp_path).code == 2
    assert call("folder", "show", "--path", tmp_path).code == 2
    assert not (tmp_path / ".azureml").exists()


def test_a_file_that_cannot_be_read_is_named(empty: Path, tmp_path: Path) -> None:
    file = tmp_path / "p" / ".azureml" / "config.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    done = call("folder", "attach", "-w", empty, "--path", tmp_path / "p")
    assert done.code == 1
    assert str(file) in done.err
    assert file.read_text() == "{"


def test_the_environments_experiment_counts_more_than_the_folders(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "digits"
    project.mkdir()
    assert call("folder", "attach", "-w", empty, "--path", project).code == 0
    monkeypatch.chdir(project)
    monkeypatch.setenv("RUNLEDGER_EXPERIMENT", "mine")
    run_id = call("run", "start").json["run_id"]
    assert call("run", "start", "-e", "other").json["experiment_name"] == "other"
    assert [run["experiment_name"] for run in call("run", "list").json] == ["mine"]
    assert len(call("run", "list", "--all-experiments").json) == 2
    assert len(call("run", "list", "--root-run-id", run_id).json) == 1
