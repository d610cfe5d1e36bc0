"""The state of the repository that a script runs from (parity B4a)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class GitState:
    """What is known; `dirty` tells whether tracked files differ from the commit."""

    repository: str | None = None
    branch: str | None = None
    commit: str | None = None
    dirty: bool | None = None


def git_state(folder: Path, environment: Mapping[str, str]) -> GitState:
    """The repository around a folder; `AZUREML_GIT_*` variables win. Nothing is known without git."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no") or ""
    heads = dict(line[2:].split(" ", 1) for line in status.splitlines() if line.startswith("# branch."))
    commit = heads.get("branch.oid", "")
    branch = heads.get("branch.head", "")
    url = _git(folder, "config", "--get", "remote.origin.url") if commit else None
    found = GitState(
        repository=_without_password(url.strip()) if url else None,
        branch=branch if branch and branch != "(detached)" else None,
        commit=commit if commit and commit != "(initial)" else None,
        dirty=any(not line.startswith("#") for line in status.splitlines()) if commit else None,
    )
    named = {name: environment.get(f"AZUREML_GIT_{variable}") for name, variable in _VARIABLES.items()}
    dirty = environment.get("AZUREML_GIT_DIRTY")
    return GitState(
        repository=named["repository"] or found.repository,
        branch=named["branch"] or found.branch,
        commit=named["commit"] or found.commit,
        dirty=found.dirty if dirty is None else dirty.lower() in {"true", "1"},
    )


def git_properties(state: GitState, environment: Mapping[str, str]) -> dict[str, str]:
    """The properties of a run, by the names that the original and MLflow gave them."""
    found = {
        "azureml.git.repository_uri": state.repository,
        "azureml.git.branch": state.branch,
        "azureml.git.commit": state.commit,
        "azureml.git.dirty": None if state.dirty is None else str(state.dirty),
        "azureml.git.build_id": environment.get("AZUREML_GIT_BUILD_ID"),
        "azureml.git.build_uri": environment.get("AZUREML_GIT_BUILD_URI"),
        "mlflow.source.git.repoURL": state.repository,
        "mlflow.source.git.branch": state.branch,
        "mlflow.source.git.commit": state.commit,
    }
    return {key: value for key, value in found.items() if value}


_VARIABLES = {"repository": "REPOSITORY_URI", "branch": "BRANCH", "commit": "COMMIT"}


def _git(folder: Path, *arguments: str) -> str | None:
    import subprocess  # noqa: PLC0415 - loaded where it is used

    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            env=dict(os.environ) | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout if done.returncode == 0 else None


def _without_password(url: str) -> str:
    """The address alone: what is written to a ledger stays there."""
    parts = urlsplit(url)
    if parts.scheme and "@" in parts.netloc:
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return url
