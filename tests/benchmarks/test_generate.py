"""A generated workspace is one that people could have made: real events that every part of the product takes."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from alerts.deliver.notifications import Notifications
from alerts.evaluate.evaluator import Evaluator
from alerts.evaluate.runs import FeedRunEvents
from benchmarks import disk, generate
from benchmarks.workspaces.filling import Progress, fill
from benchmarks.workspaces.links import command, event_id
from benchmarks.workspaces.shape import Shape, is_parent, parent_of
from ledger.domain.aggregate import Context
from ledger.domain.statuses import may_change
from ledger.feed import Feed
from ledger.store.database import Database
from ledger.store.fold import Head
from ledger.verify import verify
from ledger.workspace.folder import FOLDER
from runledger import Experiment, Workspace
from schemas.events import (
    Event,
    NotificationsClaimedEvent,
    NotificationsSettledEvent,
    RunLoggedEvent,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    Seal,
)
from schemas.registry import decode
from schemas.statuses import TERMINAL, RunStatus
from schemas.streams import CONTROL, VALUES, notifications_stream, values_stream

_ROOT = Path(__file__).resolve().parent.parent.parent
_SHAPE = Shape(runs=2_150, events=21_500, values=43_000, days=90)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Progress]:
    folder = tmp_path_factory.mktemp("generated") / "workspace"
    return folder, generate.make(folder, _SHAPE, processes=1, views=False, say=lambda _: None)


@pytest.fixture
def database(made: tuple[Path, Progress]) -> Iterator[Database]:
    with closing(Database(_ledger_db(made[0]), durable=False)) as database:
        yield database


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database.identities()[CONTROL].id, database)


def test_a_shape_gives_the_same_bytes_however_many_processes_prepare_them(tmp_path: Path) -> None:
    small = Shape(runs=2_050, events=12_300, values=4_100)
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    fill(one, small, processes=1)
    fill(two, small, processes=2)
    fill(other, replace(small, runs=50, events=300, values=100, seed=2), processes=1)
    assert _digest(one) == _digest(two) != _digest(other)


def test_every_hash_holds_and_there_is_as_much_as_was_asked_for(
    made: tuple[Path, Progress], database: Database
) -> None:
    control, values = verify(database)
    assert control.broken is values.broken is None
    assert (control.events, values.events) == (made[1].events, made[1].batches)
    assert made[1].events == pytest.approx(_SHAPE.events, rel=0.05)
    assert made[1].values == pytest.approx(_SHAPE.values, rel=0.05)


def test_every_run_took_a_way_that_the_rules_allow_and_has_ended(feed: Feed, database: Database) -> None:
    runs: dict[str, list[Event]] = {}
    for happened in feed.after(0, 1_000_000):
        assert isinstance(happened.event, Event), happened
        if happened.envelope.stream.startswith("run:"):
            runs.setdefault(happened.envelope.stream[4:], []).append(happened.event)
    assert len(runs) == _SHAPE.runs
    ends = Counter(_end_of(run_id, events, database) for run_id, events in runs.items())
    assert ends.keys() == TERMINAL
    assert ends[RunStatus.COMPLETED] > 0.8 * _SHAPE.runs
    starts = [events[0] for events in runs.values()]
    children = Counter(start.parent_run_id for start in starts if isinstance(start, RunStartedEvent))
    del children[None]
    assert set(children.values()) == {100}
    assert children.keys() <= runs.keys()


def test_runs_are_in_families_of_a_hundred_children_each_behind_its_parent() -> None:
    children = [run for run in range(_SHAPE.runs) if parent_of(run) is not None]
    assert Counter(map(parent_of, children)) == {run: 100 for run in range(_SHAPE.runs - 100) if is_parent(run)}


def test_every_batch_is_one_that_readers_take(database: Database) -> None:
    found = database.events_after(0, log=VALUES, limit=1_000_000)
    assert len(found) > _SHAPE.runs // 2
    assert all(isinstance(decode(each.envelope.type, each.envelope.value), RunLoggedEvent) for each in found)


def test_events_have_the_ids_that_aggregates_derive() -> None:
    by = command(Random(7))
    context = Context(**by, actor="a", source="s", now=datetime.now(UTC))
    assert [event_id(by, index) for index in range(12)] == [context.event_id(index) for index in range(12)]


def test_the_mails_that_rules_would_have_sent_are_those_that_were_claimed_and_settled(feed: Feed) -> None:
    evaluator, notifications = Evaluator(FeedRunEvents(feed)), Notifications(notifications_stream(feed.log_id))
    wanted, claimed, settled = [], [], []
    for happened in feed.after(0, 1_000_000):
        intents = evaluator.fold(happened)
        notifications.fold(happened, intents)
        wanted += [(each.id, each.rule_version, each.trigger, each.recipient) for each in intents]
        match happened.event:
            case NotificationsClaimedEvent() as event:
                claimed += [(c.notification, c.rule_version, c.trigger, c.recipient) for c in event.notifications]
            case NotificationsSettledEvent() as event:
                settled += [each.notification for each in event.outcomes]
            case _:
                pass
    assert len(wanted) > 10
    assert wanted == claimed
    assert settled == [each[0] for each in wanted]
    assert len(notifications) == 0


def test_lists_run_pages_history_audit_and_values_answer_on_it(made: tuple[Path, Progress]) -> None:
    workspace = Workspace(str(made[0]))
    experiment = Experiment(workspace, "churn-baseline")
    runs = list(experiment.get_runs(include_children=True))
    assert runs
    values = [run.get_series() for run in runs[:30]]
    assert any("val/accuracy" in each for each in values)
    failed = next(run for run in runs if run.status == "Failed")
    details = failed.get_details()
    assert details["error"]["code"] == "UserError"
    assert workspace.client.history(failed.id)[0].event == "runledger.run.started.v1"


@pytest.mark.parametrize("command", [["verify"], ["audit", "--limit", "5"], ["replay", "-o", "lake"]])
def test_commands_work_on_it(made: tuple[Path, Progress], tmp_path: Path, command: list[str]) -> None:
    done = _run("-m", "runledger", *command, "--workspace", str(made[0]), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_a_workspace_with_its_views_takes_is_told_of_each_part(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    generate.make(folder, Shape(runs=60, events=600, values=1_200), processes=1, views=True, say=lambda _: None)
    found = {result.name.removeprefix("60 runs, "): result.figure for result in disk.measured(folder)}
    assert all(figure > 0 for figure in found.values())
    assert {"ledger.db: a control event", "view of runs: a run", "view of metrics: a value"} <= found.keys()
    assert 470 < found["ledger.db: a control event"] < 700


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--runs", "1e9", str(tmp_path / "large")]) == 1
    assert "needs about" in (told := capsys.readouterr().err)
    assert "GB are free" in told
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--runs", "10", str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [["--runs", "0"], ["--runs", "many"], ["--values", "-1"], ["--processes", "0"]])
def test_numbers_that_make_no_workspace_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        generate.main([*given, str(tmp_path / "none")])
    assert f"argument {given[0]}: " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_another_process_is_filling_is_left_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "shared"
    with generate.alone(generate.unfinished(place)):
        (generate.unfinished(place) / "half").touch()
        assert generate.main(["--runs", "10", str(place)]) == 1
    assert "another process makes" in capsys.readouterr().err
    assert (generate.unfinished(place) / "half").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_generator_that_was_ended_leaves_no_workspace_and_no_process_and_begins_again(
    tmp_path: Path, how: signal.Signals
) -> None:
    place = tmp_path / "stopped"
    command = [sys.executable, "-m", "benchmarks.generate", "--processes", "1", "--runs", "300000", str(place)]
    with subprocess.Popen(command, cwd=_ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as started:
        _wait_for(lambda: _ledger_db(generate.unfinished(place)).exists())
        _wait_for(lambda: _ledger_db(generate.unfinished(place)).stat().st_size > 1_000_000)
        os.kill(started.pid, how)
        told = started.communicate(timeout=60)[1]
        assert started.returncode == (-how if how == signal.SIGKILL else 130)
    _wait_for(lambda: not _processes_of(started.pid))
    assert not place.exists()
    assert how == signal.SIGKILL or "begins again" in told
    again = _run("-m", "benchmarks.generate", "--processes", "1", "--runs", "50", str(place), cwd=_ROOT)
    assert again.returncode == 0, again.stderr
    assert "was left unfinished; beginning again" in again.stderr
    with closing(Database(_ledger_db(place), durable=False)) as database:
        assert all(report.broken is None for report in verify(database))


def _end_of(run_id: str, events: list[Event], database: Database) -> RunStatus:
    start = events[0]
    assert isinstance(start, RunStartedEvent)
    status, written = start.status, set()
    for event in events[1:]:
        match event:
            case RunStatusChangedEvent():
                assert event.previous == status
                assert may_change(status, event.status), (run_id, status, event.status)
                status = event.status
                _check_seal(run_id, event.seal, database)
            case RunResumedEvent():
                assert status == event.previous
                assert status in TERMINAL
                status = RunStatus.RUNNING
            case RunPropertyAddedEvent(key=key) | RunParameterAddedEvent(key=key):
                assert key not in written
                written.add(key)
            case _:
                pass
    return status


def _check_seal(run_id: str, seal: Seal | None, database: Database) -> None:
    for writer in seal.writers if seal else ():
        head = database.head(values_stream(run_id, writer.writer))
        assert head == Head(writer.seq, bytes.fromhex(writer.hash))


def _ledger_db(folder: Path) -> Path:
    return folder / FOLDER / "ledger.db"


def _digest(folder: Path) -> str:
    return sha256(_ledger_db(folder).read_bytes()).hexdigest()


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _processes_of(session: int) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found
