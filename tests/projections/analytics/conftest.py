"""An empty ledger for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.analytics.ledgers import Made, making


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    # No test here loses power, and each writes hundreds of files.
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    with making(tmp_path / "ledger") as opened:
        yield opened
