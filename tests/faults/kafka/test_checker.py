"""What the checker of histories finds: in answers, in logs, and in builds that are broken on purpose."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.logs.log import Link, chain
from tests.faults.kafka import checker
from tests.faults.kafka.broken import BROKEN
from tests.faults.kafka.checker import Findings, check
from tests.faults.kafka.judging import Verdict, judge
from tests.faults.kafka.notes import ACCEPTED, LOST, NONE, Answer, Call, Doubts, Notes, calls_of, open_calls
from tests.faults.kafka.rule import History, Raw, join
from tests.faults.kafka.writer import Load, links_of
from tests.faults.kafka.writers import writers

LOG_ID = "0b2ab4c4-2f5d-4b0f-8f4c-95d6a1b0a6a1"


def a_call(name: str, seq: int = 1, prev: str = "", size: int = 1, began: float = 0) -> Call:
    links = links_of(Call(name, began, "run:a", seq, prev, size, "", ""), LOG_ID)
    return Call(name, began, "run:a", seq, prev, size, links[0].hash.hex(), links[-1].hash.hex())


FIRST = a_call("first", size=2)
SECOND = a_call("second", 3, FIRST.last)
RIVAL = a_call("rival", 3, FIRST.last, size=2)


def raws(*links: Link, partition: int = 0) -> list[Raw]:
    records = [link.envelope.record() for link in links]
    return [
        Raw(partition, at, each.key, {name: value or b"" for name, value in each.headers}, each.value or b"")
        for at, each in enumerate(records)
    ]


def log_of_calls(*calls: Call) -> History:
    return History.empty(LOG_ID, 1).read(raws(*[link for call in calls for link in links_of(call, LOG_ID)]))


def found(history: History, *answered: tuple[Call, Answer]) -> dict[str, int]:
    findings = Findings()
    check(answered, lambda _: history, findings)
    return dict(findings.violations)


def accepted(place: int, ended: float = 1) -> Answer:
    return Answer(ACCEPTED, ended, place)


def test_answers_that_agree_with_the_log_are_right() -> None:
    history = log_of_calls(FIRST, SECOND, RIVAL)

    assert (history.accepted, history.voids) == (3, 2)
    assert found(history, (FIRST, accepted(0)), (SECOND, accepted(2)), (RIVAL, Answer(LOST, 1, -1))) == {}
    assert found(history, (SECOND, Answer(NONE, float("inf"), -1))) == {}


def test_an_acknowledged_event_that_is_void_or_elsewhere_or_not_there_is_found() -> None:
    history = log_of_calls(FIRST, SECOND, RIVAL)

    assert found(history, (RIVAL, accepted(3))) == {checker.LOST_EVENT: 1}
    assert found(history, (a_call("never sent"), accepted(0))) == {checker.LOST_EVENT: 1}
    assert found(history, (SECOND, accepted(1))) == {checker.OTHER_PLACE: 1}


def test_an_event_that_was_refused_and_is_there_is_found() -> None:
    assert found(log_of_calls(FIRST, SECOND), (SECOND, Answer(LOST, 1, -1))) == {checker.KEPT_EVENT: 1}


def test_an_append_that_is_there_in_part_is_found() -> None:
    history = History.empty(LOG_ID, 1).read(raws(*links_of(FIRST, LOG_ID)[:1]))

    assert found(history, (FIRST, Answer(NONE, float("inf"), -1))) == {checker.TORN: 1}


def test_an_append_that_began_after_a_later_one_was_answered_is_found() -> None:
    history = log_of_calls(FIRST, SECOND)
    late = FIRST._replace(began=5)

    assert found(history, (late, accepted(0, ended=6)), (SECOND, accepted(2, ended=4))) == {checker.LATE: 2}
    assert found(history, (late, accepted(0, ended=6)), (SECOND, accepted(2, ended=5.5))) == {}


def test_a_log_with_a_hole_is_found() -> None:
    records = raws(*links_of(FIRST, LOG_ID))
    moved = records[1]._replace(offset=2)

    assert len(History.empty(LOG_ID, 1).read([records[0], moved]).faults) == 1


def test_by_number_alone_an_event_stands_on_a_rivals() -> None:
    behind = a_call("behind", 5, RIVAL.last)
    records = raws(*[link for call in (FIRST, SECOND, RIVAL, behind) for link in links_of(call, LOG_ID)])

    assert History.empty(LOG_ID, 1).read(records).faults == []
    assert len(History.empty(LOG_ID, 1).read(records, check_prev=False).faults) == 1


def test_a_record_in_a_partition_that_is_not_its_streams_is_void() -> None:
    links = links_of(FIRST, LOG_ID)
    history = History.empty(LOG_ID, 8)
    for partition in range(8):
        history.read(raws(*links, partition=partition))

    assert (history.accepted, history.voids) == (2, 14)
    assert history.streams["run:a"].places.tolist() == [join(3, 0), join(3, 1)]  # crc32(b"a") % 8


def test_an_event_that_was_decided_on_another_state_is_found() -> None:
    event = links_of(FIRST, LOG_ID)[0].envelope._replace(value=b'{"n":7}')

    assert len(History.empty(LOG_ID, 1).read(raws(*chain(LOG_ID, [event]))).faults) == 1


def test_calls_that_a_killed_writer_left_open_are_found_by_the_next(tmp_path: Path) -> None:
    lives = [tmp_path / "0.notes", tmp_path / "1.notes", tmp_path / "2.notes"]
    notes = Notes(lives[0])
    for call in (FIRST, SECOND):
        notes.call(call)
    notes.answer(FIRST, 2.0, ACCEPTED, 0)
    notes.answer(SECOND, 3.0, "unknown")
    lives[1].touch()  # the next one died before it noted anything
    again = open_calls(lives[:2])
    Notes(lives[2], again).answer(SECOND, 9.0, ACCEPTED, 2)
    doubts = Doubts()

    assert again == [SECOND]
    assert list(calls_of(lives, doubts)) == [(FIRST, accepted(0, 2.0)), (SECOND, accepted(2, 9.0))]
    assert (doubts.unknown, doubts.asked_again) == (1, 1)


def fire(broker: KafkaBroker, folder: Path, without: str, answers: int) -> Verdict:
    """A few writers on few streams, in a build that leaves out one check."""
    tiers: Sequence[tuple[str, int, int]] = (("run:a", 8, 6), ("values:v", 40, 12))
    load = Load(broker.address, f"x{uuid4().hex[:10]}", 0, 0, str(folder), tiers, without)
    with writers(load, 2) as started:
        while started.answered() < answers:
            assert all(each.code() is None for each in started.each), started.each[0].told("ended")
        started.finish()
    return judge([each.load for each in started.each], folder)


@pytest.mark.parametrize("without", BROKEN)
def test_a_build_without_one_check_is_caught(without: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    verdict = fire(kafka_broker, tmp_path, without, 5_000)

    assert verdict.findings.violations[checker.LOST_EVENT], verdict.findings.violations
    if without == "carried hash":
        assert verdict.findings.violations[checker.LOG]
    else:
        assert verdict.findings.violations[checker.READER]


def test_the_build_as_it_is_passes_the_same(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    assert fire(kafka_broker, tmp_path, "", 1_500).findings.shown == []
