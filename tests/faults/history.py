"""A checker of histories: do the answers that writers got agree with what lies in the log?

It is independent of the ledger's own fold: another client reads the topic, another reading of
the rule and another writing of the hash decide. Its cost is linear in the length of the log.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as any Kafka client gives it."""

    offset: int
    key: bytes | None
    headers: Mapping[str, bytes]
    value: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One append of one event: when it began and ended by a clock all writers share, and its answer."""

    writer: str
    stream: str
    seq: int
    prev: str
    hash: str
    began: float
    ended: float | None
    outcome: str
    place: int | None = None


@dataclass(slots=True)
class Accepted:
    """What a reader takes for the history."""

    by_stream: dict[str, list[tuple[int, int, str, str]]] = field(default_factory=dict)
    """For each stream (offset, seq, prev, hash) of its events."""

    def by_hash(self) -> dict[str, tuple[str, int]]:
        """Stream and offset of each hash; a hash that is there twice keeps the last."""
        return {hash_: (stream, at) for stream, events in self.by_stream.items() for at, _, _, hash_ in events}


def read(log_id: str, records: Iterable[Raw], *, check_prev: bool = True) -> Accepted:
    """Fold a control topic by the published rule; without `check_prev` by the number alone."""
    accepted = Accepted()
    for raw in records:
        stream = raw.headers["ce_stream"].decode()
        if stream.startswith("log:"):
            continue  # a genesis counts only as the first record, which is not read here
        seq, prev = int(raw.headers["ce_seq"]), raw.headers["ce_prev"].decode()
        events = accepted.by_stream.setdefault(stream, [])
        last_seq, last_hash = (events[-1][1], events[-1][3]) if events else (0, "")
        if seq == last_seq + 1 and (not check_prev or prev == last_hash):
            events.append((raw.offset, seq, prev, record_hash(log_id, raw)))
    return accepted


def record_hash(log_id: str, raw: Raw) -> str:
    """The hash of a record, from the description in the documentation."""
    names = ("stream", "seq", "prev", "id", "source", "type", "time", "actor")
    parts = [log_id.encode(), *(raw.headers[f"ce_{name}"] for name in names), raw.value]
    digest = sha256(b"runledger/1\n")
    for part in parts:
        digest.update(b"%d:%b," % (len(part), part))
    return digest.hexdigest()


def violations(accepted: Accepted, calls: Sequence[Call]) -> list[str]:
    """Every way in which the answers or the chains are wrong; empty for a history that holds."""
    return [*_broken_chains(accepted), *_wrong_answers(accepted, calls), *_wrong_order(calls)]


def _broken_chains(accepted: Accepted) -> Iterable[str]:
    for stream, events in accepted.by_stream.items():
        last = (0, "")
        for offset, seq, prev, hash_ in events:
            if seq != last[0] + 1:
                yield f"offset {offset}: {stream} goes from {last[0]} to {seq}"
            if prev != last[1]:
                yield f"offset {offset}: {stream} {seq} stands on a rival's predecessor"
            last = (seq, hash_)


def _wrong_answers(accepted: Accepted, calls: Sequence[Call]) -> Iterable[str]:
    places = accepted.by_hash()
    for call in calls:
        found = places.get(call.hash)
        if call.outcome == "accepted" and found != (call.stream, call.place):
            yield f"{call.writer} was told of {call.stream} {call.seq} at {call.place}; the log has {found}"
        if call.outcome == "lost" and found is not None:
            yield f"{call.writer} was told that {call.stream} {call.seq} is lost; it is accepted at {found[1]}"


def _wrong_order(calls: Sequence[Call]) -> Iterable[str]:
    """An append that was answered before another to the stream began lies before it."""
    answered: dict[str, list[Call]] = {}
    for call in calls:
        if call.outcome == "accepted" and call.ended is not None and call.place is not None:
            answered.setdefault(call.stream, []).append(call)
    for stream, done in answered.items():
        done.sort(key=lambda call: call.place or 0)
        earliest_end_behind = float("inf")
        for call in reversed(done):
            if call.began > earliest_end_behind:
                yield f"{stream} {call.seq} began after a later event had been answered"
            earliest_end_behind = min(earliest_end_behind, call.ended or 0)
