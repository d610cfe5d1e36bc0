"""Partitions with records of every kind, and which of them count: the rule as a list of cases, for any language.

What is accepted is written down here by hand; heads and running hashes follow from it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from zlib import crc32

from schemas.records import Envelope, Record

CONTROL_ID = "6f0c2b1e-8d3a-4c57-9a4e-1b2c3d4e5f60"
VALUES_ID = "b41d7a90-33c5-4f0e-8f7d-0a9e8d7c6b5a"
PARTITIONS = 3


class Case(NamedTuple):
    """A record, whether every reader accepts it, and why or why not."""

    record: Record
    accepted: bool
    why: str


def partitions() -> list[dict[str, Any]]:
    """One of a control log and two of a values log."""
    own = crc32(b"digits-1") % PARTITIONS
    return [
        _partition("control", CONTROL_ID, 0, 1, _control()),
        _partition("values", VALUES_ID, 0, PARTITIONS, _first_values()),
        _partition("values", VALUES_ID, own, PARTITIONS, _values()),
    ]


def _event(log_id: str, stream: str, before: Envelope | None = None, **changes: Any) -> Envelope:
    event = Envelope(
        stream=stream,
        seq=before.seq + 1 if before else 1,
        prev=before.hash(log_id).hex() if before else "",
        id=f"id-{before.seq + 1 if before else 1}",
        source="//host.example/runledger",
        type="runledger.run.tagged.v1",
        time="2026-11-23T10:00:00.5Z",
        actor="maria",
        value=b'{"key":"lr","value":"0.1"}',
    )
    return event._replace(**changes)


def _with(event: Envelope, name: str, value: bytes | None) -> Record:
    record = event.record()
    return record._replace(headers=tuple((each, value if each == name else old) for each, old in record.headers))


def _control() -> list[Case]:
    def event(before: Envelope | None = None, **changes: Any) -> Envelope:
        return _event(CONTROL_ID, changes.pop("stream", "run:digits-1"), before, **changes)

    genesis = event(stream=f"log:{CONTROL_ID}")
    one = event()
    two = event(one, actor="Żaneta Łęcka")
    rival = event(one, value=b"{}")
    three = event(two)
    strange = three.record()
    reversed_ = Record(strange.key, (*strange.headers[::-1], ("traceparent", None), ("traceparent", b"\xff")), b"")
    three = three._replace(value=b"")
    four = event(three, actor="\x85 and \ufeff are letters here", source="ł" * 256, time="0000-99-99T99:99:99Z")
    five = event(four)
    return [
        Case(genesis.record(), True, "the first record of a log is its genesis"),
        Case(one.record(), True, "the first event of a stream names no previous one"),
        Case(two.record(), True, "it follows; the actor is UTF-8"),
        Case(rival.record(), False, "another was first to follow number 1"),
        Case(event(rival).record(), False, "its number fits, and it names an event that was not accepted"),
        Case(two.record(), False, "a repeat of what was accepted"),
        Case(reversed_, True, "the order of headers, other headers, and an empty value mean nothing"),
        Case(four.record(), True, "only bytes below 20 and 7f are control characters; a time need not be a date"),
        *_not_as_headers_are(five),
        Case(event(stream="run:digits-1:").record(), False, "what follows a colon is not empty"),
        Case(event(stream="values:digits-1:w").record(), False, "the stream belongs to the values log"),
        Case(event(stream="log:digits-1").record(), False, "a genesis is the first record or nothing"),
        Case(event(stream="budget:a", seq=0).record(), True, "a kind yet unknown; a first event may be number 0"),
        Case(event(stream="budget:b", seq=2).record(), False, "a first event is number 0 or 1"),
        Case(event(stream="budget:c", prev="ab" * 32).record(), False, "a first event names no previous one"),
        Case(Record(None, (), b"hello"), False, "nothing of a ledger"),
        Case(five.record(), True, "whatever lay between, it follows number 4"),
    ]


def _not_as_headers_are(five: Envelope) -> list[Case]:
    """Records that would be number 5 of their stream, each with one thing that makes it void."""
    headers = five.record().headers
    return [
        Case(five.record()._replace(headers=(*headers, ("ce_id", b"id-5"))), False, "a header is there twice"),
        Case(five.record()._replace(headers=headers[:-1]), False, "a header is not there"),
        Case(five.record()._replace(headers=headers[2:]), False, "ce_specversion is not there"),
        Case(_with(five, "ce_actor", None), False, "a header has no value"),
        Case(_with(five, "ce_actor", b""), False, "an actor is not empty"),
        Case(_with(five, "ce_actor", b"\xed\xa0\x80"), False, "an actor is UTF-8"),
        Case(_with(five, "ce_actor", b"a\x7fb"), False, "an actor holds no control characters"),
        Case(_with(five, "ce_actor", b"a" * 513), False, "an actor has at most 512 bytes"),
        Case(_with(five, "ce_seq", b"05"), False, "a number does not begin with 0"),
        Case(_with(five, "ce_seq", b"5\n"), False, "a number is nothing but digits"),
        Case(_with(five, "ce_seq", "\u0665".encode()), False, "a number is nothing but ASCII digits"),
        Case(_with(five, "ce_seq", b"1" * 19), False, "a number has at most 18 digits"),
        Case(_with(five, "ce_seq", b"9" * 18), False, "it does not follow number 4"),
        Case(_with(five, "ce_prev", five.prev.upper().encode()), False, "a hash is written in lower case"),
        Case(_with(five, "ce_specversion", b"1.1"), False, "ce_specversion is 1.0"),
        Case(five.record()._replace(key=b"digits-2"), False, "the key is the id in the stream"),
        Case(five.record()._replace(key=None), False, "there is a key"),
        Case(five.record()._replace(value=None), False, "there is a value, which may be empty"),
    ]


def _first_values() -> list[Case]:
    return [
        Case(_event(VALUES_ID, f"log:{VALUES_ID}").record(), True, "the genesis lies in partition 0"),
        Case(_event(VALUES_ID, "values:digits-1:w.0").record(), False, "it belongs to partition 2, crc32(key) mod 3"),
    ]


def _values() -> list[Case]:
    first = _event(VALUES_ID, "values:digits-1:w.0")
    return [
        Case(_event(VALUES_ID, "log:digits-1").record(), False, "a genesis lies in partition 0"),
        Case(first.record(), True, "it lies in the partition crc32(key) mod 3"),
        Case(_event(VALUES_ID, "values:digits-1:w.1").record(), True, "another writer's stream of the same run"),
        Case(_event(VALUES_ID, "presence:digits-1").record(), True, "presence lies in the values log as well"),
        Case(_event(VALUES_ID, "run:digits-1").record(), False, "the stream belongs to the control log"),
        Case(_event(VALUES_ID, "values:digits-1:w.0", first).record(), True, "it follows"),
    ]


def _partition(log: str, log_id: str, number: int, count: int, cases: Sequence[Case]) -> dict[str, Any]:
    placed = [_placed(index, case) for index, case in enumerate(cases)]
    heads: dict[str, list[Any]] = {}
    running, recorded_at = bytes(32), 0
    for (_, accepted, _), entry in zip(cases, placed, strict=True):
        recorded_at = max(recorded_at, entry["timestamp"])
        if not accepted:
            continue
        fields = {name: bytes.fromhex(value or "") for name, value in entry["headers"] if name.startswith("ce_")}
        names = ("stream", "seq", "prev", "id", "source", "type", "time", "actor")
        parts = [log_id.encode(), *(fields[f"ce_{name}"] for name in names), bytes.fromhex(entry["value"])]
        digest = sha256(b"runledger/1\n" + b"".join(b"%d:%b," % (len(part), part) for part in parts)).digest()
        heads[fields["ce_stream"].decode()] = [int(fields["ce_seq"]), digest.hex()]
        place = entry["offset"].to_bytes(8, "big") + recorded_at.to_bytes(8, "big")
        running = sha256(b"runledger/running/1\n" + running + place + digest).digest()
    about = {"log": log, "log_id": log_id, "partition": number, "partitions": count}
    return about | {"records": placed, "heads": heads, "running": running.hex()}


def _placed(index: int, case: Case) -> dict[str, Any]:
    """Offsets may have gaps, and times of the broker may step back: neither is a matter of the rule."""
    record = case.record
    return {
        "offset": index if index < 5 else index + 2,  # noqa: PLR2004 - anywhere
        "timestamp": 1_795_428_000_000 + (index * 7919) % 1000,
        "key": None if record.key is None else record.key.hex(),
        "headers": [[name, None if value is None else value.hex()] for name, value in record.headers],
        "value": None if record.value is None else record.value.hex(),
        "accepted": case.accepted,
        "why": case.why,
    }
