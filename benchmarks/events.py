"""Events as runs leave them, for measurements below the commands."""

from datetime import UTC, datetime
from uuid import uuid4

from ledger.logs.log import Link, chain
from schemas.events import RunTaggedEvent
from schemas.records import Envelope


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def tag_links(log_id: str, stream: str, seq: int, prev: str, count: int = 1) -> list[Link]:
    """So many tag events of a stream, ready to append: 9 headers and about 130 bytes of value each."""
    event = RunTaggedEvent(key="quality", value="fantastic run", command=str(uuid4()), digest="0" * 32)
    first = Envelope(
        stream=stream,
        seq=seq,
        prev=prev,
        id=str(uuid4()),
        source="//bench/runledger",
        type=event.type_name(),
        time="2026-11-23T10:00:00.000000Z",
        actor="bench",
        value=event.to_value(),
    )
    return chain(log_id, [first._replace(seq=seq + index, id=f"{first.id}-{index}") for index in range(count)])
