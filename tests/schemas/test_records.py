"""Records, their strict header rules, and their hash."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadRecordError
from schemas.records import Envelope, Record, has_standard_headers, parse_record
from schemas.vectors import make

GOOD = make.envelopes()[1]


def with_header(name: str, value: bytes) -> Record:
    record = GOOD.record()
    return Record(record.key, tuple((n, value if n == name else v) for n, v in record.headers), record.value)


def without_header(name: str) -> Record:
    record = GOOD.record()
    return Record(record.key, tuple(pair for pair in record.headers if pair[0] != name), record.value)


def with_extra(*pairs: tuple[str, bytes | None]) -> Record:
    record = GOOD.record()
    return Record(record.key, (*record.headers, *pairs), record.value)


BAD_VALUES = [
    ("ce_specversion", b"0.3"),
    ("ce_stream", b"run"),
    ("ce_stream", b"run:"),
    ("ce_stream", b"Run:digits-1"),
    ("ce_stream", b"run:digits-1:"),
    ("ce_stream", b"run:digits-1:a:b"),
    ("ce_stream", b"run:dig its"),
    ("ce_stream", b"run:digits-2"),
    ("ce_stream", b"run:" + b"x" * 257),
    ("ce_seq", b""),
    ("ce_seq", b"01"),
    ("ce_seq", b"+1"),
    ("ce_seq", b"-1"),
    ("ce_seq", b" 1"),
    ("ce_seq", b"1\n"),
    ("ce_seq", b"1.0"),
    ("ce_seq", b"1_0"),
    ("ce_seq", "\u0661".encode()),
    ("ce_seq", b"1" * 19),
    ("ce_prev", b"0" * 63),
    ("ce_prev", b"0" * 65),
    ("ce_prev", b"A" * 64),
    ("ce_prev", b"g" * 64),
    ("ce_prev", b"0" * 64 + b"\n"),
    ("ce_id", b""),
    ("ce_id", b"a b"),
    ("ce_id", b"a" * 257),
    ("ce_id", "é".encode()),
    ("ce_source", b""),
    ("ce_source", b"a\nb"),
    ("ce_source", b"\xff\xfe"),
    ("ce_source", b"x" * 513),
    ("ce_type", b""),
    ("ce_type", b"a/b"),
    ("ce_time", b""),
    ("ce_time", b"2026-11-23 10:00:00Z"),
    ("ce_time", b"2026-11-23T10:00:00+00:00"),
    ("ce_time", b"2026-11-23T10:00:00.Z"),
    ("ce_time", b"2026-11-23T10:00:00.1234567890Z"),
    ("ce_actor", b""),
    ("ce_actor", b"a\x00b"),
    ("ce_actor", b"\xed\xa0\x80"),
]
REQUIRED = [name for name, _ in GOOD.record().headers if name.startswith("ce_")]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_malformed_header_is_bad(name: str, value: bytes) -> None:
    with pytest.raises(BadRecordError):
        parse_record(with_header(name, value))


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_header_is_bad(name: str) -> None:
    with pytest.raises(BadRecordError, match=name):
        parse_record(without_header(name))


@pytest.mark.parametrize("name", REQUIRED)
def test_repeated_header_is_bad_even_with_the_same_value(name: str) -> None:
    value = dict(GOOD.record().headers)[name]
    with pytest.raises(BadRecordError, match="twice"):
        parse_record(with_extra((name, value)))


def test_a_header_without_a_value_is_missing() -> None:
    record = GOOD.record()
    without_value = tuple((name, None if name == "ce_id" else value) for name, value in record.headers)
    for headers in (without_value, without_value[1:]):
        with pytest.raises(BadRecordError, match="ce_id is missing"):
            parse_record(Record(record.key, headers, record.value))


def test_key_must_be_the_id_in_the_stream() -> None:
    record = GOOD.record()
    for key in (None, b"", b"digits-2", b"run:digits-1"):
        with pytest.raises(BadRecordError):
            parse_record(Record(key, record.headers, record.value))


def test_value_must_be_there() -> None:
    record = GOOD.record()
    with pytest.raises(BadRecordError):
        parse_record(Record(record.key, record.headers, None))


def test_other_headers_and_another_order_do_not_matter() -> None:
    record = GOOD.record()
    other = Record(record.key, (*reversed(record.headers), ("traceparent", b"00-x")), record.value)

    assert parse_record(other) == GOOD
    assert has_standard_headers(record.headers)
    assert not has_standard_headers(other.headers)


def test_a_field_cannot_borrow_from_its_neighbour_by_a_nul() -> None:
    with pytest.raises(BadRecordError):
        parse_record(with_header("ce_source", b"a\x00b"))


def test_published_vectors_are_what_the_code_does() -> None:
    assert make.VECTORS.read_text(encoding="utf-8") == make.text()


def test_vectors_hold_by_a_second_implementation() -> None:
    """The rule of the documentation, written out a second time."""
    for vector in json.loads(make.VECTORS.read_text(encoding="utf-8")):
        headers = vector["headers"]
        names = ("stream", "seq", "prev", "id", "source", "type", "time", "actor")
        parts = [vector["log_id"].encode(), *(headers[f"ce_{name}"].encode() for name in names)]
        parts.append(bytes.fromhex(vector["value_hex"]))
        preimage = b"runledger/1\n"
        for part in parts:
            preimage += str(len(part)).encode() + b":" + part + b","

        assert preimage.hex() == vector["canonical_bytes_hex"]
        assert sha256(preimage).hexdigest() == vector["sha256"]


ids = st.from_regex(r"[A-Za-z0-9_.-]{1,30}", fullmatch=True)
texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=40)
envelopes = st.builds(
    Envelope,
    stream=st.builds("{}:{}".format, st.sampled_from(["run", "experiment", "rule-2"]), ids),
    seq=st.integers(0, 10**18 - 1),
    prev=st.sampled_from(["", "ab" * 32]),
    id=ids,
    source=texts,
    type=ids,
    time=st.just("2026-11-23T10:00:00.123Z"),
    actor=texts,
    value=st.binary(max_size=50),
)


@given(envelopes)
def test_an_envelope_survives_its_record(envelope: Envelope) -> None:
    assert parse_record(envelope.record()) == envelope


@given(envelopes, envelopes)
def test_different_envelopes_have_different_hashes(one: Envelope, other: Envelope) -> None:
    assert (one == other) == (one.hash("log") == other.hash("log"))


@given(st.lists(st.tuples(st.text(max_size=15), st.binary(max_size=40)), max_size=12), st.binary(max_size=5))
def test_any_headers_give_an_envelope_or_a_bad_record(headers: list[tuple[str, bytes]], key: bytes) -> None:
    try:
        parse_record(Record(key, tuple(headers), b"{}"))
    except BadRecordError as error:
        assert error.rule
