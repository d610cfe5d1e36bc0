"""Giving back the space of dropped tables, beside whoever reads and writes."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from ledger.errors import UnavailableError
from projections.sqlite.vacuum import size_of, unused_bytes, vacuum
from projections.sqlite.view import SqliteView

_LARGE = 8_000_000


class _Disk(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def view(tmp_path: Path) -> Iterator[SqliteView]:
    """One with 8 MB that no table needs any more, in front of some rows."""
    with closing(SqliteView(tmp_path / "views.db")) as view:
        with view.writing() as connection:
            connection.execute("CREATE TABLE large (text BLOB)")
            connection.executemany("INSERT INTO large VALUES (zeroblob(?))", [(4_000,)] * (_LARGE // 4_000))
            connection.execute("CREATE TABLE kept (number INTEGER)")
            connection.executemany("INSERT INTO kept VALUES (?)", [(number,) for number in range(1_000)])
        with view.writing() as connection:
            connection.execute("DROP TABLE large")
        yield view


def kept(view: SqliteView) -> list[tuple[int]]:
    return list(view.reading().execute("SELECT number FROM kept ORDER BY number"))


def test_it_gives_all_of_it_back_and_tells_how_much(view: SqliteView) -> None:
    told: list[tuple[int, int]] = []
    unused = unused_bytes(view)
    vacuum(view, lambda *heard: told.append(heard))

    assert unused >= _LARGE
    assert size_of(view) < 200_000
    assert (told[0], told[-1]) == ((0, unused), (unused, unused))
    assert len(told) > 2
    assert kept(view) == [(number,) for number in range(1_000)]
    vacuum(view)
    assert size_of(view) < 200_000


def test_others_write_between_two_portions(view: SqliteView) -> None:
    written: list[int] = []

    def write(done: int, total: int) -> None:
        if done < total:
            thread = threading.Thread(target=insert, args=(view, 5_000 + len(written)))
            thread.start()
            thread.join()
            written.append(5_000 + len(written))

    vacuum(view, write)

    assert len(written) > 1
    assert kept(view)[1_000:] == [(number,) for number in written]


def insert(view: SqliteView, number: int) -> None:
    with view.writing() as connection:
        connection.execute("INSERT INTO kept VALUES (?)", (number,))


def test_who_reads_sees_one_moment_all_the_while(view: SqliteView) -> None:
    with closing(SqliteView(view.path)) as other, other.snapshot():
        before = kept(other)
        vacuum(view)
        assert kept(other) == before
    vacuum(view)
    assert size_of(view) < 200_000


def test_a_file_of_before_needs_room_and_says_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "views.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE kept (number INTEGER)")
    with closing(SqliteView(path)) as view:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: _Disk(100, 99, 1))
        with pytest.raises(UnavailableError, match=r"bytes are needed beside it, and 1 are free.*delete views\.db"):
            vacuum(view)
        monkeypatch.undo()
        vacuum(view)
        assert view.reading().execute("PRAGMA auto_vacuum").fetchone() == (2,)
