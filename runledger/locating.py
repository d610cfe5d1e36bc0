"""Which workspace is meant: the one named, the environment's, or the nearest upwards."""

import json
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import WorkspaceError
from ledger.workspace.folder import FOLDER, WorkspaceFolder, find_folder

VARIABLE = "RUNLEDGER_WORKSPACE"
_CONFIG_FILES = (".azureml/config.json", "config.json")
_CONFIG_KEY = "runledger"


def locate(named: str | Path | None, environment: Mapping[str, str], start: Path) -> str:
    """The path or URL of the workspace.

    Raises:
        WorkspaceError: none is named and none is found.
    """
    chosen = str(named) if named is not None else environment.get(VARIABLE, "")
    if chosen:
        return chosen
    found = find_folder(start)
    if found is None:
        raise WorkspaceError(
            f"no workspace: there is no {FOLDER}/ in {start} or above it, and {VARIABLE} is not set. "
            "Run `runledger init` to make one here, or name one with --workspace."
        )
    return str(found.path.parent)


def is_url(location: str) -> bool:
    """Whether a location is a server's."""
    return location.startswith(("http://", "https://"))


def folder_of(location: str) -> WorkspaceFolder:
    """The `.runledger/` folder that a path names, whether it is there or not.

    Raises:
        WorkspaceError: it is a URL.
    """
    if "://" in location:
        raise WorkspaceError(
            f"{location} is a URL, and this command needs the folder of a workspace: name it with --workspace, on the "
            "machine where it is."
        )
    path = Path(location).expanduser().absolute()
    return WorkspaceFolder(path if path.name == FOLDER else path / FOLDER)


def locate_by_config(start: Path, environment: Mapping[str, str]) -> str:
    """As `Workspace.from_config()` does: the nearest `.runledger/`, then a config.json with our key.

    A config.json may lie in `.azureml/` or in the folder itself, at or above `start` (parity B2).
    """
    found = find_folder(start)
    if found is not None:
        return str(found.path.parent)
    for folder in (start, *start.parents):
        for name in _CONFIG_FILES:
            location = _location_in(folder / name)
            if location is not None:
                return location if "://" in location else str((folder / location).absolute())
    if environment.get(VARIABLE):
        return environment[VARIABLE]
    raise WorkspaceError(
        f"no workspace: neither {FOLDER}/ nor {' nor '.join(_CONFIG_FILES)} with a key {_CONFIG_KEY!r} "
        f"is in {start} or above it. Run `runledger init` to make a workspace here."
    )


def _location_in(file: Path) -> str | None:
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{file} cannot be read: {error}") from error
    location = content.get(_CONFIG_KEY) if isinstance(content, dict) else None
    return str(location) if location else None
