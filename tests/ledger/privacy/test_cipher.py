"""From events to bytes and back: every text is encrypted, comes back the same, and is gone with its key."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from ledger.privacy.cipher import PLAIN, KeyCipher
from ledger.privacy.keys import KeyStoreError
from ledger.privacy.subjects import told_subject
from schemas.events import (
    Claim,
    CommandRefusedEvent,
    Event,
    LoginRefusedEvent,
    NotificationsClaimedEvent,
    NotificationsSettledEvent,
    Outcome,
    PersonalDataErasedEvent,
    RunLoggedEvent,
    RunParameterAddedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    Series,
)
from schemas.personal import MARK, changed, personal_in, restored
from schemas.registry import EVENTS, decode
from schemas.statuses import RunStatus
from schemas.streams import user_stream
from tests.ledger.privacy.stores import LOG_ID, MemoryKeys, cipher_with
from tests.schemas.strategies import events_of

STREAM, SEQ = "run:r", 7


def in_the_clear(event: Event) -> Event:
    """The same, without what the strategy put in place of texts as if it were encrypted."""
    found = decode(event.type_name(), to_json(restored(from_json(event.to_value()), lambda *_: "text")))
    assert isinstance(found, Event)
    return found


events = st.one_of([events_of(event) for event in EVENTS]).map(in_the_clear)


def texts_in(event: Event, tree: Any) -> list[str]:
    found: list[str] = []
    plan = personal_in(type(event))
    if plan is not None:
        changed(plan, tree, lambda _, text: found.append(text))
    return found


@given(events)
@settings(max_examples=300)
def test_every_event_comes_back_and_no_text_of_it_is_in_its_bytes(event: Event) -> None:
    cipher = cipher_with(MemoryKeys())
    value = cipher.value_of(STREAM, SEQ, event)

    assert repr(decode(event.type_name(), cipher.readable(STREAM, SEQ, value))) == repr(event)
    assert texts_in(event, from_json(value)) == []
    assert (MARK in value) == bool(texts_in(event, from_json(event.to_value())))
    without = decode(event.type_name(), value)
    assert isinstance(without, type(event)), "who has no key reads all but the texts"


@given(events)
@settings(max_examples=100)
def test_with_the_key_every_text_is_gone_and_nothing_else(event: Event) -> None:
    keys = MemoryKeys()
    cipher = cipher_with(keys)
    value = cipher.value_of(STREAM, SEQ, event)
    for subject in [*keys.subjects()]:
        keys.destroy(subject)
    erased = decode(event.type_name(), cipher.readable(STREAM, SEQ, value))

    plan = personal_in(type(event))
    tree = from_json(event.to_value())
    expected = tree if plan is None else changed(plan, tree, lambda *_: "(erased)")
    assert repr(erased) == repr(decode(event.type_name(), to_json(expected)))


def test_the_same_text_is_never_the_same_bytes() -> None:
    cipher = cipher_with(MemoryKeys())
    event = RunTaggedEvent(key="a", value="b")

    assert cipher.value_of(STREAM, 1, event) != cipher.value_of(STREAM, 1, event)


@pytest.mark.parametrize(
    ("stream", "seq", "name"), [("run:other", 1, "value"), (STREAM, 2, "value"), (STREAM, 1, "reason")]
)
def test_a_ciphertext_that_was_moved_is_no_text(stream: str, seq: int, name: str) -> None:
    cipher = cipher_with(MemoryKeys())
    tree = json.loads(cipher.value_of(STREAM, 1, RunTaggedEvent(key="a", value="b")))
    moved = json.dumps({"key": "a", "value": "x", name: tree["value"]}).encode()
    found = json.loads(cipher.readable(stream, seq, moved))

    assert found[name] == tree["value"]
    assert isinstance(decode("runledger.run.tagged.v1", json.dumps(found).encode()), RunTaggedEvent)


def test_what_was_stored_before_stays_as_it_is_and_is_read() -> None:
    keys = MemoryKeys()
    cipher, named = KeyCipher(keys, clock=iter(range(100)).__next__), [None, None, keys.id]
    cipher.serve(LOG_ID, lambda: named.pop(0) if len(named) > 1 else named[0])
    event = RunTaggedEvent(key="a", value="b")
    before, still, after = (cipher.value_of(STREAM, number, event) for number in range(3))

    assert before == still == event.to_value()
    assert MARK in after
    assert [decode(event.type_name(), cipher.readable(STREAM, 2, each)) for each in (before, after)] == [event, event]


@pytest.mark.parametrize("text", ['{"key":"a","value":"$enc"}', '{"key":"a","value":{"$enc":["k0","",""]}}', '{"$enc"'])
def test_where_nothing_was_ever_encrypted_no_key_store_is_asked(text: str) -> None:
    keys = MemoryKeys()
    keys.reachable = False
    cipher = KeyCipher(keys)

    assert json.dumps(decode("runledger.run.tagged.v1", cipher.readable(STREAM, 1, text.encode())).__class__.__name__)


def test_keys_that_are_away_are_an_error_and_not_an_erased_text() -> None:
    keys = MemoryKeys()
    cipher = cipher_with(keys)
    value = cipher.value_of(STREAM, 1, RunTaggedEvent(key="a", value="b"))
    keys.reachable = False

    with pytest.raises(KeyStoreError):
        cipher.readable(STREAM, 1, value)
    with pytest.raises(KeyStoreError):
        cipher.value_of(STREAM, 2, RunTaggedEvent(key="a", value="b"))


def test_keys_of_another_store_are_an_error_and_not_an_erased_text() -> None:
    value = cipher_with(MemoryKeys()).value_of(STREAM, 1, RunTaggedEvent(key="a", value="b"))
    cipher = KeyCipher(MemoryKeys())
    cipher.serve(LOG_ID, lambda: "another")

    with pytest.raises(KeyStoreError, match="another"):
        cipher.readable(STREAM, 1, value)


def test_what_was_erased_is_read_so_even_while_a_slow_disk_shows_the_key() -> None:
    keys = MemoryKeys()
    cipher = cipher_with(keys)
    value = cipher.value_of(STREAM, 1, RunTaggedEvent(key="a", value="b"))
    cipher.forget([json.loads(value)["value"]["$enc"][0]])

    assert json.loads(cipher.readable(STREAM, 1, value))["value"] == "(erased)"


def subjects_of(stream: str, event: Event, told: dict[str, str]) -> set[str]:
    keys = MemoryKeys()
    cipher_with(keys).value_of(stream, 1, event, told)
    return set(keys.subjects())


def test_whose_a_text_is() -> None:
    logged = RunLoggedEvent(
        writer="w", first=1, last=1, series=[Series(name="m", kind="scalar", index=[1], times=[1], values=["text"])]
    )
    claim = Claim(
        notification="n", rule="r", rule_version=1, trigger=1, kind="k", sequence=1, recipient="Ann@x.org", attempt=1
    )
    claimed = NotificationsClaimedEvent(server="s", lease_seconds=1, notifications=[claim])
    settled = NotificationsSettledEvent(outcomes=[Outcome(notification="n", attempt=1, outcome="dead", reply="no ann")])
    refused = CommandRefusedEvent(command_name="c", stream="run:r", rule="x", message="text", attempted="text")
    login = LoginRefusedEvent(user_name="Ann", address="10.0.0.1", why="password")
    ann = told_subject(LOG_ID, "ann@x.org")

    assert subjects_of("values:r:w", logged, {}) == {"run:r"}
    assert subjects_of(f"notifications:{LOG_ID}", claimed, {}) == {ann}
    assert subjects_of(f"notifications:{LOG_ID}", settled, {"n": ann}) == {ann}
    assert subjects_of(f"notifications:{LOG_ID}", settled, {}) == {f"notifications:{LOG_ID}"}
    assert subjects_of("refusals:s", refused, {}) == {"run:r"}
    assert subjects_of("refusals:s", login, {}) == {user_stream(LOG_ID, "ann")}


def test_numbers_cost_no_key() -> None:
    numbers = RunLoggedEvent(
        writer="w", first=1, last=1, series=[Series(name="m", kind="scalar", index=[1], times=[1], values=[0.5])]
    )
    change = RunStatusChangedEvent(previous=RunStatus.RUNNING, status=RunStatus.COMPLETED)

    assert subjects_of("values:r:w", numbers, {}) == set()
    assert subjects_of("run:r", change, {}) == set()
    assert subjects_of("run:r", RunParameterAddedEvent(key="p", value=1), {}) == set()


def test_who_erased_what_and_why_is_never_encrypted() -> None:
    event = PersonalDataErasedEvent(keys=["k"], reason="asked to", digest="d", address="10.0.0.1")

    assert cipher_with(MemoryKeys()).value_of(STREAM, 1, event) == event.to_value() == PLAIN.value_of(STREAM, 1, event)
