"""Partitions as right, late, mistaken and malicious writers may leave them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from ledger.store.fold import Arrival, Partition
from schemas.records import Envelope, Headers, Record
from schemas.streams import CONTROL, VALUES, log_of, partition_of

LOG_ID = "6f0c2b1e-8d3a-4c57-9a4e-1b2c3d4e5f60"
PARTITIONS = [
    Partition(CONTROL, LOG_ID),
    *(
        Partition(VALUES, LOG_ID, number, count)
        for number, count in [(0, 1), (0, 2), (1, 2), (partition_of("values:a:w", 8), 8)]
    ),
]
STREAMS = [
    *("run:a", "run:b", "values:a:w", "values:a:v", "values:b:w", "presence:s", "presence:t:u", "values:" + "y" * 256),
    *(f"log:{LOG_ID}", "log:other:part"),
    *("valuesx:a", "budget:a", "a:" + "x" * 256, "run-2:.-_:A.1", "run:0"),
]
# For each header what is just right, and what is just wrong.
_TEXTS = [
    *(
        b"\n",
        b"a\x00",
        b"a\x1fb",
        b"a\tb",
        b"\x7f",
        b"\xc2\x85",
        b"a\xe2\x80\xa8b",
        b"\xef\xbb\xbfx",
        b"\xf0\x9f\x98\x80",
    ),
    *(b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf4\x8f\xbf\xbf"),
    *("ł".encode() * 256, "ł".encode() * 257, b"x" * 512, b"x" * 513),
]
_NAMES = [b"x" * 256, b"x" * 257, b"a b", b"x\n", b"\xc3\xa9", b"A.b_c-1", b"a:b", b"/"]
ODD: dict[str, list[bytes]] = {
    "ce_specversion": [b"1.0 ", b"1.00", b"1", b"1x0", b"0.3"],
    "ce_stream": [
        *(b"run", b"run:", b":a", b"Run:a", b"-r:a", b"9:a", b"run:a:", b"run:a:b:c", b"run:a\n", b"run:a b"),
        *(b"run:a", b"run:a:b", b"r" * 32 + b":a", b"r" * 33 + b":a", b"log:a", b"values:a:w", b"run:\xc3\xa9"),
    ],
    "ce_seq": [
        *(b"0", b"1", b"2", b"3", b"00", b"01", b"+1", b"-1", b"1_0", b"1.0", b"1e0", b"0x1", b"1 ", b" 1", b"1\n"),
        *(b"9" * 18, b"9" * 19, b"1" + b"0" * 17, b"1" + b"0" * 18, b"9007199254740993", "\u0661".encode(), b"\xb2"),
    ],
    "ce_prev": [b"0" * 64, b"a" * 64, b"A" * 64, b"a" * 63, b"a" * 65, b"a" * 64 + b"\n", b"g" * 64, b"0"],
    "ce_id": _NAMES,
    "ce_type": _NAMES,
    "ce_source": _TEXTS,
    "ce_actor": _TEXTS,
    "ce_time": [
        *(b"2026-11-23T10:00:00Z", b"2026-11-23T10:00:00.Z", b"0000-99-99T99:99:99.999999999Z", b"2026-11-23"),
        *(b"2026-11-23T10:00:00+00:00", b"2026-11-23t10:00:00z", b"2026-11-23T10:00:00.1234567890Z"),
        *("\uff12026-11-23T10:00:00Z".encode(), b"2026-11-23T10:00:00,5Z"),
    ],
}
odd_bytes = st.sampled_from([None, b"", *(value for values in ODD.values() for value in values)]) | st.binary(
    max_size=6
)
odd_names = st.sampled_from(["ce_id", "ce_seq", "CE_ID", "ce_id ", "traceparent", "", "ce_\u0131d", "\u0107"])


@dataclass
class Writers:
    """What the writers to a partition have made so far, of which much may be void."""

    partition: Partition
    made: dict[str, list[Envelope]] = field(default_factory=dict)
    sent: list[Record] = field(default_factory=list)


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Partition, list[Arrival]]:
    """A partition and the records that lie in it."""
    partition = draw(st.sampled_from(PARTITIONS))
    writers = Writers(partition)
    arrivals: list[Arrival] = []
    offset = 0
    for _ in range(draw(st.integers(0, 14))):
        record = draw(_records(writers))
        writers.sent.append(record)
        arrivals.append(Arrival(offset, draw(st.integers(-1, 60) | st.just(2**42)), record))
        offset += draw(st.sampled_from([1, 1, 1, 1, 2, 900]))
    return partition, arrivals


def every_oddity() -> list[Arrival]:
    """For the control log: the first event of one stream after another, each with one odd header."""
    records = [
        _spoilt_at(first_event(f"k-{number}:a").record(), name, value)
        for number, (name, value) in enumerate((name, value) for name in ODD for value in (*ODD[name], b"", None))
    ]
    return [Arrival(offset, 0, record) for offset, record in enumerate(records, start=1)]


def _spoilt_at(record: Record, name: str, value: bytes | None) -> Record:
    return record._replace(headers=tuple((each, value if each == name else old) for each, old in record.headers))


def first_event(stream: str) -> Envelope:
    """The first event of a stream."""
    return Envelope(stream, 1, "", "x", "//host", "t.v1", "2026-11-23T10:00:00Z", "me", b"{}")


@st.composite
def _records(draw: st.DrawFn, writers: Writers) -> Record:
    if writers.sent and draw(st.integers(0, 7)) == 0:
        return draw(st.sampled_from(writers.sent))
    record = draw(_events(writers)).record()
    how = draw(st.integers(0, 12))
    if how == 0:
        return draw(_foreign())
    if how == 1:
        return record._replace(key=draw(st.sampled_from([None, b"", b"a", b"run:a", b"b", b"\xff", b"A"])))
    if how == 2:
        return record._replace(value=draw(st.sampled_from([None, b"", b"\xff", b"null"])))
    if how <= 7:
        return record._replace(headers=draw(_spoilt(record.headers)))
    return record


def _belongs(stream: str, partition: Partition) -> bool:
    return log_of(stream) == partition.log and partition_of(stream, partition.count) == partition.number


@st.composite
def _events(draw: st.DrawFn, writers: Writers) -> Envelope:
    """The next event of a stream, behind any that was made for it: the last one, a lost one, or none."""
    own = [stream for stream in STREAMS if _belongs(stream, writers.partition)]
    stream = draw(st.sampled_from(own if draw(st.integers(0, 5)) else STREAMS))
    made = writers.made.setdefault(stream, [])
    late = not made or draw(st.integers(0, 3)) == 0
    behind: Envelope | None = draw(st.sampled_from([None, *made])) if late else made[-1]
    first: dict[str, Any] = {"seq": draw(st.sampled_from([0, 1, 1, 1, 2, 10**18 - 1])), "prev": ""}
    follows = {"seq": behind.seq + 1, "prev": behind.hash(writers.partition.log_id).hex()} if behind else first
    event = first_event(stream)._replace(
        actor=draw(st.sampled_from(["me", "Żaneta", "\x85", "\ufeffme", "😀"])),
        value=draw(st.sampled_from([b"{}", b"", b"\x00\xff", b"other"])),
        **follows,
    )
    made.append(event)
    return event


@st.composite
def _spoilt(draw: st.DrawFn, headers: Headers) -> Headers:
    """Headers with something done to one of them, which may leave them right."""
    index = draw(st.integers(0, len(headers) - 1))
    name, value = headers[index]
    how = draw(st.integers(0, 4))
    if how == 0:
        return headers[:index] + headers[index + 1 :]
    if how == 1:
        return (*headers, (name, draw(st.sampled_from([value, None]) | _odd(name))))
    if how == 2:
        return tuple(draw(st.permutations(headers)))
    if how == 3:
        return ((draw(odd_names), draw(odd_bytes)), *headers)
    return (*headers[:index], (name, draw(_odd(name))), *headers[index + 1 :])


def _odd(name: str) -> st.SearchStrategy[bytes | None]:
    return st.sampled_from(ODD[name]) | odd_bytes if name in ODD else odd_bytes


@st.composite
def _foreign(draw: st.DrawFn) -> Record:
    headers = draw(st.lists(st.tuples(odd_names, odd_bytes), max_size=3))
    return Record(draw(odd_bytes), tuple(headers), draw(odd_bytes))


def as_case(partition: Partition, arrivals: list[Arrival]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The partition and its records as JSON."""
    about = {
        "log": partition.log,
        "log_id": partition.log_id,
        "partition": partition.number,
        "partitions": partition.count,
    }
    return about, [
        {
            "offset": arrival.offset,
            "timestamp": arrival.timestamp,
            "key": _hex(arrival.record.key),
            "headers": [[name, _hex(value)] for name, value in arrival.record.headers],
            "value": _hex(arrival.record.value),
        }
        for arrival in arrivals
    ]


def from_case(case: Mapping[str, Any]) -> tuple[Partition, list[Arrival]]:
    """A published partition and its records."""
    partition = Partition(case["log"], case["log_id"], case["partition"], case["partitions"])
    return partition, [
        Arrival(
            record["offset"],
            record["timestamp"],
            Record(
                _bytes(record["key"]),
                tuple((name, _bytes(value)) for name, value in record["headers"]),
                _bytes(record["value"]),
            ),
        )
        for record in case["records"]
    ]


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
