"""A log that is measured does what it did, and counts it."""

from collections.abc import Sequence

import pytest

from ledger.errors import LostRaceError
from ledger.logs.log import Figures, Link, Told
from ledger.logs.measured import BOUNDS, MeasuredLog
from tests.ledger.logs.test_contract import links


class Fake:
    id = "log"

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.did: list[str] = []

    def append(self, appended: Sequence[Link]) -> list[int]:
        if self.error is not None:
            raise self.error
        return list(range(len(appended)))

    def catch_up(self, told: Told | None = None) -> None:
        self.did.append("caught up")
        if told is not None:
            told(1, 2)

    def stopped(self) -> None:
        return None

    def figures(self) -> Figures:
        return Figures(lag=7)

    def close(self) -> None:
        self.did.append("closed")


def two() -> list[Link]:
    return links(Fake(), "run:r", count=2)


def test_events_are_counted_by_type_and_appends_by_time() -> None:
    log = MeasuredLog(Fake())
    appended = two()

    assert log.append(appended) == [0, 1]
    assert log.appends.events == {appended[0].envelope.type: 2}
    assert sum(log.appends.within) == 1
    assert len(log.appends.within) == len(BOUNDS) + 1


def test_what_failed_is_counted_and_raised() -> None:
    fake = Fake()
    fake.error = LostRaceError("run:r", 1)
    log = MeasuredLog(fake)

    with pytest.raises(LostRaceError):
        log.append(two())

    assert log.appends.failures == {LostRaceError: 1}
    assert not log.appends.events


def test_an_append_lies_in_the_class_of_its_seconds() -> None:
    log = MeasuredLog(Fake())
    for seconds in (0.0, BOUNDS[0], BOUNDS[-1], BOUNDS[-1] * 2):
        log.appends.add([], seconds)

    assert (log.appends.within[0], log.appends.within[-2], log.appends.within[-1]) == (2, 1, 1)


def test_all_else_is_passed_on() -> None:
    fake = Fake()
    log = MeasuredLog(fake)
    told: list[tuple[int, int]] = []
    log.catch_up(lambda *heard: told.append(heard))
    log.close()

    assert told == [(1, 2)]
    assert (log.id, log.figures().lag, fake.did) == ("log", 7, ["caught up", "closed"])
