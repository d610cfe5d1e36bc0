"""Every kind of place for bytes, each one empty."""

from pathlib import Path
from uuid import uuid4

import pytest

from ledger.artifacts.address import open_place
from ledger.artifacts.elsewhere import FsspecPlace
from ledger.artifacts.place import Place


@pytest.fixture(params=["folder", "file address", "fsspec folder", "fsspec memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    match request.param:
        case "folder":
            return open_place(str(tmp_path / "files"))
        case "file address":
            return open_place(f"file://{tmp_path}/with%20space")
        case "fsspec folder":
            return FsspecPlace(f"local://{tmp_path}/files")
        case _:
            return open_place(f"memory://{uuid4().hex}")
