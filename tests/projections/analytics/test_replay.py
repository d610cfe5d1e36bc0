"""A replay adds what is new, once; however it was cut into replays, a lake holds the same rows in the same files."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.artifacts.folder import FolderPlace
from ledger.artifacts.place import Draft
from ledger.errors import LogRefusedError, NotFoundError, RefusedError, UnavailableError, WorkspaceError
from ledger.store.database import Database
from projections.analytics import slots
from projections.analytics.lake import MANIFEST, Lake
from schemas.events import RunTaggedEvent
from schemas.streams import CONTROL, VALUES
from tests.projections.analytics.ledgers import HOUR, NOON, Made, files_of, making, rows_of, same, tables_of


@pytest.fixture
def small_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "SIZES", MappingProxyType({CONTROL: 7, VALUES: 2}))


def test_the_four_tables_of_a_run(made: Made, tmp_path: Path) -> None:
    made.run("r1", "vision", points=2)

    done = made.replay(tmp_path / "lake")

    tables = tables_of(tmp_path / "lake")
    assert (done.position, done.events, done.points, done.runs, done.experiments) == (4, 4, 2, 1, 1)
    assert [
        (row["position"], row["type"], row["version"], row["key"], row["value"], row["text"])
        for row in tables["events"]
    ] == [
        (1, "run.started", 1, None, None, "Running"),
        (2, "run.tagged", 1, "team", None, "vision"),
        (3, "run.parameter-added", 1, "lr", 0.5, None),
        (4, "run.status-changed", 1, None, None, "Completed"),
    ]
    assert {(row["run_id"], row["experiment"], row["actor"], row["stream"]) for row in tables["events"]} == {
        ("r1", "vision", "m", "run:r1")
    }
    assert json.loads(tables["events"][1]["payload"]) == {"key": "team", "value": "vision"}
    assert tables["events"][1]["recorded_at"] == datetime.fromtimestamp((NOON + 1) / 1_000, UTC)
    assert [(row["metric"], row["step"], row["value"], row["index"]) for row in tables["metrics"]] == [
        ("loss", 1, 1.0, 1),
        ("loss", 2, 0.5, 2),
    ]
    (run,), (experiment,) = tables["runs"], tables["experiments"]
    assert (run["run_id"], run["run_number"], run["status"], run["duration_seconds"]) == ("r1", 1, "Completed", 0.004)
    assert (run["tags"], run["parameters"], run["metrics"]) == ([("team", "vision")], [("lr", "0.5")], [("loss", 0.5)])
    assert (experiment["name"], experiment["runs"]) == ("vision", 1)


def test_files_are_named_by_day_and_offsets(made: Made, tmp_path: Path) -> None:
    made.run("r1")
    made.run("r2", at=NOON + 24 * HOUR)

    made.replay(tmp_path)

    assert {key for key in files_of(tmp_path) if key.startswith("events")} == {
        "events/date=2026-11-25/control-000000000000-000000099999.parquet",
        "events/date=2026-11-26/control-000000000000-000000099999.parquet",
    }
    assert {key.split("/")[1] for key in files_of(tmp_path) if key.startswith("metrics")} == {
        "date=2026-11-25",
        "date=2026-11-26",
    }
    assert {"runs/runs.parquet", "experiments/experiments.parquet"} <= files_of(tmp_path)


def test_a_second_replay_adds_and_never_doubles(made: Made, tmp_path: Path) -> None:
    made.run("r1")
    made.replay(tmp_path / "lake")
    made.run("r2", at=NOON + 10)

    done = made.replay(tmp_path / "lake")

    assert (done.records, done.events, done.points, done.runs) == (5, 4, 3, 2)
    made.replay(tmp_path / "whole")
    assert same(tables_of(tmp_path / "lake")) == same(tables_of(tmp_path / "whole"))
    assert made.replay(tmp_path / "lake").files == 0


def test_an_empty_ledger_makes_empty_tables_of_what_is_latest(made: Made, tmp_path: Path) -> None:
    done = made.replay(tmp_path)

    assert (done.position, done.events, done.runs) == (0, 0, 0)
    assert files_of(tmp_path) == {"runs/runs.parquet", "experiments/experiments.parquet"}
    assert made.replay(tmp_path).files == 0


def test_a_day_that_is_over_is_not_written_again(made: Made, tmp_path: Path) -> None:
    made.run("r1")
    made.run("r2", at=NOON + 24 * HOUR)
    made.replay(tmp_path)
    before = {key: (tmp_path / key).stat().st_mtime_ns for key in files_of(tmp_path)}
    made.event("run:r1", RunTaggedEvent(key="k", value="v"), NOON + 25 * HOUR)

    made.replay(tmp_path)

    changed = {key for key, then in before.items() if (tmp_path / key).stat().st_mtime_ns != then}
    assert {key.rpartition("/")[0] for key in changed} == {"events/date=2026-11-26", "runs", "experiments"}


@pytest.mark.usefixtures("small_slots")
@settings(max_examples=10, deadline=None)
@given(
    hours=st.lists(st.integers(0, 30), min_size=1, max_size=12),
    voids=st.booleans(),
    cuts=st.sets(st.integers(0, 11), max_size=4),
)
def test_however_it_is_cut_into_replays_the_rows_and_the_files_are_the_same(
    hours: list[int], voids: bool, cuts: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder, making(Path(folder) / "ledger") as made:
        at = NOON
        for number, more in enumerate(hours):
            at += more * HOUR
            made.run(f"r{number}", f"e{number % 2}", at, points=number % 3)
            if voids:
                made.void(at)
            if number in cuts:
                made.replay(f"{folder}/cut")
        made.replay(f"{folder}/cut")
        made.replay(f"{folder}/whole")

        assert same(tables_of(f"{folder}/cut")) == same(tables_of(f"{folder}/whole"))
        assert files_of(f"{folder}/cut") == files_of(f"{folder}/whole")
        positions = [row["position"] for row in tables_of(f"{folder}/cut")["events"]]
        assert positions == sorted(set(positions))
        assert len(positions) == 4 * len(hours)


class _PowerCut(BaseException):
    """Ends a replay as a kill does: nothing is cleaned up behind it."""


@pytest.mark.usefixtures("small_slots")
def test_ended_before_any_of_its_steps_a_replay_is_finished_by_the_next(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        made.run(f"r{number}", at=NOON + number * 9 * HOUR)
    made.replay(tmp_path / "whole")
    steps = _count_steps(monkeypatch, made, tmp_path / "counted")
    assert steps > 20

    for step in range(steps):
        lake = tmp_path / f"cut-{step}"
        with _ending_at(monkeypatch, step), pytest.raises(_PowerCut):
            made.replay(lake)
        _read_back_without_doubles(lake)
        made.replay(lake)
        assert same(tables_of(lake)) == same(tables_of(tmp_path / "whole")), step
        assert files_of(lake) == files_of(tmp_path / "whole")


def _count_steps(monkeypatch: pytest.MonkeyPatch, made: Made, lake: Path) -> int:
    steps = 0

    def seen(_: str) -> None:
        nonlocal steps
        steps += 1
        _read_back_without_doubles(lake)

    with monkeypatch.context() as patched:
        _watch(patched, seen)
        made.replay(lake)
    return steps


@contextmanager
def _ending_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[None]:
    steps = count()

    def seen(_: str) -> None:
        if next(steps) == step:
            raise _PowerCut

    with monkeypatch.context() as patched:
        _watch(patched, seen)
        yield


def _watch(patched: pytest.MonkeyPatch, seen: Callable[[str], None]) -> None:
    """Tell of each file that is about to be seen, and once it is."""
    begin = FolderPlace.begin

    class _Watched:
        def __init__(self, draft: Draft) -> None:
            self._draft = draft

        def write(self, piece: bytes) -> None:
            self._draft.write(piece)

        def keep(self, key: str) -> None:
            seen(f"before {key}")
            self._draft.keep(key)
            seen(f"after {key}")

        def drop(self) -> None:
            self._draft.drop()

    patched.setattr(FolderPlace, "begin", lambda place: _Watched(begin(place)))


def _read_back_without_doubles(lake: Path) -> None:
    """What any reader sees at this moment: rows once, none of them half-written, and no hole before the last."""
    events = [row["position"] for row in rows_of(Lake(str(lake)).place, "events")]
    assert events == list(range(1, len(events) + 1))
    points = [(row["partition"], row["offset"], row["index"]) for row in rows_of(Lake(str(lake)).place, "metrics")]
    assert len(points) == len(set(points))


@pytest.fixture(params=["path", "file", "memory", "fsspec"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {
        "path": str(tmp_path / "lake"),
        "file": f"file://{tmp_path}/with%20space",
        "memory": f"memory://{uuid4().hex}",
        "fsspec": f"local://{tmp_path}/elsewhere",
    }[str(request.param)]


def test_a_lake_at_any_address(made: Made, tmp_path: Path, address: str) -> None:
    made.run("r1")
    made.replay(address)
    made.run("r2", at=NOON + 30 * HOUR)
    made.replay(address)
    made.replay(tmp_path / "whole")

    assert same(tables_of(address)) == same(tables_of(tmp_path / "whole"))
    assert files_of(address) == files_of(tmp_path / "whole")
    assert not list(Lake(address).place.keys("incoming/"))


def test_another_log_is_refused_and_nothing_is_written(made: Made, tmp_path: Path) -> None:
    made.run("r1")
    made.replay(tmp_path / "lake")
    before = same(tables_of(tmp_path / "lake"))

    with making(tmp_path / "other") as other:
        other.run("r9")
        with pytest.raises(LogRefusedError, match="filled from log"):
            other.replay(tmp_path / "lake")

    assert same(tables_of(tmp_path / "lake")) == before


def test_what_a_lake_began_with_holds_for_all_of_it(made: Made, tmp_path: Path) -> None:
    made.run("r1", "a")
    made.run("r2", "b", NOON + HOUR)
    made.replay(tmp_path, experiment="a", since=NOON)
    made.run("r3", "a", NOON + 2 * HOUR)

    with pytest.raises(WorkspaceError, match="holds experiment 'a', not 'b'"):
        made.replay(tmp_path, experiment="b")
    with pytest.raises(WorkspaceError, match="leave it out"):
        made.replay(tmp_path, since=NOON + 1)
    made.replay(tmp_path)

    assert {row["run_id"] for row in tables_of(tmp_path)["events"]} == {"r1", "r3"}
    assert {row["run_id"] for row in tables_of(tmp_path)["runs"]} == {"r1", "r3"}
    assert {row["name"] for row in tables_of(tmp_path)["experiments"]} == {"a"}


def test_a_lake_of_everything_is_none_of_one_experiment(made: Made, tmp_path: Path) -> None:
    made.run("r1", "a")
    made.replay(tmp_path)
    with pytest.raises(WorkspaceError, match="holds every experiment"):
        made.replay(tmp_path, experiment="a")


def test_a_lake_that_has_more_than_the_ledger_is_refused(made: Made, tmp_path: Path) -> None:
    made.run("r1")
    made.replay(tmp_path)
    with pytest.raises(WorkspaceError, match="has come to position 4, and this replay ends at 2"):
        made.replay(tmp_path, as_of=2)


def test_files_of_others_are_left_alone(made: Made, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine.parquet").write_bytes(b"mine")
    with pytest.raises(RefusedError, match="is no lake"):
        made.replay(tmp_path)
    assert files_of(tmp_path) == {"runs/mine.parquet"}


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 1}', b'{"format": 99}'])
def test_a_manifest_that_cannot_be_read_is_named(made: Made, tmp_path: Path, content: bytes) -> None:
    made.replay(tmp_path)
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"_runledger.json (is damaged|has format 99)"):
        made.replay(tmp_path)


def test_two_replays_at_once_are_one_and_an_error(made: Made, tmp_path: Path) -> None:
    with Lake(str(tmp_path)).writing(), pytest.raises(UnavailableError, match="another replay writes"):
        made.replay(tmp_path)


def test_where_nothing_can_be_locked_another_replay_is_noticed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"memory://{uuid4().hex}"
    made.run("r1")
    place_since = Database.place_since

    def meanwhile(*asked: Any) -> int:
        monkeypatch.setattr(Database, "place_since", place_since)
        made.replay(address)
        return place_since(*asked)

    monkeypatch.setattr(Database, "place_since", meanwhile)
    with pytest.raises(UnavailableError, match="another replay writes"):
        made.replay(address, until=NOON + HOUR)


def test_what_cannot_be_written_leaves_nothing_half_written(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.run("r1")

    def full(_: object, __: bytes) -> None:
        raise UnavailableError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("ledger.artifacts.folder._FileDraft.write", full)
        with pytest.raises(UnavailableError, match="the disk is full"):
            made.replay(tmp_path)
    assert files_of(tmp_path) == set()
    assert not list((tmp_path / "incoming").iterdir())

    made.replay(tmp_path)
    assert len(tables_of(tmp_path)["events"]) == 4


def test_a_position_that_is_not_there_yet_is_named(made: Made, tmp_path: Path) -> None:
    made.run("r1")
    with pytest.raises(NotFoundError, match="no position 9 yet: the ledger here ends at 4"):
        made.replay(tmp_path / "lake", as_of=9)
    assert not (tmp_path / "lake" / MANIFEST).exists()
