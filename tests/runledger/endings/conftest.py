from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runledger.endings.playing import EMBEDDED, SERVER, Stage, staged


@pytest.fixture(params=[EMBEDDED, SERVER])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A workspace, in a folder or behind a server."""
    with staged(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Stage]:
    """A workspace in a folder."""
    with staged(tmp_path, EMBEDDED) as made:
        yield made
