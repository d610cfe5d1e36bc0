"""The files of a folder that can become files of a run."""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledger.artifacts.names import name_below

State = Mapping[str, tuple[int, int, int]]
"""What tells by name whether a file was changed: size, time of change and number on the disk."""

_log = logging.getLogger(__name__)


def files_below(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Every regular file with its name, in order.

    A link to a file within the folder counts as a file; links that lead out, links to folders,
    devices and pipes are passed over, with a warning.
    """
    top = folder.resolve()
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted([*names, *(each for each in folders if (Path(here) / each).is_symlink())]):
            path = Path(here) / name
            problem = _problem(path, top)
            if problem is None:
                yield name_below(folder, path, prefix), path
            else:
                _log.warning("%s is not uploaded: %s", path, problem)


def state_below(folder: Path, prefix: str = "") -> State:
    """What the files of a folder look like now; nothing if there is no folder."""
    return {name: _looks(path) for name, path in files_below(folder, prefix)} if folder.is_dir() else {}


def changed_below(folder: Path, before: State, prefix: str = "") -> list[tuple[str, Path]]:
    """The files of a folder that are new or were written to since."""
    if not folder.is_dir():
        return []
    return [(name, path) for name, path in files_below(folder, prefix) if _looks(path) != before.get(name)]


def _looks(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _problem(path: Path, top: Path) -> str | None:
    if path.is_symlink():
        target = path.resolve()
        if not target.is_relative_to(top):
            return f"it is a link that leads out of the folder, to {target}"
        if target.is_dir():
            return "it is a link to a folder"
    return None if path.is_file() else "it is no regular file"
