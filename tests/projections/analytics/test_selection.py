"""A part of the history is that part of the whole, and what is latest is as of its end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from projections.analytics.replay import batches
from projections.analytics.selection import Selection
from schemas.events import RunTaggedEvent
from tests.projections.analytics.ledgers import HOUR, NOON, Made, making, same, tables_of

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A ledger of 45 hours with a change of an early run at its end, and the lake of all of it."""
    folder = tmp_path_factory.mktemp("whole")
    with making(folder / "ledger") as made:
        for number in range(10):
            made.run(f"r{number}", f"e{number % 3}", NOON + number * 5 * HOUR)
            made.void(NOON + number * 5 * HOUR + 5)
        made.event("run:r0", RunTaggedEvent(key="team", value="speech"), NOON + 48 * HOUR)
        made.replay(folder / "lake")
        yield made, tables_of(folder / "lake")


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000, UTC)


@pytest.mark.parametrize("since", [None, 0, NOON + 5 * HOUR, NOON + 5 * HOUR + 1, NOON + 24 * HOUR, NOON + 99 * HOUR])
@pytest.mark.parametrize("until", [None, NOON, NOON + 10 * HOUR + 2, NOON + 30 * HOUR, NOON + 99 * HOUR])
def test_since_is_included_and_until_is_not(
    whole: tuple[Made, Mapping[str, Rows]], tmp_path: Path, since: int | None, until: int | None
) -> None:
    made, tables = whole
    made.replay(tmp_path, since=since, until=until)
    found = tables_of(tmp_path)
    for name in ("events", "metrics"):
        expected = [
            row
            for row in tables[name]
            if (since is None or row["recorded_at"] >= moment(since))
            and (until is None or row["recorded_at"] < moment(until))
        ]
        assert same(found[name]) == same(expected)


def test_one_experiment(whole: tuple[Made, Mapping[str, Rows]], tmp_path: Path) -> None:
    made, tables = whole
    made.replay(tmp_path, experiment="e1")
    found = tables_of(tmp_path)
    for name in ("events", "metrics", "runs"):
        assert found[name] == [row for row in tables[name] if row["experiment"] == "e1"]
        assert found[name]
    assert [row["name"] for row in found["experiments"]] == ["e1"]


@pytest.mark.parametrize("position", [1, 4, 5, 17, 30])
def test_as_of_a_position_the_lake_is_what_it_was_then(
    whole: tuple[Made, Mapping[str, Rows]], tmp_path: Path, position: int
) -> None:
    made, tables = whole
    made.replay(tmp_path, as_of=position)
    found = tables_of(tmp_path)
    assert found["events"] == [row for row in tables["events"] if row["position"] <= position]
    last = found["events"][-1]["recorded_at"]
    assert found["metrics"] == [row for row in tables["metrics"] if row["recorded_at"] <= last]
    assert [row["run_id"] for row in found["runs"]] == list(dict.fromkeys(row["run_id"] for row in found["events"]))
    assert max(row["last_position"] for row in found["runs"]) == found["events"][-1]["position"]
    assert dict(found["runs"][0]["tags"]).get("team") in {None, "vision"}


def test_as_of_a_moment_what_was_recorded_in_it_is_there(
    whole: tuple[Made, Mapping[str, Rows]], tmp_path: Path
) -> None:
    made, tables = whole
    at = NOON + 5 * HOUR + 2
    made.replay(tmp_path, as_of_moment=at)
    assert tables_of(tmp_path)["events"] == [row for row in tables["events"] if row["recorded_at"] <= moment(at)]


def test_a_replay_goes_on_behind_an_earlier_end(whole: tuple[Made, Mapping[str, Rows]], tmp_path: Path) -> None:
    made, tables = whole
    made.replay(tmp_path, until=NOON + 10 * HOUR + 2)
    made.replay(tmp_path, as_of=33)
    assert dict(tables_of(tmp_path)["runs"][0]["tags"]) == {"team": "vision"}
    made.replay(tmp_path)
    assert same(tables_of(tmp_path)) == same(tables)


@pytest.mark.parametrize("table", ["events", "metrics", "runs", "experiments"])
def test_one_table_without_a_lake(whole: tuple[Made, Mapping[str, Rows]], table: str) -> None:
    made, tables = whole
    found = [row for batch in batches(made.source, table, Selection()) for row in batch.to_pylist()]
    assert same(sorted(found, key=str)) == same(sorted(tables[table], key=str))
