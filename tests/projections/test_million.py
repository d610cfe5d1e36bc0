"""The rows of a measurement are those that the projection writes."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks import million
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER
from projections.sqlite.view import SqliteView

TABLES = {
    "runs": """SELECT run, run_id, created, number, last - first, latest, json_remove(state, '$.last_position')
        FROM runs ORDER BY run""",
    "facts": """SELECT kind, key, value, created, run FROM run_attributes JOIN attributes USING (attribute)
        ORDER BY 1, 2, 3, 4, 5""",
    "values": "SELECT run, field, value, typeof(value), created FROM run_values ORDER BY 1, 2",
    "facets": "SELECT * FROM facets ORDER BY 1, 2, 3, 4",
    "experiments": "SELECT * FROM experiments ORDER BY name",
    "words": "SELECT rowid, words FROM run_words_1 ORDER BY rowid",
}


def rows(place: Path) -> dict[str, list[Any]]:
    with closing(SqliteView(place / FOLDER / "views.db")) as view:
        return {name: view.reading().execute(select).fetchall() for name, select in TABLES.items()}


def test_rows_that_are_written_are_those_that_events_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(million, "CHILDREN", 20)
    monkeypatch.setattr(million, "METRICS", 30)
    million.make(tmp_path / "rows", 150, real=10)
    million.make(tmp_path / "events", 150, real=150)
    written, projected = rows(tmp_path / "rows"), rows(tmp_path / "events")
    for name in TABLES:
        assert written[name] == projected[name], name
    with closing(Database(tmp_path / "rows" / FOLDER / "ledger.db", durable=False)) as database:
        assert database.last_place() == 10 * 3
