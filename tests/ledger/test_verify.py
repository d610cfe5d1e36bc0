"""Verify names the first link that does not hold."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.commands import ChangeStatus, StartRun, TagRun
from ledger.store.database import Database
from ledger.verify import BrokenLink, verify
from schemas.statuses import RunStatus
from tests.ledger.conftest import CALLER, Open

Tamper = Callable[[sqlite3.Connection], object]


@pytest.fixture
def file(sqlite_parts: Open) -> Path:
    """A ledger of five runs, whose events lie mixed: each starts, is tagged, and completes."""
    parts = sqlite_parts()
    ledger = parts.ledger()
    for number in range(5):
        ledger.handle(StartRun(run_id=f"r{number}", experiment="digits"), CALLER)
    for number in range(5):
        ledger.handle(TagRun(run_id=f"r{number}", tags={"quality": "great"}), CALLER)
        ledger.handle(ChangeStatus(run_id=f"r{number}", status=RunStatus.COMPLETED), CALLER)
    return parts.database.path


def first_broken(file: Path, tamper: Tamper) -> BrokenLink:
    with closing(sqlite3.connect(file)) as connection, connection:
        tamper(connection)
    with closing(Database(file, durable=False)) as database:
        report = verify(database)[0]
    assert report.broken is not None
    return report.broken


def place(file: Path, stream: str, seq: int) -> tuple[int, str]:
    with closing(sqlite3.connect(file)) as connection:
        row = connection.execute(
            "SELECT place, e.id FROM control_events e JOIN streams s ON s.id = e.stream WHERE s.name = ? AND e.seq = ?",
            (stream, seq),
        ).fetchone()
    return int(row[0]), str(row[1])


def test_an_untouched_ledger_is_intact(file: Path) -> None:
    seen: list[int] = []
    with closing(Database(file, durable=False)) as database:
        control, values = verify(database, seen.append)
        again = verify(database)[0]

    assert control.broken is None
    assert values.broken is None
    assert (control.events, control.voids, control.streams) == (17, 0, 7)
    assert control.running == again.running
    assert seen


@pytest.mark.parametrize("column", ["value", "actor", "time", "type", "id", "source", "hash", "prev", "running"])
def test_one_flipped_byte(column: str, file: Path) -> None:
    at, event_id = place(file, "run:r2", 2)

    def flip(connection: sqlite3.Connection) -> None:
        old = connection.execute(f"SELECT {column} FROM control_events WHERE place = ?", (at,)).fetchone()[0]
        flipped = bytes([old[0] ^ 1]) + old[1:] if isinstance(old, bytes) else chr(ord(old[0]) ^ 1) + old[1:]
        connection.execute(f"UPDATE control_events SET {column} = ? WHERE place = ?", (flipped, at))

    broken = first_broken(file, flip)

    assert (broken.position, broken.stream, broken.seq) == (at, "run:r2", 2)
    assert broken.event_id == event_id or column == "id"
    assert "running hash" in broken.what if column == "running" else "hash" in broken.what


def test_a_number_that_was_changed(file: Path) -> None:
    at, _ = place(file, "run:r2", 3)

    broken = first_broken(file, lambda c: c.execute("UPDATE control_events SET seq = 9 WHERE place = ?", (at,)))

    assert broken.position == at


def test_a_time_of_record_that_was_moved(file: Path) -> None:
    at, _ = place(file, "run:r2", 3)

    broken = first_broken(
        file, lambda c: c.execute("UPDATE control_events SET recorded_at = recorded_at + 1 WHERE place >= ?", (at,))
    )

    assert (broken.position, broken.stream, broken.seq) == (at, "run:r2", 3)
    assert "running hash differs" in broken.what


def test_one_row_deleted_in_the_middle(file: Path) -> None:
    at, _ = place(file, "run:r2", 2)

    broken = first_broken(file, lambda c: c.execute("DELETE FROM control_events WHERE place = ?", (at,)))

    assert (broken.position, broken.stream, broken.seq) == (at, "run:r2", 2)
    assert "missing" in broken.what


def test_the_last_row_deleted(file: Path) -> None:
    at, _ = place(file, "run:r4", 3)

    broken = first_broken(file, lambda c: c.execute("DELETE FROM control_events WHERE place = ?", (at,)))

    assert (broken.position, broken.stream, broken.seq) == (at, "run:r4", 3)


def test_two_rows_swapped(file: Path) -> None:
    one, _ = place(file, "run:r1", 2)
    other, _ = place(file, "run:r3", 2)

    def swap(connection: sqlite3.Connection) -> None:
        for before, after in ((one, -1), (other, one), (-1, other)):
            connection.execute("UPDATE control_events SET place = ? WHERE place = ?", (after, before))

    broken = first_broken(file, swap)

    assert (broken.position, broken.stream) == (one, "run:r3")
    assert "running hash differs" in broken.what


def test_a_whole_run_removed(file: Path) -> None:
    at, _ = place(file, "run:r2", 1)

    def remove(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM control_events WHERE stream = (SELECT id FROM streams WHERE name = 'run:r2')")
        connection.execute("DELETE FROM streams WHERE name = 'run:r2'")

    broken = first_broken(file, remove)

    assert broken.position == at
    assert "missing" in broken.what
    assert "every trace of its stream" in broken.what


def test_a_whole_run_removed_and_the_positions_closed_up(file: Path) -> None:
    """Whoever renumbers what is left is given away by the running hash."""
    at, _ = place(file, "run:r2", 1)

    def remove(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM control_events WHERE stream = (SELECT id FROM streams WHERE name = 'run:r2')")
        connection.execute("DELETE FROM streams WHERE name = 'run:r2'")
        rows = [row[0] for row in connection.execute("SELECT place FROM control_events ORDER BY place")]
        for new, old in enumerate(rows):
            connection.execute("UPDATE control_events SET place = ? WHERE place = ?", (new, old))
        connection.execute("UPDATE progress SET next_offset = ? WHERE log = 'control'", (len(rows),))

    broken = first_broken(file, remove)

    assert broken.position == at
    assert "running hash differs" in broken.what


def test_an_event_slipped_in_at_the_end(file: Path) -> None:
    def insert(connection: sqlite3.Connection) -> None:
        connection.execute(
            """INSERT INTO control_events SELECT place + 1, stream, seq + 1, hash, 'x', source, type, time, actor,
            value, recorded_at, hash, running, headers FROM control_events ORDER BY place DESC LIMIT 1"""
        )

    assert "hash" in first_broken(file, insert).what


def test_a_head_that_says_something_else(file: Path) -> None:
    broken = first_broken(file, lambda c: c.execute("UPDATE streams SET seq = 2 WHERE name = 'run:r1'"))

    assert (broken.stream, broken.seq) == ("run:r1", 2)


def test_the_line_for_people_names_everything(file: Path) -> None:
    at, event_id = place(file, "run:r0", 2)

    broken = first_broken(file, lambda c: c.execute("UPDATE control_events SET value = '{}' WHERE place = ?", (at,)))

    assert f"position {at}" in str(broken)
    assert f"run:r0 event 2 (id {event_id})" in str(broken)
    assert "does not match its hash" in str(broken)


def test_verifying_is_right_while_others_append(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    stop = threading.Event()

    def append() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            ledger.handle(TagRun(run_id="r", tags={"n": str(number)}), CALLER)

    thread = threading.Thread(target=append)
    thread.start()
    try:
        reports = [verify(parts.database)[0]]
        while len(reports) < 30 or reports[-1].events < reports[0].events + 20:
            reports.append(verify(parts.database)[0])
    finally:
        stop.set()
        thread.join()

    assert {report.broken for report in reports} == {None}
