"""A refusal is on record: once, and a flood of them in few events."""

from typing import Any

import pytest

from ledger.application.refusing import MOST, MOST_FORBIDDEN, RefusalRate
from ledger.commands import (
    AddProperties,
    ChangeStatus,
    Command,
    DeleteRule,
    DeleteView,
    DisableUser,
    EndSilence,
    StartRun,
    TagRun,
    Unsubscribe,
)
from ledger.errors import ChangedSinceError, ForbiddenError, RefusedError, WrittenOnceError
from schemas.events import CommandRefusedEvent
from schemas.registry import decode
from schemas.statuses import RunStatus
from schemas.streams import refusals_stream
from tests.ledger.conftest import CALLER, Parts


def refusals(parts: Parts) -> list[Any]:
    stream = refusals_stream(parts.control.id, "")
    return [decode(each.envelope.type, each.envelope.value) for each in parts.database.stream_events(stream)]


def test_a_late_command_that_is_refused_is_recorded_with_what_was_tried(parts: Parts) -> None:
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e", properties={"author": "me"}), CALLER)
    late = AddProperties(run_id="r", properties={"author": "you"}, late=True)
    for _ in range(2):
        with pytest.raises(RefusedError):
            ledger.handle(late, CALLER)

    (event,) = refusals(parts)

    assert isinstance(event, CommandRefusedEvent)
    assert (event.command_name, event.stream, event.rule) == ("add-properties", "run:r", "written-once")
    assert (event.key, event.old, event.attempted, event.count) == ("author", "me", "you", 1)
    assert "is written once" in str(event.message)


def test_who_asks_now_is_told_and_it_is_recorded_too(parts: Parts) -> None:
    ledger = parts.ledger()
    for run_id in ("r", "s"):
        ledger.handle(StartRun(run_id=run_id, experiment="e", properties={"author": "me"}), CALLER)
        for _ in range(2):
            with pytest.raises(WrittenOnceError):
                ledger.handle(AddProperties(run_id=run_id, properties={"author": "you"}), CALLER)

    assert [(event.stream, event.attempted) for event in refusals(parts)] == [("run:r", "you"), ("run:s", "you")]


def test_a_change_that_came_too_late_breaks_no_rule(parts: Parts) -> None:
    ledger = parts.ledger()
    began = ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    ledger.handle(TagRun(run_id="r", tags={"a": "1"}), CALLER)
    with pytest.raises(ChangedSinceError):
        ledger.handle(TagRun(run_id="r", tags={"a": "2"}, as_of=began.position), CALLER)

    assert refusals(parts) == []


def test_what_cannot_be_stored_is_recorded_as_far_as_it_can(parts: Parts) -> None:
    ledger = parts.ledger()
    with pytest.raises(RefusedError):
        ledger.handle(StartRun(run_id="a\x00b" * 200, experiment="e"), CALLER)

    (event,) = refusals(parts)
    assert event.stream.startswith("run:a\ufffdb")


def test_a_status_that_cannot_be_is_recorded_as_such(parts: Parts) -> None:
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    ledger.handle(ChangeStatus(run_id="r", status=RunStatus.COMPLETED), CALLER)
    with pytest.raises(RefusedError):
        ledger.handle(ChangeStatus(run_id="r", status=RunStatus.RUNNING, late=True), CALLER)

    (event,) = refusals(parts)
    assert (event.key, event.old, event.attempted) == ("status", "Completed", "Running")


def test_what_somebody_had_no_right_to_is_recorded_and_a_flood_of_it_hides_no_other_refusal(parts: Parts) -> None:
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e", properties={"author": "me"}), CALLER)
    error = ForbiddenError("a viewer writes nothing", "write")
    for number in range(MOST):
        ledger.note_forbidden(TagRun(run_id=f"x{number}", tags={"a": "1"}), error, CALLER)
    with pytest.raises(WrittenOnceError):
        ledger.handle(AddProperties(run_id="r", properties={"author": "you"}), CALLER)

    found = refusals(parts)
    assert [event.rule for event in found] == ["forbidden"] * MOST_FORBIDDEN + ["written-once"]
    assert (found[0].command_name, found[0].stream, found[0].message) == ("tag-run", "run:x0", str(error))


def test_nobody_hides_a_refusal_behind_a_reason_that_cannot_be_stored(parts: Parts) -> None:
    ledger = parts.ledger()
    ledger.handle(StartRun(run_id="r", experiment="e"), CALLER)
    tag = TagRun(run_id="r", tags={"a": "1"}, reason="x\x00")
    ledger.note_forbidden(tag, ForbiddenError("a viewer writes nothing", "write"), CALLER)
    with pytest.raises(RefusedError):
        ledger.handle(tag, CALLER)

    found = refusals(parts)
    assert (found[0].rule, len(found)) == ("forbidden", 2)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (DisableUser(user="ada"), "user"),
        (Unsubscribe(recipient="a@b.org"), "recipient"),
        (EndSilence(silence_id="s"), "silence"),
        (DeleteView(view_id="v"), "view"),
        (DeleteRule(rule_id="r"), "rule"),
    ],
)
def test_a_refusal_names_the_thing_that_it_was_about(parts: Parts, command: Command, kind: str) -> None:
    parts.ledger().note_forbidden(command, ForbiddenError("no", "write"), CALLER)

    (event,) = refusals(parts)
    assert event.stream.startswith(f"{kind}:")


def test_lateness_makes_no_other_command() -> None:
    command = AddProperties(command="c", run_id="r", properties={})

    assert command.digest() == AddProperties(command="c", run_id="r", properties={}, late=True).digest()


def test_of_a_flood_every_one_is_counted_and_few_are_recorded() -> None:
    now = 0.0
    rate = RefusalRate(every=10, clock=lambda: now)
    kind, other = ("maria", "WrittenOnceError", "run:r"), ("maria", "WrittenOnceError", "run:s")

    assert [rate.due(kind) for _ in range(5)] == [1, 0, 0, 0, 0]
    assert rate.due(other) == 1
    now = 10.0
    assert [rate.due(kind), rate.due(kind)] == [5, 0]


def test_a_flood_of_kinds_is_bounded_in_the_log_and_in_memory() -> None:
    now = 0.0
    rate = RefusalRate(every=10, clock=lambda: now)

    assert sum(rate.due(("eve", "InvalidNameError", f"run:{number}")) for number in range(5_000)) == MOST
    assert len(rate._seen) <= 1_000
    now = 10.0
    assert rate.due(("maria", "WrittenOnceError", "run:r")) == 1
