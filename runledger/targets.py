"""The targets of a workspace: `local`, and those that its config.toml names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.errors import WorkspaceError
from ledger.journal.places import journals_of
from ledger.targets.local.target import LocalTarget
from ledger.targets.target import Target
from runledger.locating import folder_of, is_url
from runledger.supervising import supervisor_of
from runledger.tracking import name_of

LOCAL = "local"
_FIELDS = {"kind", "max_concurrent", "grace_seconds"}


def targets_of(location: str) -> dict[str, Target]:
    """Every target by name.

    Raises:
        WorkspaceError: config.toml describes one that cannot be.
    """
    place, configured = name_of(location), _configured(location)
    command, runs = supervisor_of(place), _runs_folder(location)
    found: dict[str, Target] = {LOCAL: LocalTarget(LOCAL, runs, command)}
    for name, content in configured.items():
        found[name] = _target(name, content, runs, command)
    return found


def _runs_folder(location: str) -> Path:
    if is_url(location):
        return journals_of(name_of(location), None, os.environ) / "runs"
    return folder_of(location).runs


def _configured(location: str) -> Mapping[str, Any]:
    if is_url(location):
        return {}
    found = folder_of(location).settings().get("targets", {})
    if not isinstance(found, dict):
        raise WorkspaceError("config.toml: write a target as [targets.NAME]")
    return found


def _target(name: str, content: object, runs: Path, command: list[str]) -> Target:
    if not isinstance(content, dict) or content.get("kind") != LOCAL or set(content) - _FIELDS:
        raise WorkspaceError(
            f'config.toml: target {name!r} must say kind = "local", and may say max_concurrent and grace_seconds'
        )
    most, grace = content.get("max_concurrent"), content.get("grace_seconds", 10.0)
    if most is not None and (type(most) is not int or most < 1):
        raise WorkspaceError(
            f"config.toml: max_concurrent of target {name!r} must be a whole number from 1, not {most!r}"
        )
    if type(grace) not in {int, float} or grace < 0:
        raise WorkspaceError(f"config.toml: grace_seconds of target {name!r} must be seconds, not {grace!r}")
    return LocalTarget(name, runs, command, max_concurrent=most, grace_seconds=float(grace))
