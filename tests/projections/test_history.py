"""The history of a run: each event with what it changed."""

from ledger.commands import (
    AddParameters,
    AddProperties,
    ArchiveRun,
    ChangeStatus,
    DescribeRun,
    ResumeRun,
    StartRun,
    TagRun,
    UntagRun,
)
from ledger.feed import FeedEvent
from ledger.queries import Change
from projections.history.entries import entries
from schemas.events import Event, OpaqueEvent, RunAlertedEvent, RunArtifactAddedEvent, RunStartedEvent, RunWarnedEvent
from schemas.records import Envelope
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace


def test_every_event_says_what_it_changed(workspace: Workspace) -> None:
    workspace.do(
        StartRun(run_id="r", experiment="digits", tags={"quality": "great run"}, reason="nightly"),
        TagRun(run_id="r", tags={"quality": "fantastic run"}),
        TagRun(run_id="r", tags={"worth another look": None}),
        UntagRun(run_id="r", keys=["quality"]),
        AddProperties(run_id="r", properties={"author": "maria"}),
        AddParameters(run_id="r", parameters={"lr": 0.5}),
        DescribeRun(run_id="r", changes={"description": "# Hello"}),
        ChangeStatus(run_id="r", status=RunStatus.FAILED, error={"code": "UserError", "message": "boom"}),
        ResumeRun(run_id="r", reason="spot instance came back"),
        ArchiveRun(run_id="r"),
    )

    started, *rest = workspace.answers.history("r")

    assert Change("status", None, "Running") in started.changes
    assert Change("tags.quality", None, "great run") in started.changes
    assert started.reason == "nightly"
    assert [entry.changes for entry in rest] == [
        [Change("tags.quality", "great run", "fantastic run")],
        [Change("tags.worth another look", None, "(no value)")],
        [Change("tags.quality", "fantastic run", None)],
        [Change("properties.author", None, "maria")],
        [Change("parameters.lr", None, 0.5)],
        [Change("description", None, "# Hello")],
        [Change("status", "Running", "Failed"), Change("error", None, {"code": "UserError", "message": "boom"})],
        [
            Change("status", "Failed", "Running"),
            Change("attempt", 1, 2),
            Change("error", {"code": "UserError", "message": "boom"}, None),
        ],
        [Change("archived", None, True)],
    ]


def test_every_entry_says_who_when_where_and_which_event(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r", experiment="digits"), TagRun(run_id="r", tags={"a": "b"}))

    entries = workspace.answers.history("r")
    stored = workspace.database.stream_events("run:r")

    assert [entry.seq for entry in entries] == [1, 2]
    assert [entry.hash for entry in entries] == [event.hash.hex() for event in stored]
    assert [entry.position for entry in entries] == [event.position for event in stored]
    assert {entry.actor for entry in entries} == {"maria"}
    assert all(entry.recorded_at.endswith("+00:00") and entry.occurred_at.endswith("Z") for entry in entries)


def happened(*events: Event | OpaqueEvent) -> list[FeedEvent]:
    return [
        FeedEvent(
            number,
            1_700_000_000_000,
            b"",
            Envelope("run:r", number, "", f"e{number}", "//s", "t", "2026-11-23T10:00:00Z", "maria", b""),
            event,
        )
        for number, event in enumerate(events, 1)
    ]


def artifact(size: int) -> RunArtifactAddedEvent:
    return RunArtifactAddedEvent(artifact_name="m.pt", size=size, sha256="0" * 64, address="a")


def test_artifacts_warnings_and_events_that_cannot_be_read_are_shown_too() -> None:
    warning = RunWarnedEvent(source="sdk", code="LimitReached", message="m")
    _, added, replaced, warned, opaque = entries(
        happened(
            RunStartedEvent(experiment="digits", experiment_id="i"),
            artifact(1),
            artifact(2),
            warning,
            OpaqueEvent("runledger.run.unheard-of.v7", b"\xff", "unknown"),
        )
    )

    small, large = ({"size": size, "sha256": "0" * 64} for size in (1, 2))
    shown = [{"source": "sdk", "code": "LimitReached", "message": "m", "count": 1}]
    assert added.changes == [Change("artifacts.m.pt", None, small)]
    assert replaced.changes == [Change("artifacts.m.pt", small, large)]
    assert warned.changes == [Change("warnings", None, shown)]
    assert (opaque.changes, opaque.reason) == ([], None)


def test_what_a_script_wanted_people_to_know_is_shown() -> None:
    _, plain, told = entries(
        happened(
            RunStartedEvent(experiment="digits", experiment_id="i"),
            RunAlertedEvent(title="halfway", level="info"),
            RunAlertedEvent(title="loss is NaN", text="since epoch 3", level="error"),
        )
    )

    assert plain.changes == [Change("alert", None, "info: halfway")]
    assert told.changes == [Change("alert", None, "error: loss is NaN: since epoch 3")]
