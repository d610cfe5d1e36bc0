"""What `python -m tests.faults replay` does, done shortly, and that it would notice."""

from pathlib import Path

from projections.analytics.columns import TABLES
from tests.faults.replays.kills import _each_once, _same, kill_replays
from tests.faults.row import broken


def test_a_replay_that_is_killed_at_random_times_is_finished_by_the_next(tmp_path: Path) -> None:
    row = kill_replays(tmp_path, runs=2_000, points=50, kills=4, share=0.5)
    assert broken([row]) == []


def test_rows_that_are_lost_or_doubled_are_noticed() -> None:
    whole = {name: schema.empty_table() for name, schema in TABLES.items()}
    events = TABLES["events"]
    one = events.empty_table().from_pylist([{"position": 1}], schema=events)
    two = events.empty_table().from_pylist([{"position": 1}, {"position": 1}], schema=events)
    assert _same(whole | {"events": one}, whole | {"events": one})
    assert not _same(whole, whole | {"events": one})
    assert not _same(whole | {"events": two}, whole | {"events": one})
    assert _each_once(whole | {"events": one})
    assert not _each_once(whole | {"events": two})
