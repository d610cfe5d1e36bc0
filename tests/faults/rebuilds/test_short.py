"""What `python -m tests.faults rebuild` does, done shortly, and that it would notice."""

import sqlite3
from contextlib import closing
from pathlib import Path

from ledger.workspace.folder import FOLDER
from tests.faults.rebuilds.kills import _left, contents, kill_rebuilds
from tests.faults.row import broken


def test_a_rebuild_that_is_killed_at_random_times_is_finished_by_the_next(tmp_path: Path) -> None:
    row = kill_rebuilds(tmp_path, runs=500, kills=3, share=0.3)
    assert broken([row]) == []

    views = tmp_path / FOLDER / "views.db"
    whole = contents(views)
    with closing(sqlite3.connect(views)) as connection, connection:
        (generation,) = connection.execute("SELECT generation FROM checkpoints WHERE projection = 'runs'").fetchone()
        connection.execute(f"DELETE FROM facets_{generation} WHERE scope = '' AND kind = 'status'")
        connection.execute(f"CREATE TABLE runs_{generation + 7} (run INTEGER)")
    changed = contents(views)
    assert [table for table in whole if whole[table] != changed[table]] == ["facets"]
    assert _left(views) == 1
