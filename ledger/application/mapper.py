"""Between decided events and stored ones: the only place that knows eventsourcing's form of both."""

from datetime import datetime

from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from ledger.domain.aggregate import Decided
from ledger.logs.genesis import rfc3339
from ledger.privacy.cipher import PLAIN, Cipher
from ledger.store.database import Recorded
from ledger.store.packing import pack, unpack
from schemas.events import OpaqueEvent
from schemas.records import Envelope
from schemas.registry import decode


class LedgerMapper(Mapper[str]):
    """Names events by type and version, and packs headers and value into the state."""

    def __init__(self, cipher: Cipher = PLAIN) -> None:
        """No transcoder of eventsourcing is used: the value is the event's own JSON, personal text by a cipher."""
        super().__init__(transcoder=JSONTranscoder())
        self._cipher = cipher

    def to_stored_event(self, domain_event: Decided) -> StoredEvent:  # type: ignore[override]
        """Pack an event that is to be appended."""
        body = domain_event.body
        if isinstance(body, OpaqueEvent):
            raise TypeError("an event that cannot be read cannot be decided either")
        stream, seq = domain_event.originator_id, domain_event.originator_version
        prev = (domain_event.prev or "").encode()
        fields = (
            prev,
            domain_event.event_id.encode(),
            domain_event.source.encode(),
            rfc3339(domain_event.timestamp).encode(),
            domain_event.actor.encode(),
        )
        return StoredEvent(
            originator_id=stream,
            originator_version=seq,
            topic=body.type_name(),
            state=pack((*fields, self._cipher.value_of(stream, seq, body))),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Decided:
        """Unpack an accepted event; what cannot be read becomes an opaque event."""
        parts = unpack(stored_event.state)
        prev, event_id, source, time, actor, value, record_hash, position, recorded_at = parts
        milliseconds = int(recorded_at)
        stream, seq = str(stored_event.originator_id), stored_event.originator_version
        return Decided(
            originator_id=stream,
            originator_version=seq,
            timestamp=occurred_at(time.decode(), milliseconds),
            body=decode(stored_event.topic, self._cipher.readable(stream, seq, value)),
            prev=prev.decode(),
            event_id=event_id.decode(),
            source=source.decode(),
            actor=actor.decode(),
            hash=record_hash.hex(),
            position=int(position),
            recorded_at=milliseconds,
        )


def envelope_of(stored_event: StoredEvent) -> Envelope:
    """The envelope of an event to append; only the first of an append names its predecessor."""
    prev, event_id, source, time, actor, value = unpack(stored_event.state)
    return Envelope(
        stream=str(stored_event.originator_id),
        seq=stored_event.originator_version,
        prev=prev.decode(),
        id=event_id.decode(),
        source=source.decode(),
        type=stored_event.topic,
        time=time.decode(),
        actor=actor.decode(),
        value=value,
    )


def state_of(recorded: Recorded) -> bytes:
    """What a reader of an accepted event gets to unpack."""
    envelope = recorded.envelope
    return pack(
        (
            envelope.prev.encode(),
            envelope.id.encode(),
            envelope.source.encode(),
            envelope.time.encode(),
            envelope.actor.encode(),
            envelope.value,
            recorded.hash,
            b"%d" % recorded.place,
            b"%d" % recorded.recorded_at,
        )
    )


def occurred_at(time: str, recorded_at: int) -> datetime:
    """The writer's claim; the log's own time where the claim is no date of the calendar."""
    try:
        return datetime.fromisoformat(time)
    except ValueError:
        return datetime.fromtimestamp(recorded_at / 1000).astimezone()
