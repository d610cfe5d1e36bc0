"""ledger.db gives back what was stored in it, byte for byte."""

import sqlite3
from contextlib import closing
from pathlib import Path

from ledger.store.database import Database
from ledger.store.fold import Progress, fold
from schemas.records import Record
from tests.ledger.store.test_fold import CONTROL, arrivals, chained


def test_events_and_voids_come_out_as_they_went_in(tmp_path: Path) -> None:
    plain, other = (event.record() for event in chained("run:a", 2, b"\x00\xff"))
    extra = Record(other.key, (*other.headers, ("traceparent", None)), other.value)
    foreign = Record(None, (("x", None), ("y", b"")), None)
    folded = fold(arrivals([plain, extra, foreign]), partition=CONTROL, progress=Progress(1), head=lambda _: None)
    with closing(Database(tmp_path / "ledger.db", durable=False)) as database:
        with database.writing() as connection:
            database.store(connection, CONTROL, folded)

        stored = database.stream_events("run:a")
        assert [(each.place, each.recorded_at, *each[2:]) for each in stored] == folded.accepted
        assert database.voids() == folded.voids
        assert database.head("run:a") == folded.heads["run:a"]
        assert database.progress("control") == folded.progress


def test_a_new_file_has_pages_that_batches_fit_into_and_one_that_is_there_keeps_its_own(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as older:
        older.execute("PRAGMA page_size=4096")
        older.execute("PRAGMA journal_mode=WAL")
        older.execute("CREATE TABLE something (a)")
        older.execute("DROP TABLE something")
    for name, expected in (("new.db", 8_192), ("old.db", 4_096)):
        with closing(Database(tmp_path / name, durable=False)) as database:
            assert database.reading().execute("PRAGMA page_size").fetchone() == (expected,)
