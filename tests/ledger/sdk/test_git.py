"""The state of a repository becomes properties of a run (parity B4a)."""

import os
import subprocess
from pathlib import Path

import pytest

from ledger.sdk.git import GitState, git_properties, git_state


def git(folder: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    identity |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=os.environ | identity, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "trunk")
    (tmp_path / "train.py").write_text("print()", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    git(tmp_path, "remote", "add", "origin", "https://maria:secret@example.com/team/models.git")
    return tmp_path


def test_a_clean_repository(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    found = git_state(repository, {})
    assert found == GitState("https://example.com/team/models.git", "trunk", commit, dirty=False)
    assert git_properties(found, {}) == {
        "azureml.git.repository_uri": "https://example.com/team/models.git",
        "azureml.git.branch": "trunk",
        "azureml.git.commit": commit,
        "azureml.git.dirty": "False",
        "mlflow.source.git.repoURL": "https://example.com/team/models.git",
        "mlflow.source.git.branch": "trunk",
        "mlflow.source.git.commit": commit,
    }


def test_a_changed_file_makes_it_dirty(repository: Path) -> None:
    (repository / "train.py").write_text("print(1)", encoding="utf-8")
    assert git_state(repository, {}).dirty is True


def test_a_commit_without_a_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    found = git_state(repository, {})
    assert (found.branch, found.commit) == (None, git(repository, "rev-parse", "HEAD"))


def test_no_repository_no_commit_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path, {}) == GitState()
    assert git_state(tmp_path / "nowhere", {}) == GitState()
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path, {}).commit is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path, {}) == GitState()


def test_variables_win(repository: Path) -> None:
    named = {"AZUREML_GIT_REPOSITORY_URI": "ssh://x", "AZUREML_GIT_COMMIT": "abc", "AZUREML_GIT_DIRTY": "True"}
    named |= {"AZUREML_GIT_BUILD_ID": "7", "AZUREML_GIT_BUILD_URI": "https://ci.example.com/7"}
    found = git_state(repository, named)
    assert found == GitState("ssh://x", "trunk", "abc", dirty=True)
    assert git_properties(found, named)["azureml.git.build_id"] == "7"
