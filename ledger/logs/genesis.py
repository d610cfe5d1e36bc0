"""The first record of a log, which says whose log it is."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from ledger.errors import LogRefusedError
from ledger.store.database import LogIdentity
from schemas.errors import BadRecordError
from schemas.events import LedgerCreatedEvent
from schemas.records import CANONICAL_FORM, NO_PREVIOUS, Envelope, Record, parse_record
from schemas.registry import decode
from schemas.streams import LogName, genesis_stream

PARTITION_FUNCTION = "crc32"


def rfc3339(moment: datetime) -> str:
    """UTC time as the envelope writes it, in microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def genesis(identity: LogIdentity, *, source: str, actor: str, now: Callable[[], datetime]) -> Envelope:
    """The envelope of a log's first record."""
    event = LedgerCreatedEvent(
        log_id=identity.id,
        log=identity.name,
        partitions=identity.partitions,
        partition_function=PARTITION_FUNCTION,
        canonical_form=CANONICAL_FORM,
    )
    return Envelope(
        stream=genesis_stream(identity.id),
        seq=1,
        prev=NO_PREVIOUS,
        id=identity.id,
        source=source,
        type=event.type_name(),
        time=rfc3339(now()),
        actor=actor,
        value=event.to_value(),
    )


def identity_of(record: Record, name: LogName, where: str) -> LogIdentity:
    """Read what a log's first record pins.

    Raises:
        LogRefusedError: it is no genesis, or one that this program cannot honour.
    """
    event = _genesis_event(record, where)
    if event.log != name:
        raise LogRefusedError(f"{where} is the {event.log} log of a ledger, not its {name} log")
    if (event.partition_function, event.canonical_form) != (PARTITION_FUNCTION, CANONICAL_FORM):
        raise LogRefusedError(f"{where} was made by a newer runledger; upgrade this one to read it")
    return LogIdentity(name, event.log_id, event.partitions)


def _genesis_event(record: Record, where: str) -> LedgerCreatedEvent:
    try:
        envelope = parse_record(record)
        event = decode(envelope.type, envelope.value)
        if isinstance(event, LedgerCreatedEvent):
            UUID(event.log_id)
            return event
    except (BadRecordError, ValueError):
        pass
    raise LogRefusedError(f"the first record of {where} is not a ledger's; choose another name for the ledger")
