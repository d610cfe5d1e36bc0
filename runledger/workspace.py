"""The Workspace that users import: named by a path or URL, or found by its configuration."""

import os
from pathlib import Path

from ledger.sdk import workspace
from runledger.locating import locate, locate_by_config


class Workspace(workspace.Workspace):
    """A workspace folder or server.

    workspace = Workspace("path/to/folder")
    """

    def __init__(self, location: str | Path | None = None) -> None:
        """Open the workspace at a path or URL; without one, `RUNLEDGER_WORKSPACE` or the nearest upwards.

        Raises:
            WorkspaceError: it is no workspace, or cannot be used from here.
        """
        from runledger.tracking import track  # noqa: PLC0415 - loaded on first use

        super().__init__(track(locate(location, os.environ, Path.cwd())))

    @classmethod
    def from_config(cls, path: str | Path | None = None) -> "Workspace":
        """Find the workspace at or above a folder (parity B2); `path` may be a file in it."""
        start = Path(path).absolute() if path is not None else Path.cwd()
        return cls(locate_by_config(start.parent if start.is_file() else start, os.environ))
