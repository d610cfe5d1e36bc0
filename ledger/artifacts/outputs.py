"""Files that a script writes into folders of its own, and that become files of its run (parity B4, C3)."""

from collections.abc import Sequence
from pathlib import Path

from ledger.artifacts.upload import Upload
from ledger.artifacts.walking import changed_below, state_below

FOLDERS = ("outputs", "logs")
"""The folders that scripts of the original write to."""


class Outputs:
    """Folders, and what was in them when the run began: that is not the run's."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Look at folders, each of which gives its name to what is in it."""
        self._before = {folder: state_below(folder, folder.name) for folder in folders}

    def changed(self) -> list[Upload]:
        """What is new or was written to since."""
        return [
            Upload(name, path)
            for folder, before in self._before.items()
            for name, path in changed_below(folder, before, folder.name)
        ]
