"""The recorder suites of eventsourcing, on the recorder and tables that production uses."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent
from eventsourcing.tests.persistence import ApplicationRecorderTestCase

from ledger.application.application import LedgerApplication
from ledger.application.recorder import LedgerRecorder, PollingSubscription
from ledger.store.packing import pack, unpack
from tests.ledger.conftest import Open

_VALUE = 5


class Adapter(ApplicationRecorder):
    """Gives the suite's events ids, types and bytes that the ledger takes; all else is the recorder's."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self.recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        adapted = [_adapted(event, b"" if index else self._prev(event)) for index, event in enumerate(stored_events)]
        return self.recorder.insert_events(adapted, **kwargs)

    def _prev(self, event: StoredEvent) -> bytes:
        before = event.originator_version - 1
        found = self.recorder.database.stream_events(
            _stream(event.originator_id), after_seq=before - 1, upto_seq=before
        )
        return found[0].hash.hex().encode() if found else b""

    def select_events(self, originator_id: UUID | str, **kwargs: Any) -> Sequence[StoredEvent]:
        return [_original(event) for event in self.recorder.select_events(_stream(originator_id), **kwargs)]

    def select_notifications(self, *args: Any, **kwargs: Any) -> Sequence[Notification]:
        found = self.recorder.select_notifications(*args, **kwargs)
        return [_notification(event) for event in found]

    def max_notification_id(self) -> int | None:
        return self.recorder.max_notification_id()

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Any:
        return _Subscription(self.recorder, gt, topics)


class _Subscription(PollingSubscription):
    def __next__(self) -> Notification:
        return _notification(super().__next__())


def _stream(originator_id: UUID | str) -> str:
    return f"run:{originator_id}"


def _adapted(event: StoredEvent, prev: bytes) -> StoredEvent:
    state = pack((prev, str(uuid4()).encode(), b"//suite", b"2026-11-23T10:00:00Z", b"suite", event.state))
    return StoredEvent(_stream(event.originator_id), event.originator_version, event.topic, state)


def _original(event: StoredEvent) -> StoredEvent:
    originator_id = UUID(str(event.originator_id).removeprefix("run:"))
    return StoredEvent(originator_id, event.originator_version, event.topic, unpack(event.state)[_VALUE])


def _notification(event: Notification) -> Notification:
    original = _original(event)
    return Notification(original.originator_id, original.originator_version, original.topic, original.state, event.id)


TESTS = [name for name in dir(ApplicationRecorderTestCase) if name.startswith(("test_", "optional_test_"))]


def test_the_suite_has_the_tests_that_are_run_here() -> None:
    assert set(TESTS) >= {
        "test_insert_select",
        "test_concurrent_no_conflicts",
        "test_concurrent_throughput",
        "optional_test_insert_subscribe",
    }


@pytest.mark.parametrize("name", TESTS)
def test_application_recorder(name: str, open_parts: Open) -> None:
    parts = open_parts()
    recorder = LedgerRecorder(parts.control, parts.database)

    class Case(ApplicationRecorderTestCase):
        def create_recorder(self) -> ApplicationRecorder:
            return Adapter(recorder)

    case = Case(name)
    case.setUp()
    getattr(case, name)()
    case.tearDown()

    assert type(LedgerApplication(recorder).recorder) is type(recorder)
    assert parts.database.last_place() is not None
    assert recorder.database.count_voids() == 0
