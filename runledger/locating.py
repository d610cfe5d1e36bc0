"""Which workspace is meant: the one named, the environment's, or the nearest upwards that is made or attached."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import WorkspaceError
from ledger.workspace.folder import FOLDER, WorkspaceFolder, find_folder
from runledger.settings import is_offline

VARIABLE = "RUNLEDGER_WORKSPACE"
ATTACHED_FILE = ".azureml/config.json"
_CONFIG_FILES = (ATTACHED_FILE, "aml_config/config.json", "config.json")
_CONFIG_FOLDERS = frozenset({".azureml", "aml_config"})
_CONFIG_KEY = "runledger"
_EXPERIMENT_KEY = "experiment"


def locate(named: str | Path | None, environment: Mapping[str, str], start: Path) -> str:
    """The path or URL of the workspace.

    Raises:
        WorkspaceError: none is named and none is found.
    """
    chosen = str(named) if named is not None else environment.get(VARIABLE, "")
    if chosen:
        return chosen
    found, attached = find_folder(start), find_attached(start)
    if attached is not None and (found is None or found.path.parent in [attached.folder, *attached.folder.parents]):
        return attached.workspace
    if found is None:
        raise WorkspaceError(
            f"no workspace: there is no {FOLDER}/ in {start} or above it, and {VARIABLE} is not set. "
            "Run `runledger init` to make one here, or name one with --workspace."
        )
    return str(found.path.parent)


def located(find: Callable[[], str], environment: Mapping[str, str]) -> str:
    """What `find` finds; empty where it finds nothing and this process is offline: then a sync says where to.

    Raises:
        WorkspaceError: nothing is found, and this process is online.
    """
    try:
        return find()
    except WorkspaceError:
        if is_offline(environment):
            return ""
        raise


@dataclass(frozen=True, slots=True)
class Attached:
    """A folder that `folder attach` tied to a workspace, and to an experiment to begin with."""

    folder: Path
    workspace: str
    experiment: str | None


def find_attached(start: Path) -> Attached | None:
    """The nearest attached folder, at or above `start` (parity B7)."""
    for folder in (start, *start.parents):
        file = folder / ATTACHED_FILE
        location = _location_in(file)
        if location is not None:
            experiment = _content(file).get(_EXPERIMENT_KEY)
            return Attached(folder, _placed(location, folder), str(experiment) if experiment else None)
    return None


def attach(folder: Path, workspace: str, experiment: str) -> Path:
    """Tie a folder to a workspace and an experiment, and answer with the file that says so.

    What else the file holds stays.
    """
    file = folder / ATTACHED_FILE
    content = _content(file) if file.is_file() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f"{file.name}.{os.getpid()}")
    content |= {_CONFIG_KEY: workspace, _EXPERIMENT_KEY: experiment}
    written.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
    written.replace(file)
    return file


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


def locate_by_file(file: Path) -> str:
    """The workspace that a configuration file names; a path in it begins at the folder that the file is about.

    Raises:
        WorkspaceError: it names none.
    """
    location = _location_in(file)
    if location is None:
        raise WorkspaceError(f'{file} names no workspace: add "{_CONFIG_KEY}": "PATH or URL" to it')
    about = file.parent.parent if file.parent.name in _CONFIG_FOLDERS else file.parent
    return _placed(location, about)


def locate_by_config(start: Path, environment: Mapping[str, str]) -> str:
    """As `Workspace.from_config()` does: the nearest `.runledger/`, then a config.json with our key.

    A config.json may lie in `.azureml/`, in `aml_config/` or in the folder itself, at or above
    `start` (parity B2).
    """
    found = find_folder(start)
    if found is not None:
        return str(found.path.parent)
    for folder in (start, *start.parents):
        for name in _CONFIG_FILES:
            location = _location_in(folder / name)
            if location is not None:
                return _placed(location, folder)
    if environment.get(VARIABLE):
        return environment[VARIABLE]
    raise WorkspaceError(
        f"no workspace: neither {FOLDER}/ nor {' nor '.join(_CONFIG_FILES)} with a key {_CONFIG_KEY!r} "
        f"is in {start} or above it. Run `runledger init` to make a workspace here."
    )


def _placed(location: str, folder: Path) -> str:
    return location if "://" in location else str((folder / location).absolute())


def _location_in(file: Path) -> str | None:
    location = _content(file).get(_CONFIG_KEY) if file.is_file() else None
    return str(location) if location else None


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{file} cannot be read: {error}") from error
    return content if isinstance(content, dict) else {}
