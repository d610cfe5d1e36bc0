"""The folder of a workspace: whose files they are, who else may read and change them, and the room that is left."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledger.workspace.folder import WorkspaceFolder
from runledger.doctor.finding import Finding, fail, ok, warn
from runledger.settings import resolve

_FULL, _TIGHT = 100_000_000, 1_000_000_000
_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE = stat.S_IWOTH
_SECRET_FILES = ("smtp password file", "kafka password file", "kafka key file", "key file", "token file")


def look_at_disk(path: Path) -> Finding:
    """The room on the disk of a folder."""
    free = shutil.disk_usage(path).free
    text = f"{free / 1e9:.1f} GB free at {path}"
    if free < _FULL:
        return fail("disk", text, "make room: without any, nothing more is stored")
    return warn("disk", text, "make room before it is full") if free < _TIGHT else ok("disk", text)


def look_at_files(folder: WorkspaceFolder, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether this user may write the files, and others may not; and nobody else may read what is secret."""
    found = [*_own(folder), *_secret(folder, environment)]
    yield from found or [ok("file rights", f"{folder.path} is ours, and its secrets are")]


def _own(folder: WorkspaceFolder) -> Iterator[Finding]:
    for path in (folder.path, folder.config, folder.ledger_db, folder.views_db):
        if not path.exists():
            continue
        if not os.access(path, os.R_OK | os.W_OK):
            yield fail("file rights", f"{path} cannot be written by this user", f"chown {_user()} {path}")
        elif path.stat().st_mode & _OTHERS_WRITE:
            yield fail("file rights", f"everybody may change {path}", f"chmod o-w {path}")


def _secret(folder: WorkspaceFolder, environment: Mapping[str, str]) -> Iterator[Finding]:
    for path in [*_keys(folder), *_named(folder, environment)]:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield fail("file rights", f"{path} cannot be read: {error.strerror}")
            continue
        if not os.access(path, os.R_OK):
            yield fail("file rights", f"{path} cannot be read by this user", f"chown {_user()} {path}")
        elif os.name == "posix" and mode & _OTHERS_READ:
            yield warn("file rights", f"others may read {path}, which is secret", f"chmod 600 {path}")


def _keys(folder: WorkspaceFolder) -> list[Path]:
    return sorted(path for path in folder.keys.glob("*") if path.is_file()) if folder.keys.is_dir() else []


def _named(folder: WorkspaceFolder, environment: Mapping[str, str]) -> list[Path]:
    values = resolve(environment, folder.settings())
    return [file for name in _SECRET_FILES if (file := values[name].file(folder.path)) is not None]


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "USER"
