"""What a training process tracks arrives, in order, once, whenever the ledger is there."""

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.client import Client
from ledger.commands import AddProperties, ChangeStatus, CreateExperiment, StartRun, TagRun
from ledger.errors import BadValueError, RefusedError
from ledger.metrics import SeriesQuery
from ledger.queries import RunQuery
from ledger.tracking.tracker import Tracker
from schemas.limits import Limits
from schemas.statuses import RunStatus
from tests.ledger.tracking.conftest import Line, Make

DONE = ChangeStatus(run_id="r", status=RunStatus.COMPLETED)


def values(client: Client, name: str = "loss", run_id: str = "r") -> list[object]:
    return [value for series in client.series(SeriesQuery(run_id=run_id, name=name)) for value in series.values or ()]


def journals(folder: Path) -> list[Path]:
    found = folder / ".runledger" / "journals"
    return [path for path in found.iterdir() if path.is_dir()] if found.exists() else []


def begin(tracker: Tracker) -> None:
    tracker.begin(StartRun(run_id="r", experiment="e"))


def test_what_was_logged_is_there_when_the_run_has_ended(tracker: Tracker, client: Client, folder: Path) -> None:
    begin(tracker)
    for number in range(1_000):
        tracker.track("r").recorder.scalar("loss", number, number)
    tracker.end(DONE)
    (series,) = client.series(SeriesQuery(run_id="r"))
    assert (series.values, series.steps) == (list(range(1_000)), list(range(1_000)))
    assert list(series.times) == sorted(series.times)
    assert client.run("r")["status"] == "Completed"
    assert journals(folder) == []


