"""Views of one's own on a workspace: the parts that `projections.own` is joined with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import RefusedError
from projections.own import OwnView
from projections.projection import Projection
from runledger.locating import locate
from runledger.wiring import embedded_workspace


@contextmanager
def own_view(path: str | Path, projection: Projection, workspace: str | Path | None = None) -> Iterator[OwnView]:
    """The view of a projection of one's own, in a file of its own; the workspace is a folder, else the nearest upwards.

    Raises:
        WorkspaceError: there is no such folder, or it is a server: then it is the folder of its --data.
        RefusedError: the file is one of the workspace's.
    """
    file = Path(path).absolute()
    with embedded_workspace(locate(workspace, os.environ, Path.cwd())) as parts:
        if file.parent == parts.folder.path:
            raise RefusedError(f"{file} lies among the workspace's own files: name another place")
        with OwnView(file, projection, parts.feed, parts.log.catch_up) as view:
            yield view
