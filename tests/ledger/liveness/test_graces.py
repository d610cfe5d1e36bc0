"""When a request to cancel has stood for its time, and what is recorded then."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.liveness.graces import CancelRequest, canceled_by, end_of, is_due, request_in
from ledger.queries import Change, HistoryEntry
from schemas.statuses import RunStatus

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
REQUEST = CancelRequest("r1", "e7", "ada", "too slow", NOON)


def entry(seq: int, after: Any, field: str = "status", **fields: Any) -> HistoryEntry:
    told: dict[str, Any] = {
        "position": seq,
        "seq": seq,
        "event": "runledger.run.status-changed.v1",
        "event_id": f"e{seq}",
        "occurred_at": NOON.isoformat(),
        "recorded_at": (NOON + timedelta(seconds=seq)).isoformat(timespec="milliseconds"),
        "actor": "ada",
        "source": "//h",
        "reason": None,
        "changes": [Change(field, None, after)],
        "hash": "",
    }
    return HistoryEntry(**told | fields)


@given(st.floats(0, 1e6), st.integers(0, 10**9))
def test_a_request_is_due_once_its_grace_is_over_and_stays_so(grace: float, passed: int) -> None:
    now = NOON + timedelta(milliseconds=passed)

    assert is_due(REQUEST, now, grace) == (timedelta(milliseconds=passed) >= timedelta(seconds=grace))
    assert not is_due(REQUEST, now, grace) or is_due(REQUEST, now + timedelta(seconds=1), grace)


def test_the_last_request_counts() -> None:
    asked = RunStatus.CANCEL_REQUESTED
    history = [
        entry(1, "Running"),
        entry(2, asked, reason="first"),
        entry(3, "Canceled"),
        entry(4, "Running"),
        entry(5, asked, actor="bob", reason="second"),
        entry(6, "CancelRequested", field="tags.a"),
    ]

    assert request_in("r1", history) == CancelRequest("r1", "e5", "bob", "second", NOON + timedelta(seconds=5))
    assert request_in("r1", history[:1]) is None


def test_whoever_ends_it_sends_the_same_command() -> None:
    assert end_of(REQUEST, 60) == end_of(REQUEST._replace(recorded_at=NOON + timedelta(hours=1)), 60)
    assert end_of(REQUEST, 60).digest() == end_of(REQUEST, 60).digest()
    assert end_of(REQUEST, 60).command != end_of(REQUEST._replace(event_id="e8"), 60).command


def test_the_end_says_who_asked_and_that_the_process_may_still_run() -> None:
    command = end_of(REQUEST, 0.5)

    assert command.reason == "canceled by ada: too slow; its process did not confirm it within 0.5 s and may still run"
    assert (command.previous, command.status) == (RunStatus.CANCEL_REQUESTED, RunStatus.CANCELED)
    assert canceled_by("ada", None) == "canceled by ada"
