"""Scratch folders: whoever makes one removes those of processes that are gone."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ledger.offline.scratch import make_scratch, remove_scratch, sweep
from ledger.watchdog.alive import ProcessIdentity
from tests.ledger.offline.journals import elsewhere, gone


@pytest.fixture(autouse=True)
def _own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.offline.scratch.gettempdir", lambda: str(tmp_path))


def owned_by(identity: ProcessIdentity) -> Path:
    folder = make_scratch()
    (folder / "owner.json").write_text(json.dumps(asdict(identity)))
    return folder


def test_only_what_belongs_to_a_dead_process_of_this_host_is_removed() -> None:
    dead, foreign, mine = owned_by(gone()), owned_by(elsewhere()), make_scratch()

    assert (dead.exists(), foreign.exists(), mine.exists()) == (False, True, True)


def test_a_damaged_owner_stops_nothing() -> None:
    broken = make_scratch()
    (broken / "owner.json").write_text("[")
    sweep()
    assert broken.exists()


def test_a_folder_is_removed_with_all_that_is_in_it() -> None:
    folder = make_scratch()
    (folder / "more").mkdir()
    remove_scratch(folder)
    remove_scratch(folder)
    assert not folder.exists()
