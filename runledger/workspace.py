"""The Workspace that users import: named by a path or URL, or found by its configuration."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import RefusedError
from ledger.sdk import workspace
from runledger.locating import locate, locate_by_config, locate_by_file, located
from runledger.settings import MODE, is_offline

if TYPE_CHECKING:
    from ledger.targets.target import Target
    from ledger.tracking.tracker import Tracker


class Workspace(workspace.Workspace):
    """A workspace folder or server.

    workspace = Workspace("path/to/folder")
    """

    def __init__(self, location: str | Path | None = None) -> None:
        """Open the workspace at a path or URL; without one, `RUNLEDGER_WORKSPACE` or the nearest upwards.

        Raises:
            WorkspaceError: it is no workspace, or cannot be used from here.
        """
        place = located(lambda: locate(location, os.environ, Path.cwd()), os.environ)
        super().__init__(_tracker(place), lambda: _targets(place))

    @classmethod
    def from_config(cls, path: str | Path | None = None) -> "Workspace":
        """Find the workspace at or above a folder (parity B2); `path` may be a configuration file itself.

        Raises:
            WorkspaceError: none is found; the message says where it was looked for.
        """
        start = Path(path).absolute() if path is not None else Path.cwd()
        return cls(located(lambda: _configured(start), os.environ))


def _configured(start: Path) -> str:
    return locate_by_file(start) if start.is_file() else locate_by_config(start, os.environ)


def _tracker(place: str) -> "Tracker":
    if is_offline(os.environ):
        from runledger.offline import track_offline  # noqa: PLC0415 - loaded on first use

        return track_offline(place)
    from runledger.tracking import track  # noqa: PLC0415

    return track(place)


def _targets(place: str) -> "Mapping[str, Target]":
    if is_offline(os.environ):
        raise RefusedError(f"nothing can be submitted offline: a submitted run is on record first; unset {MODE}")
    from runledger.targets import targets_of  # noqa: PLC0415 - only for who submits

    return targets_of(place)
