"""The workspace folder: where things are in it, how it is found, and when it is refused."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import WorkspaceError
from ledger.workspace.host import host_id
from ledger.workspace.mounts import MOUNTS, network_file_system

FOLDER = ".runledger"
CONFIG = "config.toml"

_SAYS_HOST = re.compile(r"host\s*=")
_SAYS_WHETHER = re.compile(r"encrypt_personal\s*=")


@dataclass(frozen=True, slots=True)
class WorkspaceFolder:
    """Paths of one `.runledger/` folder."""

    path: Path

    @property
    def config(self) -> Path:
        """Settings of the workspace."""
        return self.path / CONFIG

    @property
    def ledger_db(self) -> Path:
        """The logs, or the replica of the Kafka logs."""
        return self.path / "ledger.db"

    @property
    def views_db(self) -> Path:
        """Everything derived; it can be deleted and is rebuilt."""
        return self.path / "views.db"

    @property
    def keys(self) -> Path:
        """Keys that sign what this workspace sends out."""
        return self.path / "keys"

    @property
    def personal_keys(self) -> Path:
        """Keys of personal text, unless a setting says where else."""
        return self.keys / "personal"

    @property
    def artifacts(self) -> Path:
        """Files of runs, unless a setting says where else."""
        return self.path / "artifacts"

    @property
    def runs(self) -> Path:
        """A folder for each run that was submitted on this machine."""
        return self.path / "runs"

    def settings(self) -> dict[str, Any]:
        """The content of config.toml."""
        import tomllib  # noqa: PLC0415 - a process with a URL reads none

        try:
            return tomllib.loads(self.config.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise WorkspaceError(f"{self.config} cannot be read: {error}") from error


def find_folder(start: Path) -> WorkspaceFolder | None:
    """The nearest workspace at or above a folder."""
    for folder in (start, *start.parents):
        if (folder / FOLDER / CONFIG).is_file():
            return WorkspaceFolder(folder / FOLDER)
    return None


def open_folder(path: Path, *, mounts: Path = MOUNTS) -> WorkspaceFolder:
    """The workspace of a path: the folder that holds `.runledger/`, or `.runledger/` itself.

    Raises:
        WorkspaceError: it is no workspace, lies on a network file system, or is another host's.
    """
    path = path.expanduser().absolute()
    inner = path if path.name == FOLDER else path / FOLDER
    if not (inner / CONFIG).is_file():
        raise WorkspaceError(
            f"{path} is not a workspace: it has no {FOLDER}/{CONFIG}. Run `runledger init {path}` to make one."
        )
    _refuse_network(inner, mounts)
    folder = WorkspaceFolder(inner)
    _refuse_other_host(folder)
    return folder


def make_folder(path: Path, *, log: str, adopt: bool = False, mounts: Path = MOUNTS) -> WorkspaceFolder:
    """Make a workspace in a folder; one that is there already stays as it is.

    `adopt` takes over a workspace that was made on another host.
    """
    inner = path.expanduser().absolute() / FOLDER
    if (inner / CONFIG).is_file() and not adopt:
        return open_folder(inner, mounts=mounts)
    _refuse_network(inner, mounts)
    try:
        inner.mkdir(parents=True, exist_ok=True)
        _write_config(inner, log)
    except OSError as error:
        raise WorkspaceError(f"a workspace cannot be made in {path}: {error}") from error
    return WorkspaceFolder(inner)


def set_up_encryption(folder: WorkspaceFolder) -> None:
    """Write into config.toml that personal text shall be encrypted; what is in there stays.

    Raises:
        WorkspaceError: it cannot be written.
    """
    if folder.settings().get("encrypt_personal") is True:
        return
    lines = [line for line in folder.config.read_text(encoding="utf-8").splitlines() if not _SAYS_WHETHER.match(line)]
    # Before the first table: behind it the key would be one of the table's.
    first = next((number for number, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    try:
        _replace_config(folder.path, "\n".join([*lines[:first], "encrypt_personal = true", *lines[first:], ""]))
    except OSError as error:
        raise WorkspaceError(f"{folder.config} cannot be written: {error}") from error


def _write_config(inner: Path, log: str) -> None:
    (inner / ".gitignore").write_text("*\n", encoding="utf-8")
    host = f'host = "{host_id()}"'
    if (inner / CONFIG).is_file():
        # It is taken over: all that was set in it holds on.
        lines = (inner / CONFIG).read_text(encoding="utf-8").splitlines()
        _replace_config(inner, "\n".join([*(host if _SAYS_HOST.match(line) else line for line in lines), ""]))
        return
    text = f'# A run ledger\'s workspace. `runledger config show` explains each setting.\nlog = "{log}"\n{host}\n'
    _replace_config(inner, text)


def _replace_config(inner: Path, text: str) -> None:
    # Renamed into place: a workspace is there as a whole or not at all.
    draft = inner / f"{CONFIG}.{os.getpid()}"
    draft.write_text(text, encoding="utf-8")
    draft.replace(inner / CONFIG)


def _refuse_network(inner: Path, mounts: Path) -> None:
    kind = network_file_system(inner, mounts)
    if kind is not None:
        raise WorkspaceError(
            f"{inner} lies on a network file system ({kind}), where SQLite's write-ahead log does not work. "
            "Put the workspace on a local disk and share it with `runledger server`."
        )


def _refuse_other_host(folder: WorkspaceFolder) -> None:
    made_on = folder.settings().get("host")
    if made_on is not None and made_on != host_id():
        raise WorkspaceError(
            f"{folder.path} belongs to another host. Two hosts must not open one workspace folder: share it with "
            f"`runledger server`. If it was moved here for good, run `runledger init --adopt {folder.path.parent}`."
        )
