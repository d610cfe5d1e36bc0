"""Which lakes of Parquet files were filled from a workspace, so that what is erased is erased in them too."""

import os
from contextlib import suppress
from pathlib import Path

from ledger.workspace.folder import WorkspaceFolder

_FILE = "lakes.txt"


def known_lakes(folder: WorkspaceFolder) -> list[str]:
    """The addresses, in the order of their first replay; folders that are no more are left out."""
    try:
        lines = (folder.path / _FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [line for line in lines if line and ("://" in line or Path(line).is_dir())]


def note_lake(folder: WorkspaceFolder, address: str) -> None:
    """Note a lake that is filled; a workspace that cannot be written to is read all the same."""
    name = address_of(address)
    if name in known_lakes(folder):
        return
    with suppress(OSError), (folder.path / _FILE).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
        file.flush()
        os.fsync(file.fileno())


def address_of(named: str) -> str:
    """A lake's address, the same from every folder."""
    return named if "://" in named else str(Path(named).expanduser().absolute())
