"""What a run is after its events, given, when, then, without any store."""

import pytest

from ledger.feed import FeedEvent
from projections.runs.documents import document
from projections.runs.state import RunState, apply_event
from schemas.events import (
    Encrypted,
    Event,
    RunArchivedEvent,
    RunDescribedEvent,
    RunError,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunRestoredEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    RunWarnedEvent,
)
from schemas.records import Envelope
from schemas.statuses import RunStatus

STARTED = RunStartedEvent(experiment="digits", experiment_id="i")
QUEUED = RunStartedEvent(experiment="digits", experiment_id="i", status=RunStatus.QUEUED)


def changed(status: RunStatus, error: RunError | None = None) -> RunStatusChangedEvent:
    return RunStatusChangedEvent(previous=RunStatus.RUNNING, status=status, error=error)


def resumed(attempt: int) -> RunResumedEvent:
    return RunResumedEvent(attempt=attempt, previous=RunStatus.FAILED)


def run_after(*events: Event, time: str = "2026-11-23T10:00:0{}.000001Z") -> dict[str, object]:
    """The document after events that happened a second apart."""
    state: RunState = {}
    for number, event in enumerate(events):
        envelope = Envelope(
            "run:r", number + 1, "", f"e{number}", "//s", event.type_name(), time.format(number), "maria", b""
        )
        apply_event(state, FeedEvent(number + 1, 1_700_000_000_000, b"", envelope, event))
    return document("r", 1, state)


def at(second: int) -> str:
    return f"2026-11-23T10:00:0{second}.000001+00:00"


def test_a_run_that_ends() -> None:
    run = run_after(STARTED, changed(RunStatus.COMPLETED))

    assert (run["created_utc"], run["start_time_utc"], run["end_time_utc"]) == (at(0), at(0), at(1))
    assert (run["status"], run["is_terminal"], run["duration_seconds"]) == ("Completed", True, 1.0)
    assert run["last_position"] == 2


def test_a_run_starts_when_it_is_first_running() -> None:
    waiting = run_after(QUEUED)
    run = run_after(QUEUED, changed(RunStatus.RUNNING), changed(RunStatus.PAUSED), changed(RunStatus.RUNNING))

    assert "start_time_utc" not in waiting
    assert (run["created_utc"], run["start_time_utc"]) == (at(0), at(1))


def test_a_resumed_run_has_neither_end_nor_error() -> None:
    error = RunError(code="UserError", message="boom")
    run = run_after(STARTED, changed(RunStatus.FAILED, error), resumed(2))

    assert (run["status"], run["attempt"], run["is_terminal"]) == ("Running", 2, False)
    assert run.keys().isdisjoint({"end_time_utc", "duration_seconds", "error"})


def test_a_run_that_is_resumed_before_it_ever_ran_starts_then() -> None:
    run = run_after(QUEUED, changed(RunStatus.CANCELED), resumed(2), changed(RunStatus.COMPLETED))

    assert (run["start_time_utc"], run["end_time_utc"], run["duration_seconds"]) == (at(2), at(3), 1.0)


def test_an_end_before_the_start_is_no_end() -> None:
    run = run_after(changed(RunStatus.COMPLETED), STARTED)

    assert (run["status"], run["is_terminal"]) == ("Running", False)
    assert "end_time_utc" not in run


def test_a_completed_run_has_no_error() -> None:
    error = RunError(code="Lost", message="no heartbeat")
    run = run_after(STARTED, changed(RunStatus.NOT_RESPONDING, error), changed(RunStatus.COMPLETED))

    assert "error" not in run


@pytest.mark.parametrize("end", [RunStatus.COMPLETED, RunStatus.CANCELED])
def test_what_was_presumed_goes_with_its_correction(end: RunStatus) -> None:
    error = RunError(code="NotHeardOf", message="silent")
    presumed = changed(RunStatus.FAILED, error).model_copy(update={"presumed": True})
    before, after = run_after(STARTED, presumed), run_after(STARTED, presumed, changed(end))

    assert (before["presumed"], before["error"]) == (True, {"code": "NotHeardOf", "message": "silent"})
    assert (after["status"], "presumed" in after, "error" in after) == (end, False, False)


def test_the_second_start_changes_nothing() -> None:
    other = RunStartedEvent(experiment="other", experiment_id="j", target="gpu")
    run = run_after(STARTED, changed(RunStatus.COMPLETED), other)

    assert (run["experiment_name"], run["target"], run["status"]) == ("digits", "local", "Completed")


def test_what_is_written_once_keeps_its_first_value() -> None:
    run = run_after(
        STARTED,
        RunPropertyAddedEvent(key="p", value="1"),
        RunPropertyAddedEvent(key="p", value="2"),
        RunParameterAddedEvent(key="p", value=1),
        RunParameterAddedEvent(key="p", value=2),
    )

    assert (run["properties"], run["parameters"]) == ({"p": "1"}, {"p": 1})


def test_tags_change_and_go() -> None:
    run = run_after(
        STARTED,
        RunTaggedEvent(key="a", value="1"),
        RunTaggedEvent(key="a", value=None),
        RunTaggedEvent(key="b", value=Encrypted.of("k", "n", "c")),
        RunTaggedEvent(key="c", value=""),
        RunUntaggedEvent(key="c"),
        RunUntaggedEvent(key="never there"),
    )

    assert run["tags"] == {"a": None, "b": "(encrypted)"}


def test_texts_are_set_and_cleared() -> None:
    run = run_after(
        STARTED,
        RunDescribedEvent(changed=("description", "display_name"), description="d", display_name="n"),
        RunDescribedEvent(changed=("description",)),
        RunArchivedEvent(),
    )

    assert (run["name"], run["display_name"], run["archived"]) == ("n", "n", True)
    assert "description" not in run
    assert "archived" not in run_after(STARTED, RunArchivedEvent(), RunRestoredEvent())


def test_a_warning_that_comes_again_replaces_the_one_before() -> None:
    warnings = [
        RunWarnedEvent(source="sdk", code="LimitReached", message=f"{count} points", count=count) for count in (1, 7)
    ]
    run = run_after(STARTED, *warnings, RunWarnedEvent(source="sdk", code="Other", message="m"))

    assert run["warnings"] == [
        {"source": "sdk", "code": "LimitReached", "message": "7 points", "count": 7},
        {"source": "sdk", "code": "Other", "message": "m", "count": 1},
    ]


@pytest.mark.parametrize(
    ("time", "created"),
    [
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000000+00:00"),
        ("2026-11-23T10:00:00.123456789Z", "2026-11-23T10:00:00.123456+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000+00:00"),
        ("0000-01-01T00:00:00Z", "2023-11-14T22:13:20.000000+00:00"),
        ("2026-02-30T99:00:00Z", "2023-11-14T22:13:20.000000+00:00"),
    ],
)
def test_the_writers_time_counts_or_else_the_logs(time: str, created: str) -> None:
    assert run_after(STARTED, time=time)["created_utc"] == created