def test_values_arrive_while_the_run_goes_on(tracker: Tracker, client: Client) -> None:
    begin(tracker)
    tracker.track("r").recorder.scalar("loss", 0.5)
    deadline = time.monotonic() + 20
    while values(client) != [0.5]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_ledger_everything_waits_and_arrives_in_order_with_its_times(
    tracker: Tracker, client: Client, line: Line, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line.cut = True
    with caplog.at_level(logging.WARNING):
        tracker.create_experiment(CreateExperiment(name="e"))
        begin(tracker)
        recorder = tracker.track("r").recorder
        recorder.scalar("loss", 1.0)
        tracker.execute(TagRun(run_id="r", tags={"a": "1"}), "r")
        recorder.scalar("loss", 2.0)
        tracker.execute(TagRun(run_id="r", tags={"a": "2"}), "r")
        tracker.end(DONE)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "is delivered later" in caplog.text
    ended_at = time.time()
    line.cut = False
    assert tracker.ship()
    assert values(client) == [1.0, 2.0]
    document = client.run("r")
    assert (document["status"], document["tags"]) == ("Completed", {"a": "2"})
    history = client.history("r")
    assert [entry.event.split(".")[2] for entry in history] == ["started", "tagged", "tagged", "status-changed"]
    times = [entry.occurred_at for entry in history]
    assert times == sorted(times)
    assert times[-1] < time.strftime("%Y-%m-%dT%H:%M:%S.999999Z", time.gmtime(ended_at))
    tracker.close()
    assert journals(folder) == []


def test_an_answer_that_got_lost_doubles_nothing(tracker: Tracker, client: Client, line: Line) -> None:
    begin(tracker)
    recorder = tracker.track("r").recorder
    recorder.scalar("loss", 1.0)
    line.lose_answers = 2
    tracker.execute(TagRun(run_id="r", tags={"a": "1"}), "r")
    tracker.ship()
    recorder.scalar("loss", 2.0)
    assert tracker.ship()
    assert tracker.ship()
    assert values(client) == [1.0, 2.0]
    assert [entry.event.split(".")[2] for entry in client.history("r")] == ["started", "tagged"]


def test_what_is_refused_on_arrival_marks_the_run_and_stops_nothing(
    tracker: Tracker, client: Client, line: Line
) -> None:
    begin(tracker)
    client.execute(AddProperties(run_id="r", properties={"author": "x"}))
    line.cut = True
    tracker.execute(AddProperties(run_id="r", properties={"author": "y"}), "r")
    tracker.execute(TagRun(run_id="r", tags={"after": None}), "r")
    line.cut = False
    assert tracker.ship()
    document = client.run("r")
    assert document["properties"]["author"] == "x"
    assert document["tags"] == {"after": None}
    (warning,) = document["warnings"]
    assert warning["code"] == "command-refused"
    assert "add-properties was refused when it arrived: property 'author' is 'x'" in warning["message"]


def test_values_are_sent_in_parts_that_the_log_takes(tracker: Tracker, client: Client, line: Line) -> None:
    begin(tracker)
    line.most = 2_000
    for number in range(1_000):
        tracker.track("r").recorder.scalar("loss", number)
    assert tracker.ship()
    assert values(client) == list(range(1_000))
    assert "warnings" not in client.run("r")


def test_of_values_only_the_call_is_lost_that_no_log_could_take(tracker: Tracker, client: Client, line: Line) -> None:
    begin(tracker)
    line.most = 2_000
    recorder = tracker.track("r").recorder
    for number in range(300):
        recorder.scalar("loss", "x" * 3_000 if number in {100, 299} else number)
    assert tracker.ship()
    recorder.scalar("loss", 300)
    assert tracker.ship()
    assert values(client) == [number for number in range(301) if number not in {100, 299}]
    said = [warning["message"] for warning in client.run("r")["warnings"]]
    assert [text.split(" of logged")[0] for text in said] == ["records 101 to 101", "records 300 to 300"]
    assert "and the log allows 2,000" in said[0]


def test_a_start_that_is_refused_leaves_nothing_behind(tracker: Tracker, client: Client, folder: Path) -> None:
    client.execute(StartRun(run_id="r", experiment="e"))
    with pytest.raises(RefusedError, match="there is a run r already"):
        begin(tracker)
    assert journals(folder) == []
    assert not tracker.began("r")


def test_a_limit_never_raises_and_is_told_in_the_run(
    make_tracker: Make, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = make_tracker(metric_names=2, column_value_length=5, columns=1, metric_name_length=9)
    begin(tracker)
    recorder = tracker.track("r").recorder
    for number in range(10):
        recorder.scalar(f"name {number}", number)
    for _ in range(3):
        recorder.scalar("name 0", "far too long")
        recorder.row("name 0", {"a": 1, "b": 2})
        recorder.listed("name 0", ["far too long"])
    recorder.scalar("a name that is too long", 1)
    assert caplog.text.count("a run may have 2 metrics") == 1
    tracker.end(DONE)
    warnings = {each["code"]: each["count"] for each in client.run("r")["warnings"]}
    assert warnings == {"too-many-metrics": 8, "value-too-long": 6, "row-too-large": 3, "name-too-long": 1}
    assert [summary.name for summary in client.metrics("r")] == ["name 0", "name 1"]


def test_a_wrong_value_raises_and_spoils_nothing(tracker: Tracker, client: Client) -> None:
    begin(tracker)
    recorder = tracker.track("r").recorder
    recorder.scalar("loss", 1.0)
    wrong: list[Callable[[], None]] = [
        lambda: recorder.scalar("loss", [1, 2]),
        lambda: recorder.scalar("", 1),
        lambda: recorder.scalar("loss", 1, step=1.5),
        lambda: recorder.scalar("loss", 1, step=2**70),
        lambda: recorder.table("loss", [1]),
    ]
    for call in wrong:
        with pytest.raises(BadValueError):
            call()
    recorder.scalar("loss", 2.0)
    tracker.end(DONE)
    assert values(client) == [1.0, 2.0]


def test_a_table_of_many_rows_is_kept_whole(tracker: Tracker, client: Client) -> None:
    begin(tracker)
    rows = 30_000
    tracker.track("r").recorder.table("t", {"n": list(range(rows)), "text": ["x" * 40] * rows})
    tracker.track("r").recorder.listed("l", range(rows))
    tracker.end(DONE)
    found = {series.name: series for series in client.series(SeriesQuery(run_id="r"))}
    assert found["t"].columns is not None
    assert list(found["t"].columns["n"]) == list(range(rows))
    assert list(found["l"].values or ()) == list(range(rows))


def test_values_that_come_after_the_end_are_kept(tracker: Tracker, client: Client) -> None:
    begin(tracker)
    tracker.track("r").recorder.scalar("loss", 1.0)
    tracker.end(DONE)
    tracker.track("r").recorder.scalar("loss", 2.0)
    assert tracker.flush("r", 10)
    assert values(client) == [1.0, 2.0]


def test_threads_log_to_one_run(tracker: Tracker, client: Client) -> None:
    begin(tracker)

    def work(thread: int) -> None:
        for number in range(2_000):
            tracker.track("r").recorder.scalar(f"t{thread}", number)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tracker.end(DONE)
    for number in range(4):
        assert values(client, f"t{number}") == list(range(2_000))


def test_forked_children_log_to_the_run_and_end_nothing(tracker: Tracker, client: Client, folder: Path) -> None:
    begin(tracker)
    recorder = tracker.track("r").recorder
    recorder.scalar("parent", 0)
    children = []
    for child in range(3):
        process = os.fork()
        if process == 0:
            for number in range(100):
                recorder.scalar(f"child {child}", number)
            os._exit(0)
        children.append(process)
    for process in children:
        os.waitpid(process, 0)
    recorder.scalar("parent", 1)
    tracker.end(DONE)
    assert values(client, "parent") == [0, 1]
    for child in range(3):
        assert values(client, f"child {child}") == list(range(100))
    assert client.run("r")["status"] == "Completed"
    assert journals(folder) == []


def test_without_a_folder_for_journals_there_is_another(
    line: Line, folder: Path, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    blocked = folder / "blocked"
    blocked.write_text("a file where a folder should be", encoding="utf-8")
    tracker = Tracker(line.connect, str(folder), blocked / "journals", Limits())
    begin(tracker)
    tracker.track("r").recorder.scalar("loss", 1.0)
    tracker.end(DONE)
    tracker.close()
    assert (client.run("r")["status"], values(client)) == ("Completed", [1.0])


def test_without_any_place_for_journals_training_goes_on(
    line: Line, folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = folder / "blocked"
    blocked.write_text("a file where a folder should be", encoding="utf-8")
    monkeypatch.setattr(tempfile, "tempdir", str(blocked / "temporary"))
    tracker = Tracker(line.connect, str(folder), blocked / "journals", Limits())
    begin(tracker)
    tracker.track("r").recorder.scalar("loss", 1.0)
    tracker.end(DONE)
    tracker.close()
    assert client.run("r")["status"] == "Completed"
    assert "no journal can be written" in caplog.text


def test_a_batch_that_begins_while_the_line_is_cut_arrives_later(tracker: Tracker, line: Line, client: Client) -> None:
    commands = [StartRun(run_id=f"c{number}", experiment="e") for number in range(3)]
    line.cut = True
    tracker.begin_all(commands)
    assert all(tracker.began(command.run_id) for command in commands)
    line.cut = False
    assert tracker.ship()

    assert {run["run_id"]: run["status"] for run in client.runs(RunQuery()).runs} == dict.fromkeys(
        ("c0", "c1", "c2"), "Running"
    )


def test_of_a_batch_that_is_refused_in_part_the_rest_begins(tracker: Tracker, client: Client) -> None:
    tracker.begin(StartRun(run_id="c1", experiment="e"))
    with pytest.raises(RefusedError, match="c1"):
        tracker.begin_all([StartRun(run_id=f"c{number}", experiment="e") for number in range(3)])

    assert [tracker.began(f"c{number}") for number in (0, 2)] == [True, True]
    assert len(client.runs(RunQuery()).runs) == 3
