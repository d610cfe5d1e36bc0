"""A check that goes on from where an earlier one was: the same, but for content under its old hash."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger.commands import StartRun, TagRun
from ledger.store.database import Database
from ledger.verify import LogReport, Mark, verify
from schemas.streams import CONTROL
from tests.ledger.conftest import CALLER, Open
from tests.ledger.rewriting import rewrite

HALF = 20


@pytest.fixture
def file(sqlite_parts: Open) -> Path:
    """A ledger of 40 events and more."""
    parts = sqlite_parts()
    ledger = parts.ledger()
    for number in range(10):
        ledger.handle(StartRun(run_id=f"r{number}", experiment="digits"), CALLER)
        for value in range(3):
            ledger.handle(TagRun(run_id=f"r{number}", tags={"quality": str(value)}), CALLER)
    return parts.database.path


def mark_at(file: Path, offset: int) -> Mark:
    """Where a check is that was stopped before an offset."""
    with closing(sqlite3.connect(file)) as connection:
        row = connection.execute("SELECT running FROM control_events WHERE place = ?", (offset - 1,)).fetchone()
    return Mark(offset, row[0])


def go_on(file: Path, mark: Mark) -> LogReport:
    with closing(Database(file, durable=False)) as database:
        return verify(database, known={CONTROL: {0: mark}})[0]


def edit(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(statement).rowcount >= 1


@pytest.mark.parametrize("offset", [1, 2, HALF, 41, 42])
def test_it_comes_to_the_same(file: Path, offset: int) -> None:
    with closing(Database(file, durable=False)) as database:
        whole = verify(database)[0]
    found = go_on(file, mark_at(file, min(offset, whole.events)))

    assert found.broken is None
    assert (found.events, found.streams, found.running) == (whole.events, whole.streams, whole.running)
    assert (whole.known, found.known) == (0, min(offset, whole.events))


def test_it_tells_how_far_it_is_and_what_it_tells_can_be_gone_on_with(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.verify._SLICE", 7)
    kept: list[Mark] = []
    with closing(Database(file, durable=False)) as database:
        whole = verify(database, keep=lambda log, _, mark: kept.append(mark) if log == CONTROL else None)[0]

    assert [mark.next_offset for mark in kept] == [*range(7, whole.events, 7), whole.events]
    for mark in kept:
        assert go_on(file, mark).running == whole.running


def test_what_was_changed_behind_the_place_is_found(file: Path) -> None:
    edit(file, f"UPDATE control_events SET value = '{{}}' WHERE place = {HALF}")

    broken = go_on(file, mark_at(file, HALF)).broken
    assert broken is not None
    assert broken.position == HALF


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE control_events SET hash = zeroblob(32) WHERE place = 5",
        "UPDATE control_events SET prev = zeroblob(32) WHERE place = 5",
        "UPDATE control_events SET recorded_at = recorded_at + 1 WHERE place = 5",
        "DELETE FROM control_events WHERE place = 5",
    ],
)
def test_a_link_that_was_changed_before_the_place_is_found_and_named(file: Path, statement: str) -> None:
    edit(file, statement)

    broken = go_on(file, mark_at(file, HALF)).broken
    assert broken is not None
    assert (broken.position, broken.stream) == (5, "run:r0")
    assert broken.event_id is not None or "missing" in broken.what


def test_content_that_was_changed_before_the_place_under_its_old_hash_is_not_read_again(file: Path) -> None:
    edit(file, "UPDATE control_events SET value = '{}' WHERE place = 5")

    assert go_on(file, mark_at(file, HALF)).broken is None
    assert go_on(file, Mark()).broken is not None


def test_who_computes_every_hash_anew_is_given_away_by_the_place(file: Path) -> None:
    mark = mark_at(file, HALF)
    rewrite(file, lambda kept: [each for each in kept if each.envelope.stream != "run:r1"])

    assert go_on(file, Mark()).broken is None
    broken = go_on(file, mark).broken
    assert broken is not None
    assert "not what was checked before" in broken.what


def test_an_end_that_was_cut_off_before_the_place_is_found(file: Path) -> None:
    mark = mark_at(file, 41)
    rewrite(file, lambda kept: [each for each in kept if each.envelope.stream != "run:r9"])

    broken = go_on(file, mark).broken
    assert broken is not None
    assert "missing" in broken.what or "not what was checked before" in broken.what
