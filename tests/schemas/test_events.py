"""Events: their names, their bytes, and what their fields hold."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import schemas.events
from schemas.events import (
    AlertRuleDefinedEvent,
    CommandRefusedEvent,
    Encrypted,
    Event,
    GitOrigin,
    RunDescribedEvent,
    RunError,
    RunLoggedEvent,
    RunOrigin,
    RunParameterAddedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunWarnedEvent,
    Seal,
    Series,
    SilenceCreatedEvent,
    readable,
)
from schemas.events.logged import JSON_DEPTH
from schemas.limits import NUMBER_DIGITS
from schemas.registry import EVENTS, FORMER, decode
from schemas.statuses import RunStatus
from tests.schemas.strategies import events_of

NAMES = {
    "run.started.v1",
    "run.logged.v1",
    "run.tagged.v1",
    "run.untagged.v1",
    "run.property-added.v1",
    "run.parameter-added.v1",
    "run.status-changed.v1",
    "run.resumed.v1",
    "run.described.v1",
    "run.artifact-added.v1",
    "run.warned.v2",
    "run.alerted.v1",
    "run.archived.v1",
    "run.restored.v1",
    "experiment.created.v1",
    "experiment.tagged.v1",
    "experiment.untagged.v1",
    "experiment.described.v1",
    "experiment.archived.v1",
    "experiment.reactivated.v1",
    "experiment.deleted.v1",
    "alert-rule.defined.v1",
    "alert-rule.changed.v1",
    "alert-rule.enabled.v1",
    "alert-rule.disabled.v1",
    "alert-rule.deleted.v1",
    "alert-rule.template-failed.v1",
    "alert-rule.tested.v1",
    "silence.created.v1",
    "silence.ended.v1",
    "recipient.limited.v1",
    "recipient.resubscribed.v1",
    "recipient.suppressed.v1",
    "recipient.unsubscribed.v1",
    "recipient.unsuppressed.v1",
    "notifications.claimed.v1",
    "notifications.settled.v1",
    "notifications.due.v1",
    "view.saved.v1",
    "view.changed.v1",
    "view.shared.v1",
    "view.deleted.v1",
    "user.added.v1",
    "user.changed.v1",
    "user.disabled.v1",
    "user.password-set.v1",
    "session.began.v1",
    "session.renewed.v1",
    "session.ended.v1",
    "login.refused.v1",
    "token.issued.v1",
    "token.revoked.v1",
    "ledger.created.v1",
    "command.refused.v1",
    "personal-data.encrypted.v1",
    "personal-data.erased.v1",
    "presence.reported.v1",
}

GOLDEN: list[tuple[Event, bytes]] = [
    (RunTaggedEvent(key="worth another look", value=None), b'{"key":"worth another look","value":null}'),
    (RunTaggedEvent(key="jakość", value=""), '{"key":"jakość","value":""}'.encode()),
    (
        RunTaggedEvent(key="a", value=Encrypted.of("k1", "bm9uY2U=", "Y2lwaGVy"), command="c", client="sdk"),
        b'{"command":"c","client":"sdk","key":"a","value":{"$enc":["k1","bm9uY2U=","Y2lwaGVy"]}}',
    ),
    (RunParameterAddedEvent(key="p", value=1), b'{"key":"p","value":1}'),
    (RunParameterAddedEvent(key="p", value=1.0), b'{"key":"p","value":1.0}'),
    (RunParameterAddedEvent(key="p", value=True), b'{"key":"p","value":true}'),
    (RunParameterAddedEvent(key="p", value="1"), b'{"key":"p","value":"1"}'),
    (RunParameterAddedEvent(key="p", value=None), b'{"key":"p","value":null}'),
    (RunParameterAddedEvent(key="p", value="NaN"), b'{"key":"p","value":"NaN"}'),
    (RunParameterAddedEvent(key="p", value=math.nan), b'{"key":"p","value":{"$float":"NaN"}}'),
    (RunParameterAddedEvent(key="p", value=math.inf), b'{"key":"p","value":{"$float":"Infinity"}}'),
    (RunParameterAddedEvent(key="p", value=-math.inf), b'{"key":"p","value":{"$float":"-Infinity"}}'),
    (RunParameterAddedEvent(key="p", value=2**64 + 1), b'{"key":"p","value":18446744073709551617}'),
    (RunDescribedEvent(changed=("description",)), b'{"changed":["description"]}'),
    (
        RunStatusChangedEvent(previous=RunStatus.RUNNING, status=RunStatus.COMPLETED),
        b'{"previous":"Running","status":"Completed","presumed":false,"log_lines":[]}',
    ),
    (
        RunStartedEvent(experiment="digits", experiment_id="e1", tags={"b": None, "a": "1"}),
        (
            b'{"experiment":"digits","experiment_id":"e1","status":"Running","run_type":"runledger.run",'
            b'"target":"local","tags":{"b":null,"a":"1"},"properties":{},"origin":{}}'
        ),
    ),
    (
        RunLoggedEvent(
            writer="w",
            first=1,
            last=2,
            series=[Series(name="m", kind="scalar", index=[1, 2], times=[5, 6], values=[0.5, math.nan])],
        ),
        (
            b'{"writer":"w","first":1,"last":2,"series":[{"name":"m","kind":"scalar","index":[1,2],'
            b'"times":[5,6],"values":[0.5,{"$float":"NaN"}]}]}'
        ),
    ),
]


def type_name(event: type[Event]) -> str:
    return event.type_name()


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_every_event_is_there_under_its_name() -> None:
    assert {event.type_name() for event in EVENTS} == {f"runledger.{name}" for name in NAMES}


def test_class_names_end_in_event_and_are_exported() -> None:
    defined = {event for event in all_subclasses(Event) if event.__module__.startswith("schemas.")}

    assert defined == {*EVENTS, *FORMER}
    assert all(event.__name__.endswith("Event") for event in defined)
    assert {event.__name__ for event in EVENTS} <= set(schemas.events.__all__)


def all_subclasses(event: type[Event]) -> set[type[Event]]:
    return {deeper for child in event.__subclasses__() for deeper in {child, *all_subclasses(child)}}


@pytest.mark.parametrize("event_class", EVENTS, ids=type_name)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_event_comes_back_from_its_bytes_exactly(event_class: type[Event], data: st.DataObject) -> None:
    """Not only equal: of the same types, NaN and -0.0 included; and its bytes are JSON for anybody."""
    event = data.draw(events_of(event_class))
    value = event.to_value()

    again = decode(event.type_name(), value)

    assert repr(again) == repr(event)
    assert isinstance(again, Event)
    assert again.to_value() == value
    json.loads(value.decode(), parse_constant=refuse_constant)


@pytest.mark.parametrize(("event", "value"), GOLDEN, ids=range(len(GOLDEN)))
def test_bytes_are_these(event: Event, value: bytes) -> None:
    assert event.to_value() == value
    assert repr(decode(event.type_name(), value)) == repr(event)


def test_what_was_not_said_is_left_out_and_none_that_means_something_is_kept() -> None:
    bare = RunStartedEvent(experiment="e", experiment_id="i", display_name=None, tags={"bare": None})

    assert bare == RunStartedEvent(experiment="e", experiment_id="i", tags={"bare": None})
    assert b"display_name" not in bare.to_value()
    assert json.loads(bare.to_value())["tags"] == {"bare": None}


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\0", "a\0b"])
def test_text_that_some_store_cannot_hold_is_refused_wherever_it_stands(text: str) -> None:
    for build in (
        lambda: RunTaggedEvent(key=text, value=None),
        lambda: RunTaggedEvent(key="a", value=text),
        lambda: RunTaggedEvent(key="a", value=None, reason=text),
        lambda: RunStartedEvent(experiment="e", experiment_id="i", tags={text: None}),
        lambda: RunParameterAddedEvent(key="p", value=text),
        lambda: Seal(last_values={text: 1}),
        lambda: AlertRuleDefinedEvent(rule_name="r", definition={"a": [text]}),
        lambda: AlertRuleDefinedEvent(rule_name="r", definition={"a": {text: 1}}),
        lambda: Series(name="m", kind="scalar", index=[1], times=[1], values=[text]),
    ):
        with pytest.raises(ValidationError):
            build()


@pytest.mark.parametrize(
    "value",
    [[1], {"a": 1}, {"$float": "nan"}, {"$float": "NaN", "a": 1}, object(), b"x"],
)
def test_what_is_no_logged_value_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        RunParameterAddedEvent(key="p", value=value)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_is_as_long_as_every_reader_can_read(sign: int) -> None:
    longest = RunParameterAddedEvent(key="p", value=sign * (10**NUMBER_DIGITS - 1))

    assert decode(longest.type_name(), longest.to_value()) == longest
    with pytest.raises(ValidationError, match="4,000 digits"):
        RunParameterAddedEvent(key="p", value=sign * 10**NUMBER_DIGITS)


def test_numbers_of_other_libraries_become_plain_ones() -> None:
    class Float64(float):
        pass

    event = RunParameterAddedEvent(key="p", value=Float64(0.5))

    assert type(event.value) is float
    assert event.to_value() == b'{"key":"p","value":0.5}'


def test_logged_values_are_not_shared_with_who_gave_them() -> None:
    values: list[Any] = [0.5]
    series = Series(name="m", kind="scalar", index=[1], times=[1], values=values)
    values.append(1.5)

    assert series.values == [0.5]


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"values": [1.0], "columns": {"a": [1.0]}},
        {"values": [1.0, 2.0]},
        {"values": []},
        {"columns": {"a": [1.0], "b": []}},
        {"values": [1.0], "times": []},
        {"values": [1.0], "steps": [1, 2]},
    ],
)
def test_columns_of_different_lengths_are_no_series(shape: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Series(**({"name": "m", "kind": "scalar", "index": [1], "times": [1]} | shape))


@pytest.mark.parametrize(("first", "last"), [(2, 1), (3, 5), (0, 1), (6, 4)])
def test_a_batch_holds_nothing_outside_its_first_and_last(first: int, last: int) -> None:
    series = Series(name="m", kind="scalar", index=[2, 3], times=[0, 0], values=[1, 2])

    with pytest.raises(ValidationError):
        RunLoggedEvent(writer="w", first=first, last=last, series=[series])


def test_numbers_that_a_reader_could_not_use_are_refused() -> None:
    for build in (
        lambda: RunResumedEvent(attempt=-1, previous=RunStatus.FAILED),
        lambda: RunResumedEvent(attempt=2**63, previous=RunStatus.FAILED),
        lambda: RunResumedEvent(attempt=True, previous=RunStatus.FAILED),
        lambda: Series(name="m", kind="scalar", index=[0], times=[10**18], values=[1]),
        lambda: SilenceCreatedEvent(matchers=[], until=10**15),
    ):
        with pytest.raises(ValidationError):
            build()


def test_plain_json_is_bounded_in_depth() -> None:
    def nested(depth: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(depth - 1):
            value = [value]
        return {"a": value}

    event = AlertRuleDefinedEvent(rule_name="r", definition=nested(JSON_DEPTH))

    assert decode(event.type_name(), event.to_value()) == event
    with pytest.raises(ValidationError, match="nested"):
        AlertRuleDefinedEvent(rule_name="r", definition=nested(JSON_DEPTH + 1))


def test_events_do_not_change() -> None:
    event = RunTaggedEvent(key="a", value="b")

    with pytest.raises(ValidationError):
        event.value = "c"  # type: ignore[misc]


def test_encrypted_text_is_shown_as_such() -> None:
    assert readable(Encrypted.of("k", "n", "c")) == "(encrypted)"
    assert readable("text") == "text"
    assert readable(None) is None


def test_an_origin_is_read_from_what_a_process_says() -> None:
    origin = RunOrigin.model_validate(
        {"host": "h", "command_line": ["train.py"], "script": None, "git": {"commit": "c", "dirty": False}}
    )

    assert origin.git == GitOrigin(commit="c", dirty=False)
    assert RunError.model_validate({"code": "UserError", "message": "m"}).traceback is None


def test_a_refusal_keeps_old_and_attempted_value_exactly() -> None:
    event = CommandRefusedEvent(
        command_name="AddParameters", stream="run:r1", rule="WrittenOnceError", key="p", old=1, attempted=1.0
    )
    again = decode(event.type_name(), event.to_value())

    assert isinstance(again, CommandRefusedEvent)
    assert (repr(again.old), repr(again.attempted)) == ("1", "1.0")


def test_a_warning_of_version_1_is_brought_to_version_2() -> None:
    payload = {"message": "disk is full", "command": "c", "of_the_future": [1]}

    assert RunWarnedEvent.upcast_v1_v2(payload) == {**payload, "source": "unknown", "code": "unknown", "count": 1}
    assert payload == {"message": "disk is full", "command": "c", "of_the_future": [1]}
