"""From a record back to an event, or to an opaque one; never an error."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Event, OpaqueEvent, RunTaggedEvent, RunWarnedEvent
from schemas.registry import EVENTS, FORMER, decode, is_known, is_newer
from tests.schemas.strategies import events_of

TAGGED = "runledger.run.tagged.v1"
STARTED = "runledger.run.started.v1"
RESUMED = "runledger.run.resumed.v1"
LOGGED = "runledger.run.logged.v1"
PARAMETER = "runledger.run.parameter-added.v1"
RULE = "runledger.alert-rule.defined.v1"
TYPE_NAMES = sorted({event.type_name() for event in (*EVENTS, *FORMER)})


def opaque(type_name: str, value: bytes) -> OpaqueEvent:
    event = decode(type_name, value)
    assert isinstance(event, OpaqueEvent), event
    assert (event.type, event.value) == (type_name, value)
    assert event.why
    return event


def usable(event: Event | OpaqueEvent) -> None:
    """Whatever a consumer does with an accepted event works: show it, write it, read it again."""
    repr(event).encode()
    if isinstance(event, Event):
        again = decode(event.type_name(), event.to_value())
        assert repr(again) == repr(event)
        json.dumps(event.model_dump(mode="json"), allow_nan=False)
    else:
        event.why.encode()


def test_type_names_are_used_once() -> None:
    assert len(TYPE_NAMES) == len(EVENTS) + len(FORMER)


def test_every_former_version_can_be_read() -> None:
    versions = {(event.name, event.version) for event in FORMER}

    assert versions == {(event.name, version) for event in EVENTS for version in range(1, event.version)}


@pytest.mark.parametrize("former", FORMER, ids=lambda it: it.type_name())
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_record_of_a_former_version_becomes_an_event_of_the_current_one(
    former: type[Event], data: st.DataObject
) -> None:
    old = data.draw(events_of(former))

    event = decode(former.type_name(), old.to_value())

    assert isinstance(event, Event)
    assert type(event) in EVENTS
    assert event.name == former.name
    assert event.version > former.version
    assert (event.command, event.reason) == (old.command, old.reason)


def test_a_warning_of_version_1() -> None:
    value = '{"message":"dysk jest pełny","command":"c","new":[1]}'.encode()

    assert decode("runledger.run.warned.v1", value) == RunWarnedEvent(
        source="unknown", code="unknown", message="dysk jest pełny", command="c"
    )


@pytest.mark.parametrize("value", [b"{}", b'{"message":1}', b"[]", b"?", b'{"message":"m","x":1e999}'])
def test_a_broken_record_of_a_former_version_is_opaque(value: bytes) -> None:
    opaque("runledger.run.warned.v1", value)


def test_a_version_from_the_future_is_opaque_and_says_so() -> None:
    value = b'{"key":"a","value":"b"}'

    assert opaque("runledger.run.tagged.v2", value).why == (
        "version 2 is none that this program knows; it knows up to 1"
    )


@pytest.mark.parametrize(
    ("type_name", "known", "newer"),
    [
        ("runledger.run.tagged.v1", True, False),
        ("runledger.run.warned.v1", True, False),
        ("runledger.run.tagged.v2", False, True),
        ("runledger.run.something-new.v1", False, True),
        ("com.example.v1", False, False),
        ("runledger.run.tagged.v0", False, False),
    ],
)
def test_a_type_of_ours_that_is_not_known_is_a_later_version_s(type_name: str, known: bool, newer: bool) -> None:
    assert (is_known(type_name), is_newer(type_name)) == (known, newer)


@pytest.mark.parametrize(
    "type_name",
    [
        "",
        "x",
        "runledger.",
        "runledger.run.tagged",
        "runledger.run.tagged.v0",
        "runledger.run.tagged.v01",
        "com.example.v1",
        "runledger.run.tagged.v" + "9" * 200,
        "runledger.run.tagged.v1\n",
        "runledger.run.something-new.v1",
    ],
)
def test_an_unknown_type_is_opaque(type_name: str) -> None:
    opaque(type_name, b'{"key":"a","value":"b"}')


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        (TAGGED, b""),
        (TAGGED, b"null"),
        (TAGGED, b"[]"),
        (TAGGED, b'"{}"'),
        (TAGGED, b"{}"),
        (TAGGED, b'{"key":"a"}'),
        (TAGGED, b'{"key":"a","value":"b"'),
        (TAGGED, b'{"key":"a","value":"b"}x'),
        (TAGGED, b'\xef\xbb\xbf{"key":"a","value":"b"}'),
        (TAGGED, '{"key":"a","value":"b"}'.encode("utf-16")),
        (TAGGED, b'{"key":"a","value":"\xff"}'),
        (TAGGED, b'{"key":"a","value":"\xed\xa0\x80"}'),
        (TAGGED, b'{"key":"a","value":"\\ud800"}'),
        (TAGGED, b'{"key":"a","value":"\\udc00x"}'),
        (TAGGED, b'{"key":"a","value":"\\u0000"}'),
        (TAGGED, b'{"key":"a","value":"\x00"}'),
        (TAGGED, b'{"key":"a","value":1}'),
        (TAGGED, b'{"key":null,"value":null}'),
        (TAGGED, b'{"key":"a","value":null,"command":1}'),
        (TAGGED, b'{"key":"a","value":{"$enc":["k","n"]}}'),
        (TAGGED, b'{"key":"a","value":{"$enc":["k","n","c","d"]}}'),
        (TAGGED, b'{"key":"a","value":{"$enc":["k","n",1]}}'),
        (TAGGED, b'{"key":"a","value":{"parts":["k","n","c"]}}'),
        (TAGGED, b'{"key":"a","value":null,"x":NaN}'),
        (TAGGED, b'{"key":"a","value":null,"x":-Infinity}'),
        (TAGGED, b'{"key":"a","value":null,"x":' + b"1" * 5_000 + b"}"),
        (TAGGED, b'{"key":"a","value":null,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        (TAGGED, b"[" * 100_000),
        (RESUMED, b'{"attempt":"2","previous":"Failed"}'),
        (RESUMED, b'{"attempt":2.0,"previous":"Failed"}'),
        (RESUMED, b'{"attempt":true,"previous":"Failed"}'),
        (RESUMED, b'{"attempt":-1,"previous":"Failed"}'),
        (RESUMED, b'{"attempt":9223372036854775808,"previous":"Failed"}'),
        (RESUMED, b'{"attempt":2,"previous":"failed"}'),
        (RESUMED, b'{"attempt":2,"previous":"OfTheFuture"}'),
        (STARTED, b'{"experiment":"e","experiment_id":"i","tags":{"\\ud800":null}}'),
        (STARTED, b'{"experiment":"e","experiment_id":"i","tags":["a"]}'),
        (STARTED, b'{"experiment":"e","experiment_id":"i","origin":null}'),
        (PARAMETER, b'{"key":"p","value":1e999}'),
        (PARAMETER, b'{"key":"p","value":NaN}'),
        (PARAMETER, b'{"key":"p","value":[1]}'),
        (PARAMETER, b'{"key":"p","value":{"$float":"nan"}}'),
        (PARAMETER, b'{"key":"p","value":"\\u0000"}'),
        (PARAMETER, b'{"key":"p","value":' + b"9" * 4_001 + b"}"),
        (LOGGED, b'{"writer":"w","first":2,"last":1}'),
        (
            LOGGED,
            b'{"writer":"w","first":1,"last":1,"series":[{"name":"m","kind":"scalar","index":[1],"times":[1]}]}',
        ),
        (RULE, b'{"rule_name":"r","definition":{"a":1e999}}'),
        (RULE, b'{"rule_name":"r","definition":{"a":' + b"[" * 40 + b"]" * 40 + b"}}"),
        (RULE, b'{"rule_name":"r","definition":[]}'),
    ],
)
def test_a_value_that_does_not_fit_is_opaque(type_name: str, value: bytes) -> None:
    usable(opaque(type_name, value))


def test_fields_that_came_later_are_not_seen() -> None:
    value = b'{"key":"a","value":"b","of_the_future":{"a":[1,2.5,"NaN"]}}'

    assert decode(TAGGED, value) == RunTaggedEvent(key="a", value="b")


def test_the_words_nan_and_infinity_are_texts_like_others() -> None:
    assert decode(TAGGED, b'{"key":"NaN","value":"-Infinity"}') == RunTaggedEvent(key="NaN", value="-Infinity")


def test_the_reason_names_the_place_and_not_the_content() -> None:
    event = opaque(STARTED, b'{"experiment":"e","experiment_id":"i","display_name":["maria@example.org"]}')

    assert "display_name" in event.why
    assert "maria" not in event.why


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(TYPE_NAMES), st.binary(max_size=60))
def test_no_bytes_raise(type_name: str, value: bytes) -> None:
    usable(decode(type_name, value))


# Written without quotes, since Python itself would not write such a number.
LONG_NUMBER = "9" * 5_000
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["\ud800", "\0", "Running", "NaN", LONG_NUMBER, {"$float": "NaN"}, {"$enc": ["a", "b", "c"]}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def as_json(value: Any) -> bytes:
    """JSON with everything that Python's own writer lets through: NaN, lone surrogates, long numbers."""
    if isinstance(value, dict):
        return b"{" + b",".join(json.dumps(k).encode() + b":" + as_json(v) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(as_json(item) for item in value) + b"]"
    if value == LONG_NUMBER:
        return LONG_NUMBER.encode()
    return json.dumps(value).encode()


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EVENTS), st.data())
def test_no_field_of_another_shape_raises(event_class: type[Event], data: st.DataObject) -> None:
    payload = data.draw(events_of(event_class)).model_dump(mode="json", by_alias=True)
    field = data.draw(st.sampled_from(sorted(event_class.model_fields)))
    payload[field] = data.draw(JSON_VALUES)

    usable(decode(event_class.type_name(), as_json(payload)))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EVENTS), st.data())
def test_no_damaged_byte_raises(event_class: type[Event], data: st.DataObject) -> None:
    value = bytearray(data.draw(events_of(event_class)).to_value())
    for place in data.draw(st.lists(st.integers(0, len(value) - 1), min_size=1, max_size=4)):
        value[place] = data.draw(st.integers(0, 255))

    usable(decode(event_class.type_name(), bytes(value)))
