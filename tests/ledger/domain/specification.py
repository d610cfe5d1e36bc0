"""Given these events, when this is decided, then these events happen, or this error."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from ledger.domain.aggregate import Context, Decided, LedgerAggregate
from schemas.events import Event, OpaqueEvent

MOMENT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
A = TypeVar("A", bound=LedgerAggregate)


def context(**fields: Any) -> Context:
    defaults: dict[str, Any] = {
        "command": str(uuid4()),
        "digest": "d",
        "actor": "maria",
        "source": "//h",
        "now": MOMENT,
    }
    return Context(**(defaults | fields))


def given(stream: str, *events: Event | OpaqueEvent) -> LedgerAggregate:
    """The aggregate after accepted events."""
    aggregate = LedgerAggregate.blank(stream)
    for seq, event in enumerate(events, 1):
        Decided(
            originator_id=stream,
            originator_version=seq,
            timestamp=MOMENT,
            body=event,
            prev="",
            event_id=str(seq),
            source="//h",
            actor="maria",
            hash=f"{seq:064x}",
            position=seq,
            recorded_at=0,
        ).mutate(aggregate)
    return aggregate


def when(aggregate: A, decide: Callable[[A], object], **fields: Any) -> list[Event]:
    """The events that a decision makes, without what the command adds to each."""
    decide(aggregate.acting(context(**fields)))
    return then_happened(aggregate)


def then_happened(aggregate: LedgerAggregate) -> list[Event]:
    bodies: list[Event] = []
    for decided in aggregate.pending_events:
        assert isinstance(decided, Decided)
        assert isinstance(decided.body, Event)
        bodies.append(decided.body.model_copy(update={"command": None, "digest": None}))
    return bodies


def then_refused(aggregate: A, decide: Callable[[A], object], error: type[Exception], *texts: str) -> None:
    """The decision is refused, says why, and nothing happens."""
    with pytest.raises(error) as caught:
        decide(aggregate.acting(context()))
    for text in texts:
        assert text in str(caught.value)
    assert list(aggregate.pending_events) == []
